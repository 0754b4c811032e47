"""Offer and answer for ``m=message`` (RFC 4975 s8, RFC 6135, RFC 3264; RULEBOOK S6-S14, X1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from protocols import sdp
from protocols.msrp.accept import AcceptTypes, common
from protocols.msrp.errors import MsrpError, MsrpUriError
from protocols.msrp.uri import MsrpUri

NO_SDP = "no SDP"
MALFORMED_SDP = "malformed SDP"
NO_MESSAGE_LINE = "SDP without a message line"
LINE_REFUSED = "message line refused (port 0)"
UNSUPPORTED_TRANSPORT = "unsupported transport"
NO_PATH = "no path"
MALFORMED_PATH = "malformed path"
NO_PORT = "path without a port"
NO_ACCEPT_TYPES = "no accept-types"
NO_COMMON_TYPE = "no common type"

TRANSPORTS = ("TCP/MSRP", "TCP/TLS/MSRP")

Setup = Literal["active", "passive", "actpass"]
Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]

_MIRROR: dict[Direction, Direction] = {
    "sendrecv": "sendrecv",
    "sendonly": "recvonly",
    "recvonly": "sendonly",
    "inactive": "inactive",
}


class NegotiationError(MsrpError):
    """The description cannot make an MSRP session.

    ``code`` is the SIP status to answer an offer with: 488, or 400 when it could not be read at all. ``detail`` is one
    of the constants of this module, for records; ``reason`` is a sentence for people.
    """

    def __init__(self, code: int, detail: str, reason: str = "") -> None:
        super().__init__(reason or detail)
        self.code = code
        self.detail = detail
        self.reason = reason or detail


@dataclass(slots=True)
class MessageMedia:
    """What a peer's description says about MSRP."""

    path: tuple[str, ...]
    """a=path, next hop first; the last URI is the peer (RULEBOOK S7)."""
    accept_types: AcceptTypes
    """Types that may be sent to the peer (RULEBOOK S8)."""
    accept_wrapped_types: AcceptTypes | None
    """Types that may be sent inside a container only."""
    setup: Setup | None
    """a=setup; None when absent or ``holdconn`` (RULEBOOK X1)."""
    max_size: int | None
    """a=max-size: octets of a whole message, a hint (RULEBOOK S10)."""
    direction: Direction
    """Who sends content, from the peer's point of view (RULEBOOK S12)."""
    host: str | None
    """Address of the c-line; not where to connect (RULEBOOK S6)."""
    port: int
    """Port of the m-line; not where to connect."""
    proto: str
    """TCP/MSRP or TCP/TLS/MSRP."""
    description: sdp.SessionDescription
    """The whole description, which the answer must mirror."""
    index: int
    """Which of its media lines this is."""

    @property
    def next_hop(self) -> MsrpUri:
        """Where the active side connects to."""
        return MsrpUri.parse(self.path[0])

    @property
    def secure(self) -> bool:
        """True when the connection must be TLS: so says the path, or the m-line (RFC 4975 s8.1)."""
        return self.next_hop.secure or self.proto == TRANSPORTS[True]

    @property
    def wants_cema(self) -> bool:
        """Whether its sender would connect by the c-line and m-line, and not by its path (RFC 6714)."""
        return self.description.media[self.index].has("msrp-cema")

    @property
    def is_anchored(self) -> bool:
        """Whether c-line and m-line name another address than the path: a middlebox is between (RFC 6714 s4.4)."""
        hop = self.next_hop
        return self.host is not None and MsrpUri(self.host, self.port).key[1:3] != MsrpUri(hop.host, hop.port).key[1:3]

    @property
    def fingerprint(self) -> str | None:
        """a=fingerprint, of the media line or the session (RFC 4975 s14.4)."""
        own = self.description.media[self.index].get("fingerprint")
        return own if own is not None else self.description.get("fingerprint")


def build_offer(
    *,
    host: str,
    port: int,
    local_path: str,
    accept_types: str,
    setup: Setup = "actpass",
    max_size: int | None,
    session_id: int,
    version: int,
    accept_wrapped_types: str | None = None,
    direction: Direction = "sendrecv",
    attributes: Sequence[sdp.Attribute] = (),
) -> bytes:
    """An offer of one MSRP session. ``session_id`` and ``version`` are those of the o-line (RFC 8866 s5.2).

    ``setup`` is ``actpass`` when we can be reached and ``active`` when not, never ``passive`` (RULEBOOK X1; raises
    MsrpError). ``attributes`` are added to the media line as they are.
    """
    if setup == "passive":
        raise MsrpError("an offer must not say setup:passive")
    description = sdp.SessionDescription(origin=_origin(host, session_id, version), connection=sdp.connection_for(host))
    description.media.append(
        _media(port, local_path, accept_types, setup, max_size, accept_wrapped_types, direction, attributes)
    )
    return description.build()


def build_answer(
    offer_media: MessageMedia,
    *,
    host: str,
    port: int,
    local_path: str,
    accept_types: str,
    setup: Setup | None = None,
    max_size: int | None,
    session_id: int,
    version: int,
    accept_wrapped_types: str | None = None,
    attributes: Sequence[sdp.Attribute] = (),
) -> bytes:
    """The answer that takes ``offer_media`` and refuses every other media line with port 0, in the offer's order.

    ``setup`` defaults to ``choose_answer_setup``; the direction mirrors the offer's (RFC 3264 s6, s6.1).
    """
    offered = offer_media.description
    answer = sdp.SessionDescription(
        origin=_origin(host, session_id, version), connection=sdp.connection_for(host), timing=offered.timing
    )
    for index, line in enumerate(offered.media):
        if index != offer_media.index:
            answer.media.append(sdp.MediaDescription(line.media, 0, line.proto, list(line.formats)))
            continue
        ours = _media(
            port,
            local_path,
            accept_types,
            setup or choose_answer_setup(offer_media.setup),
            max_size,
            accept_wrapped_types,
            _MIRROR[offer_media.direction],
            attributes,
        )
        ours.proto = offer_media.proto
        answer.media.append(ours)
    return answer.build()


def read_offer(body: bytes, ours: AcceptTypes | None = None) -> MessageMedia:
    """The first usable MSRP line of an offer; ``ours`` given, it must share a type with us (RULEBOOK S9, D27).

    Raises NegotiationError.
    """
    return _read(body, ours)


def read_answer(body: bytes, ours: AcceptTypes | None = None) -> MessageMedia:
    """The MSRP line of an answer to our offer of one line. Raises NegotiationError."""
    return _read(body, ours)


def active_side(offer_setup: str | None, answer_setup: str | None) -> Literal["offerer", "answerer"]:
    """Who opens the connection, sends the first SEND and is TLS client (RULEBOOK S14, X1).

    Without a=setup on either side, or with one that decides nothing, it is the offerer (RFC 4975 s8.5, RFC 6135 s4.2).
    """
    offer, answer = _setup(offer_setup), _setup(answer_setup)
    if offer is None or answer is None or offer == "active":
        return "offerer"
    if answer == "active":
        return "answerer"
    if offer == "passive" and answer == "actpass":
        return "answerer"
    return "offerer"


def choose_answer_setup(offer_setup: str | None, *, reachable: bool = True) -> Setup:
    """Our a=setup in an answer; ``reachable`` False when the peer cannot connect to us (RFC 6135 s4.2.2)."""
    offer = _setup(offer_setup)
    if offer == "passive" or (offer == "actpass" and not reachable):
        return "active"
    return "passive"


def _setup(text: str | None) -> Setup | None:
    match (text or "").strip().lower():
        case "active":
            return "active"
        case "passive":
            return "passive"
        case "actpass":
            return "actpass"
        case _:  # holdconn is read as absent (RFC 6135 s4.2.1)
            return None


def _direction(line: sdp.MediaDescription, description: sdp.SessionDescription) -> Direction:
    for attributes in (line.attributes, description.attributes):
        for name, _ in attributes:
            if name in _MIRROR:
                return name
    return "sendrecv"


def _origin(host: str, session_id: int, version: int) -> str:
    return f"- {session_id} {version} {sdp.connection_for(host)}"


def _media(
    port: int,
    local_path: str,
    accept_types: str,
    setup: Setup,
    max_size: int | None,
    accept_wrapped_types: str | None,
    direction: Direction,
    attributes: Sequence[sdp.Attribute],
) -> sdp.MediaDescription:
    hops = [MsrpUri.parse(hop) for hop in local_path.split()]
    if not hops or any(hop.port is None for hop in hops):
        raise MsrpUriError("every URI of a path needs a port")  # RULEBOOK S2, D30
    line = sdp.MediaDescription("message", port, TRANSPORTS[hops[-1].secure], ["*"])
    line.attributes.append(("accept-types", accept_types))
    if accept_wrapped_types:
        line.attributes.append(("accept-wrapped-types", accept_wrapped_types))
    line.attributes.append(("path", local_path))
    line.attributes.append(("setup", setup))
    if max_size is not None:
        line.attributes.append(("max-size", str(max_size)))
    if direction != "sendrecv":
        line.attributes.append((direction, None))
    line.attributes += attributes
    return line


def _read(body: bytes, ours: AcceptTypes | None) -> MessageMedia:
    if not body.strip():
        raise NegotiationError(488, NO_SDP)
    try:
        description = sdp.parse(body)
    except sdp.SdpError as error:
        raise NegotiationError(400, MALFORMED_SDP, str(error)) from None
    problem: NegotiationError | None = None
    for index, line in enumerate(description.media):
        if line.media == "message":
            try:
                return _read_line(description, index, ours)
            except NegotiationError as error:
                problem = problem or error
    raise problem or NegotiationError(488, NO_MESSAGE_LINE)


def _read_line(description: sdp.SessionDescription, index: int, ours: AcceptTypes | None) -> MessageMedia:
    line = description.media[index]
    if line.port == 0:
        raise NegotiationError(488, LINE_REFUSED)
    proto = line.proto.upper()
    if proto not in TRANSPORTS:
        raise NegotiationError(488, UNSUPPORTED_TRANSPORT, f"unsupported transport {line.proto[:40]}")
    path = tuple((line.get("path") or "").split())
    if not path:
        raise NegotiationError(488, NO_PATH)
    for hop in path:
        try:
            uri = MsrpUri.parse(hop)
        except MsrpUriError as error:
            raise NegotiationError(488, MALFORMED_PATH, str(error)) from None
        if uri.port is None:  # RULEBOOK S2
            raise NegotiationError(488, NO_PORT)
    next_hop = MsrpUri.parse(path[0])  # who connects to us, or we to it; what is behind it is its own
    if next_hop.transport.lower() != "tcp":
        raise NegotiationError(488, UNSUPPORTED_TRANSPORT, f"unsupported transport {next_hop.transport[:40]} in a=path")
    accept = AcceptTypes(line.get("accept-types") or "")
    if not accept:
        raise NegotiationError(488, NO_ACCEPT_TYPES)
    if ours is not None and not common(ours, accept):
        raise NegotiationError(488, NO_COMMON_TYPE)
    wrapped = line.get("accept-wrapped-types")
    size = line.get("max-size") or ""
    setup = line.get("setup")
    where = line.connection or description.connection
    return MessageMedia(
        path=path,
        accept_types=accept,
        accept_wrapped_types=AcceptTypes(wrapped) if wrapped else None,
        setup=_setup(setup if setup is not None else description.get("setup")),
        max_size=int(size) if size.isascii() and size.isdecimal() and len(size) <= 15 else None,
        direction=_direction(line, description),
        host=where.address if where is not None else None,
        port=line.port,
        proto=proto,
        description=description,
        index=index,
    )
