"""The message-side end of a session: whom its MESSAGEs go to, from whom, and what is known of how they are taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from protocols.sip import transports

if TYPE_CHECKING:
    from protocols.sip.flow import Target
    from protocols.sip.message import Request
    from sessions_app.gateway.routing import Decision

CARRIED: Final = ("subject", "priority", "reply-to")
"""Header fields of the request that began the session, which those that it causes take along (RULEBOOK M15)."""
_NAMES: Final = {"subject": "Subject", "priority": "Priority", "reply-to": "Reply-To"}
HEADERS_OCTETS: Final = 400
"""What the header fields of a MESSAGE take of its 1300 octets; generous, so that a derived max-size is kept."""
MOST_PARTS: Final = 99


class Profile(NamedTuple):
    """How a peer's message-side users take messages (the columns of Peer)."""

    takes_cpim: bool | None = None
    """None: as it shows."""
    oversize: str = "stream"
    """What becomes of a MESSAGE over 1300 octets: ``stream``, ``split`` or ``refuse``."""
    binds_with_content: bool = False
    """Whether its MSRP ends get their first message in the SEND that binds the session (RFC 4975 s5.4)."""

    def max_size(self, most: int) -> int:
        """The ``a=max-size`` that follows (RFC 4975 s8.6, RULEBOOK S10): ``most``, or what goes into UDP."""
        room = transports.UDP_LIMIT - HEADERS_OCTETS
        return {"refuse": room, "split": min(most, room * MOST_PARTS)}.get(self.oversize, most)


class PageEnd:
    """``hop`` is where its MESSAGEs are sent, empty for the Request-URI; ``target`` the same, found out."""

    __slots__ = ("from_uri", "headers", "hop", "profile", "refuses", "ruri", "target", "to_uri")

    def __init__(self, decision: Decision, initiator: str) -> None:
        if initiator == "message":  # the way back is the mirror of the MESSAGE
            self.from_uri, self.to_uri = decision.to_uri, decision.from_uri
            self.ruri, self.hop = decision.from_uri, decision.back_hop
        else:
            self.from_uri, self.to_uri = decision.from_uri, decision.to_uri
            self.ruri, self.hop = decision.ruri, decision.next_hop
        self.target: Target | None = None
        self.profile = Profile()
        self.refuses: set[str] = set()
        """Types that were answered 415; as many as there are forms of a message, so it stays small."""
        self.headers: tuple[tuple[str, str], ...] = ()

    @property
    def takes_cpim(self) -> bool | None:
        """Whether message/cpim may be sent; None: to be tried."""
        return self.profile.takes_cpim

    def set_profile(self, profile: Profile) -> None:
        """What the operator says of the peer; where that leaves it open, what was learned stays."""
        if profile.takes_cpim is None:
            profile = profile._replace(takes_cpim=self.profile.takes_cpim)
        self.profile = profile

    def learn_cpim(self, takes: bool) -> None:
        """It sent us CPIM, or refused it; what the operator said stands above that."""
        if self.profile.takes_cpim is None:
            self.profile = self.profile._replace(takes_cpim=takes)


def carried_headers(request: Request) -> tuple[tuple[str, str], ...]:
    """The header fields of :data:`CARRIED` that a request has."""
    headers = request.headers
    return tuple((_NAMES[name], request.first(name) or "") for name in CARRIED if name in headers)
