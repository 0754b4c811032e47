"""The request route: what becomes of a request, decided by a callable of the operator's or by the routes table.

The callable named by ``GATEWAY_ROUTE`` gets a :class:`RouteRequest` and calls one of the seed's functions on it::

    from sessions_app.gateway import msg_to_msrp, msrp_gw_answer, reject

    def route(request):
        if request.method == "MESSAGE":
            msg_to_msrp(request, key=request.pair, content_types="text/plain")
        elif request.from_aor.endswith("@ims.example"):
            msrp_gw_answer(request, key=request.pair, content_types="text/plain")
        else:
            reject(request, 403, "Not for you")

It runs on the event loop for every request, so it must not wait for anything.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from protocols.msrp.accept import AcceptTypes
from protocols.sip.uri import aor_of

if TYPE_CHECKING:
    from protocols.sip.message import Request

Action = Literal["msg_to_msrp", "msrp_gw_answer", "reject"]
WayBack = Literal["from", "source", "flow"]

DEFAULT_FAILURE_TEXT = "Your message to {to} was not delivered: {detail}"


NOTHING = AcceptTypes("")


@dataclass(frozen=True, slots=True)
class Decision:
    """What a route decided. URIs are those of the request that the gateway will make."""

    action: Action
    key: str = ""
    content_types: AcceptTypes = NOTHING
    from_uri: str = ""
    to_uri: str = ""
    ruri: str = ""
    next_hop: str = ""
    """SIP URI that the request is sent to; empty: its Request-URI."""
    back_hop: str = ""
    """The same for MESSAGEs of the way back."""
    way_back: WayBack = "from"
    """Where these go if no hop is given: by From, to the source of the MESSAGEs, or over that connection only."""
    route: str = ""
    """Name of the route, for the records."""
    notify_failure: bool = False
    failure_text: str = DEFAULT_FAILURE_TEXT
    code: int = 403
    reason: str | None = None


class RouteRequest:
    """A request as a route sees it."""

    __slots__ = ("decision", "from_uri", "message", "method", "ruri", "source", "to_uri")

    def __init__(self, message: Request, source: str) -> None:
        self.message = message
        """The parsed request, with all its headers."""
        self.method = message.method
        self.source = source
        """IP address it came from."""
        self.from_uri = message.from_.uri
        self.to_uri = message.to.uri
        self.ruri = message.uri
        self.decision: Decision | None = None

    @property
    def from_aor(self) -> str:
        """Address of record in From."""
        return aor_of(self.from_uri)

    @property
    def to_aor(self) -> str:
        """Address of record in To."""
        return aor_of(self.to_uri)

    @property
    def ruri_aor(self) -> str:
        """Address of record in the Request-URI."""
        return aor_of(self.ruri)

    @property
    def call_id(self) -> str:
        """Call-ID."""
        return self.message.call_id

    @property
    def pair(self) -> str:
        """Both addresses of record in sorted order: the same for A to B as for B to A."""
        first, second = sorted((self.from_aor, self.to_aor))
        return f"{first} {second}"


def calling(decision: Decision, initiator: str) -> Decision:
    """The decision to INVITE the MSRP side of a session; where that had called us, the mirror of its call."""
    if initiator == "message":
        return decision
    return replace(
        decision,
        action="msg_to_msrp",
        from_uri=decision.to_uri,
        to_uri=decision.from_uri,
        ruri=decision.from_uri,
        next_hop="",
        back_hop=decision.next_hop,
    )


@lru_cache(maxsize=1024)
def accept_types(text: str) -> AcceptTypes:
    """The parsed form of a list of types; a route has few of them."""
    return AcceptTypes(text)


def msg_to_msrp(
    request: RouteRequest,
    key: str,
    content_types: str,
    *,
    from_uri: str | None = None,
    to_uri: str | None = None,
    ruri: str | None = None,
    next_hop: str = "",
    back_hop: str = "",
    way_back: WayBack = "from",
    route: str = "",
    notify_failure: bool = False,
    failure_text: str = DEFAULT_FAILURE_TEXT,
) -> None:
    """Carry the MESSAGE as a SEND in the session of ``key``, which is set up by an INVITE if there is none.

    From, To and Request-URI of the MESSAGE build the INVITE and are mirrored for the way back (From and To exchanged,
    the Request-URI being From). ``content_types``: MIME types by space. ``way_back``: where MESSAGEs of the way back
    go without a ``back_hop``: ``from`` is the address in From, ``source`` the one that the MESSAGE came from, ``flow``
    the same and over the connection that it came on only.
    """
    request.decision = Decision(
        action="msg_to_msrp",
        key=key,
        content_types=accept_types(content_types),
        from_uri=request.from_uri if from_uri is None else from_uri,
        to_uri=request.to_uri if to_uri is None else to_uri,
        ruri=request.ruri if ruri is None else ruri,
        next_hop=next_hop,
        back_hop=back_hop,
        way_back=way_back,
        route=route,
        notify_failure=notify_failure,
        failure_text=failure_text,
    )


def msrp_gw_answer(
    request: RouteRequest,
    key: str,
    content_types: str,
    from_: str | None = None,
    to: str | None = None,
    ruri: str | None = None,
    *,
    next_hop: str = "",
    route: str = "",
) -> None:
    """Answer the INVITE and make the session of ``key``; its SENDs become MESSAGEs with ``from_``, ``to``, ``ruri``."""
    request.decision = Decision(
        action="msrp_gw_answer",
        key=key,
        content_types=accept_types(content_types),
        from_uri=request.from_uri if from_ is None else from_,
        to_uri=request.to_uri if to is None else to,
        ruri=request.ruri if ruri is None else ruri,
        next_hop=next_hop,
        route=route,
    )


def reject(request: RouteRequest, code: int, reason: str | None = None) -> None:
    """Refuse the request."""
    request.decision = Decision(action="reject", code=480 if code == 408 else code, reason=reason)
