"""A transport that records, time that is moved by hand, and peers that speak from templates."""

from __future__ import annotations

from typing import Any

from protocols.sip.flow import Target
from protocols.sip.message import Request, Response
from protocols.sip.parser import parse_message
from protocols.sip.transaction_client import ClientTransaction, Failure, OutgoingRequest
from protocols.sip.transaction_layer import TransactionLayer
from protocols.sip.transaction_server import InviteServerTransaction, ServerTransaction
from protocols.sip.transports import Transports
from protocols.timers import TICK, TimerWheel

PEER = ("192.0.2.10", 5060)
TO_PEER = Target("UDP", *PEER)


class RecordingFlow:
    """A UDP socket or a TCP connection that keeps what is sent."""

    def __init__(self, transport: str = "UDP", sent_by: str = "192.0.2.1:5060") -> None:
        self.transport = transport
        self.reliable = transport != "UDP"
        self.certificate_expires: float | None = None
        self.sent_by = sent_by
        self.alive = True
        self.sent: list[tuple[bytes, tuple[str, int]]] = []

    def send(self, data: bytes, to: tuple[str, int]) -> None:
        self.sent.append((data, to))

    def take(self) -> list[Any]:
        """What was sent since the last take, parsed."""
        sent, self.sent = self.sent, []
        return [parse_message(data) for data, _ in sent]

    def starts(self) -> list[str]:
        """Methods and status codes of what was sent since the last take."""
        sent, self.sent = self.sent, []
        return [
            second if first == "SIP/2.0" else first
            for first, second, *_ in (data.decode().split(" ", 2) for data, _ in sent)
        ]


class Recorder:
    """A transaction user that notes what it gets, and answers what the test says."""

    def __init__(self) -> None:
        self.requests: list[ServerTransaction] = []
        self.acks: list[Request] = []
        self.cancelled: list[InviteServerTransaction] = []
        self.answer: int | None = None

    def on_request(self, transaction: ServerTransaction) -> None:
        self.requests.append(transaction)
        if self.answer is not None:
            transaction.respond(self.answer)

    def on_ack(self, request: Request) -> None:
        self.acks.append(request)

    def on_cancel(self, transaction: InviteServerTransaction) -> None:
        self.cancelled.append(transaction)

    def is_far_end(self, request: Request, host: str) -> bool:
        return False


class Outcomes:
    """Who sent a request: its answers and its failures."""

    def __init__(self) -> None:
        self.responses: list[int] = []
        self.failures: list[Failure] = []

    def on_response(self, _: ClientTransaction, response: Response) -> None:
        self.responses.append(response.status)

    def on_failure(self, _: ClientTransaction, failure: Failure) -> None:
        self.failures.append(failure)


class Stack:
    """A transaction layer on recording flows, and its clock."""

    def __init__(self, user: Any = None, **options: Any) -> None:
        self.now = 1000.0
        self.wheel = TimerWheel(self.now)
        self.udp = RecordingFlow()
        self.transports = Transports()
        self.transports.add_udp(self.udp)
        self.dialled: list[Target] = []
        self.transports.dial = self.dialled.append
        self.user = Recorder() if user is None else user
        self.layer = TransactionLayer(self.wheel, self.transports, self.user, **options)

    def advance(self, seconds: float) -> None:
        """Let time pass, waking up when a timer is due as a host does."""
        end = self.now + seconds
        while (due := self.wheel.next_deadline()) is not None and due <= end:
            self._at(due)
        self._at(end)

    def _at(self, now: float) -> None:
        self.now = now
        self.wheel.advance(now)
        self.layer.advance(now)

    def receive(self, data: bytes, flow: Any = None, source: tuple[str, int] = PEER) -> None:
        self.layer.receive(data, source, flow or self.udp)

    def times(self, seconds: float, what: str, flow: RecordingFlow | None = None) -> list[float]:
        """When, in seconds from now and to a tenth, ``what`` (a method or a code) was sent."""
        began = self.now
        found: list[float] = []
        for _ in range(int(seconds / TICK)):
            self.advance(TICK)
            found += [round(self.now - began - TICK, 1) for each in (flow or self.udp).starts() if each == what]
        return found


def request(
    method: str = "MESSAGE",
    *,
    branch: str | None = "z9hG4bK1",
    sent_by: str = "192.0.2.10:5060",
    transport: str = "UDP",
    rport: bool = True,
    uri: str = "sip:bob@192.0.2.1",
    tag: str | None = "1",
    to_tag: str | None = None,
    call_id: str = "c1",
    cseq: int = 1,
    contact: str | None = None,
    extra: str = "",
    body: str = "",
) -> bytes:
    """What a peer sends."""
    via = f"SIP/2.0/{transport} {sent_by}" + (f";branch={branch}" if branch else "") + (";rport" if rport else "")
    if contact is None and method == "INVITE":
        contact = "<sip:alice@192.0.2.10>"
    return (
        f"{method} {uri} SIP/2.0\r\nVia: {via}\r\nMax-Forwards: 70\r\n"
        f"From: <sip:alice@example.com>{f';tag={tag}' if tag else ''}\r\n"
        f"To: <sip:bob@example.com>{f';tag={to_tag}' if to_tag else ''}\r\n"
        f"Call-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n"
        + (f"Contact: {contact}\r\n" if contact else "")
        + f"{extra}Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def answer(
    asked: Request,
    status: int,
    *,
    to_tag: str | None = "9",
    contact: str | None = "<sip:bob@192.0.2.10>",
    extra: str = "",
    via: str | None = None,
) -> bytes:
    """What a peer answers to a request of ours."""
    vias = "".join(f"Via: {each}\r\n" for each in ([via] if via is not None else asked.headers["via"]))
    to = asked.first("to") or ""
    tag = f";tag={to_tag}" if to_tag and status > 100 and ";tag=" not in to else ""
    return (
        f"SIP/2.0 {status} Whatever\r\n{vias}From: {asked.first('from')}\r\nTo: {to}{tag}\r\n"
        f"Call-ID: {asked.call_id}\r\nCSeq: {asked.first('cseq')}\r\n"
        + (f"Contact: {contact}\r\n" if contact and asked.method == "INVITE" and 100 < status < 300 else "")
        + f"{extra}Content-Length: 0\r\n\r\n"
    ).encode()


def outgoing(
    method: str = "MESSAGE", body: bytes = b"", uri: str = "sip:bob@192.0.2.10", cseq: int = 1
) -> OutgoingRequest:
    """What we send."""
    return OutgoingRequest(
        method,
        uri,
        [
            ("Route", "<sip:192.0.2.10;lr>"),
            ("Max-Forwards", "69"),
            ("From", "<sip:alice@example.com>;tag=1"),
            ("To", "<sip:bob@example.com>"),
            ("Call-ID", "c1"),
            ("CSeq", f"{cseq} {method}"),
            ("Contact", "<sip:192.0.2.1>"),
        ],
        body,
    )
