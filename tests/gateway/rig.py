"""A gateway without sockets, database or clock: its flows record, its store is a list, the test moves the time."""

from __future__ import annotations

from typing import Any

from protocols.msrp.connection import MsrpConnection
from protocols.sip.flow import Address
from protocols.sip.parser import parse_message
from sessions_app.conf import GatewayConfig
from sessions_app.gateway.gateway import Gateway
from sessions_app.gateway.routing import RouteRequest, msg_to_msrp, msrp_gw_answer
from sessions_app.store.confirmations import Confirmation
from sessions_app.store.writer import Obligation

PAGE = ("127.0.0.1", 5080)
CHAT = ("127.0.0.1", 5090)


class RecordingFlow:
    """A UDP socket that keeps what is sent."""

    transport = "UDP"
    reliable = False
    sent_by = "127.0.0.1:5060"
    alive = True
    certificate_expires: float | None = None

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, tuple[str, int]]] = []

    def send(self, data: bytes, to: tuple[str, int]) -> None:
        self.sent.append((data, to))

    def take(self, start: str) -> Any:
        """The first message that was sent and begins so, parsed; it is taken away."""
        for position, (data, _) in enumerate(self.sent):
            if data.startswith(start.encode()):
                del self.sent[position]
                return parse_message(data)
        raise AssertionError(f"no {start} among {[data.split(b' ', 2)[:2] for data, _ in self.sent]}")


class ListStore:
    """Keeps rows in lists; commits when the test says so."""

    healthy = True
    full = False

    def __init__(self) -> None:
        self.sessions: dict[str, dict[str, Any]] = {}
        self.messages: list[str] = []
        self.owed: list[Obligation] = []
        self.told: list[Any] = []
        self.outcomes: list[str] = []
        self.failures: list[dict[str, Any]] = []
        self.events: list[str] = []
        self.news: list[Confirmation] = []

    def new_session(self, values: dict[str, Any]) -> None:
        self.sessions[values["id"]] = dict(values)

    def change_session(self, identity: str, changes: dict[str, Any]) -> None:
        self.sessions[identity].update(changes)

    def keep_message(
        self, session: str, line: str, committed: Any, context: Any, *, with_audit: bool = False
    ) -> Obligation:
        obligation = Obligation(line, committed, context)
        self.owed.append(obligation)
        return obligation

    def new_message(self, line: str) -> None:
        self.messages.append(line)

    def finish_message(self, obligation: Obligation, outcome: str, then: Any = None) -> None:
        if not obligation.kept:
            obligation.ended_early(outcome, then)
        else:
            self.outcomes.append(outcome)
            if then is not None:
                self.told.append(then)

    def commit(self) -> None:
        """All of it, and what follows from that."""
        while self.owed or self.told:
            owed, self.owed = self.owed, []
            told, self.told = self.told, []
            for obligation in owed:
                self.messages.append(obligation.line)
                obligation.settle(self)  # type: ignore[arg-type]
            for then in told:
                then()

    def confirm(self, news: Confirmation) -> None:
        self.news.append(news)

    def setup_failure(self, values: dict[str, Any], committed: Any = None) -> None:
        self.failures.append(values)

    def event(self, line: str) -> None:
        self.events.append(line)


class Rig:
    """The gateway between a page UA at PAGE and a chat UA at CHAT, both of them the test."""

    def __init__(self, **config: Any) -> None:
        self.now = 1000.0
        self.store = ListStore()
        self.dialled: list[tuple[str, int]] = []
        self.connections: list[MsrpConnection] = []
        self.gateway = Gateway(
            GatewayConfig(**config),
            self.store,
            now=self.now,
            sip_listener=Address("127.0.0.1", 5060),
            msrp_listener=Address("127.0.0.1", 2855),
            route=self._route,
            trusts=lambda source: True,
        )
        self.flow = RecordingFlow()
        self.gateway.transports.add_udp(self.flow)
        self.gateway.msrp_side.dial = self.dialled.append
        self.gateway.msrp_side.close = lambda connection: None
        self._branch = 0

    def _route(self, request: RouteRequest) -> None:
        if request.method == "MESSAGE":
            msg_to_msrp(request, request.pair, "text/plain")
        else:
            msrp_gw_answer(request, request.pair, "text/plain")

    def advance(self, seconds: float, step: float = 0.25) -> None:
        """Let time pass."""
        end = self.now + seconds
        while self.now < end:
            self.now = min(self.now + step, end)
            self.gateway.advance(self.now)

    def receive(self, text: str, source: tuple[str, int]) -> None:
        self.gateway.layer.receive(text.encode(), source, self.flow)

    def message(self, body: str = "hello", *, user: str = "alice", to: str = "bob") -> None:
        """A MESSAGE from the page side."""
        self._branch += 1
        here = f"{PAGE[0]}:{PAGE[1]}"
        self.receive(
            f"MESSAGE sip:{to}@127.0.0.1:5090 SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {here};branch=z9hG4bKm{self._branch};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:{user}@{here}>;tag=1\r\nTo: <sip:{to}@127.0.0.1:5090>\r\n"
            f"Call-ID: c{self._branch}\r\nCSeq: 1 MESSAGE\r\nContent-Type: text/plain\r\n\r\n{body}",
            PAGE,
        )

    def answer(
        self, request: Any, code: int, reason: str = "OK", *, source=CHAT, extra: str = "", body: str = ""
    ) -> None:
        """The far end answers a request that the gateway sent."""
        vias = "".join(f"Via: {via}\r\n" for via in request.headers["via"])
        to = request.first("to")
        self.receive(
            f"SIP/2.0 {code} {reason}\r\n{vias}"
            f"From: {request.first('from')}\r\nTo: {to}{'' if ';tag' in to else ';tag=9'}\r\n"
            f"Call-ID: {request.call_id}\r\nCSeq: {request.first('cseq')}\r\n{extra}\r\n{body}",
            source,
        )

    def accept(self, invite: Any, path: str = "msrp://127.0.0.1:2900/abcdefghij;tcp") -> None:
        """The chat side takes the INVITE, passive."""
        body = (
            "v=0\r\no=x 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=message 2900 TCP/MSRP *\r\n"
            f"a=accept-types:*\r\na=path:{path}\r\na=setup:passive\r\n"
        )
        extra = "Contact: <sip:bob@127.0.0.1:5090>\r\nContent-Type: application/sdp\r\n"
        self.answer(invite, 200, extra=extra, body=body)

    def connect(self) -> MsrpConnection:
        """The connection that the gateway dialled is there."""
        connection = self.gateway.endpoint.create_connection(True, remote=self.dialled[0][0])
        self.connections.append(connection)
        self.gateway.msrp_side.connected(self.dialled.pop(0), connection)
        self.answer_sends(connection, connection.take_output(self.now))  # the one that binds
        return connection

    def live(self) -> tuple[MsrpConnection, bytes]:
        """A live session that alice began: its connection, and the gateway's path in it."""
        self.message("first")
        invite = self.flow.take("INVITE")
        self.accept(invite)
        connection = self.connect()
        self.msrp_ok(connection)
        self.flow.sent.clear()
        return connection, invite.body.partition(b"a=path:")[2].partition(b"\r\n")[0]

    def msrp_ok(self, connection: MsrpConnection) -> None:
        """The chat side answers every SEND 200: those that are on their way, and those that follow from the answers."""
        while data := connection.take_output(self.now):
            self.answer_sends(connection, data)

    def answer_sends(self, connection: MsrpConnection, sent: bytes) -> None:
        """The chat side answers the SENDs among these octets 200."""
        for chunk in sent.split(b"MSRP ")[1:]:
            tid, method = chunk.split(b"\r\n", 1)[0].split(b" ", 1)
            if method != b"SEND":
                continue
            to, own = (line.partition(b": ")[2] for line in chunk.split(b"\r\n")[1:3])
            data = b"MSRP %s 200 OK\r\nTo-Path: %s\r\nFrom-Path: %s\r\n-------%s$\r\n" % (tid, own, to, tid)
            self.gateway.msrp_side.handle(connection.receive(data, self.now))

    def bye(self, invite: Any) -> None:
        """The chat side hangs up the dialog of ``invite``, which it had answered."""
        self._branch += 1
        self.receive(
            f"BYE sip:gw@127.0.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5090;branch=z9hG4bKb{self._branch}\r\n"
            f"Max-Forwards: 70\r\nFrom: {invite.first('to')};tag=9\r\nTo: {invite.first('from')}\r\n"
            f"Call-ID: {invite.call_id}\r\nCSeq: 1 BYE\r\n\r\n",
            CHAT,
        )
