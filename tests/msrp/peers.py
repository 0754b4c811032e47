"""Two ends and a wire for the tests of the MSRP engine: no sockets, no clock."""

from __future__ import annotations

from protocols.msrp.connection import MsrpConnection
from protocols.msrp.endpoint import MsrpEndpoint
from protocols.msrp.events import Event
from protocols.msrp.frames import Frame, MsrpRequest, MsrpResponse
from protocols.msrp.ids import new_session_id
from protocols.msrp.limits import Limits
from protocols.msrp.parser import FrameParser
from protocols.msrp.session import MsrpSession

OURS = "msrp://gw.example.com:2855/iau39soe2843zgateway0;tcp"
PEER = "msrp://alicepc.example.com:7777/9di4eae923wzd;tcp"


def request(
    tid: str,
    method: str = "SEND",
    *headers: str,
    to: str = OURS,
    frm: str = PEER,
    body: bytes | None = None,
    flag: str = "$",
) -> bytes:
    """A request as a peer would write it; ``headers`` are whole lines."""
    lines = [f"MSRP {tid} {method}", f"To-Path: {to}", f"From-Path: {frm}", *headers]
    head = ("\r\n".join(lines) + "\r\n").encode()
    content = b"" if body is None else b"\r\n" + body + b"\r\n"
    return head + content + f"-------{tid}{flag}\r\n".encode()


def message(tid: str, text: bytes, *headers: str, message_id: str = "12339sdqwer", **more: str) -> bytes:
    """A SEND of a whole text/plain message."""
    size = len(text)
    return request(
        tid,
        "SEND",
        f"Message-ID: {message_id}",
        f"Byte-Range: 1-{size}/{size}",
        *headers,
        "Content-Type: text/plain",
        body=text,
        **more,
    )


def bind_request(tid: str = "66b5d6b146059f92", **more: str) -> bytes:
    """The bind form of a real peer: empty SEND, Byte-Range before Message-ID, no blank line."""
    return request(tid, "SEND", "Byte-Range: 1-0/0", "Message-ID: 38bcfa469f11a6ac", **more)


def answer(tid: str, code: int = 200, comment: str = "OK") -> bytes:
    """A response from the peer."""
    return f"MSRP {tid} {code} {comment}\r\nTo-Path: {OURS}\r\nFrom-Path: {PEER}\r\n-------{tid}$\r\n".encode()


def frames(data: bytes) -> list[Frame]:
    """What a receiver would read from ``data``, which must hold whole frames."""
    parser = FrameParser(Limits(max_frame_body=64 * 1024 * 1024))
    found = parser.feed(data)
    assert parser.buffered == 0
    return found


def responses(data: bytes) -> list[tuple[str, int]]:
    """(tid, code) of the responses in ``data``."""
    return [(frame.tid, frame.code) for frame in frames(data) if isinstance(frame, MsrpResponse)]


def requests(data: bytes) -> list[MsrpRequest]:
    """The requests in ``data``."""
    return [frame for frame in frames(data) if isinstance(frame, MsrpRequest)]


class Passive:
    """A gateway that waits for its peer: endpoint, one session, one accepted connection."""

    def __init__(self, limits: Limits | None = None, accept_types: str = "*", max_size: int | None = None) -> None:
        self.endpoint = MsrpEndpoint(limits)
        self.session = self.endpoint.create_session(OURS, accept_types=accept_types, max_size=max_size)
        self.session.set_peer((PEER,), "*", None)
        self.connection = self.endpoint.create_connection(outbound=False)

    def bound(self) -> Passive:
        """The same after the peer's bind."""
        self.connection.receive(bind_request(), 0.0)
        self.connection.take_output(0.0)
        return self

    def receive(self, data: bytes, now: float = 1.0) -> list[Event]:
        return self.connection.receive(data, now)

    def output(self, now: float = 1.0) -> bytes:
        return self.connection.take_output(now)


class Pair:
    """Two of our own endpoints and the wire between them."""

    def __init__(self, limits: Limits | None = None, peer_limits: Limits | None = None) -> None:
        self.left = MsrpEndpoint(limits)
        self.right = MsrpEndpoint(peer_limits or limits)
        self.out = self.left.create_connection(outbound=True)
        self.into = self.right.create_connection(outbound=False)
        self.left_events: list[Event] = []
        self.right_events: list[Event] = []

    def session(self, now: float = 0.0) -> tuple[MsrpSession, MsrpSession]:
        """One more session over the connection, attached on the left."""
        ours = f"msrp://left.example.com:2855/{new_session_id()};tcp"
        theirs = f"msrp://right.example.com:2855/{new_session_id()};tcp"
        here = self.left.create_session(ours)
        there = self.right.create_session(theirs)
        here.set_peer((theirs,), "*", None)
        there.set_peer((ours,), "*", None)
        here.attach(self.out, now)
        return here, there

    def run(self, now: float = 1.0) -> None:
        """Carry bytes both ways until nothing moves; every whole message is answered 200."""
        while self.out.has_output or self.into.has_output:
            carry(self.out, self.into, self.right_events, now)
            carry(self.into, self.out, self.left_events, now)


def carry(source: MsrpConnection, target: MsrpConnection, events: list[Event], now: float) -> None:
    """Move one flush from ``source`` to ``target``."""
    data = source.take_output(now)
    if data:
        for event in target.receive(data, now):
            events.append(event)
            incoming = getattr(event, "incoming", None)
            if incoming is not None:
                incoming.respond(200)
