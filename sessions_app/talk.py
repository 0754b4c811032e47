"""Two small user agents to try a gateway with: a phone that sends SIP MESSAGEs, and a client that speaks MSRP.

They stand on the same stacks as the gateway and are no part of it; ``manage.py talk`` gives them a terminal.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable

from protocols.msrp.connection import MsrpConnection
from protocols.msrp.endpoint import MsrpEndpoint
from protocols.msrp.events import Event, MessageReceived, ReportReceived, SendOutcome, SessionBound, SessionLost
from protocols.msrp.ids import new_message_id, new_session_id
from protocols.msrp.negotiation import NegotiationError, build_answer, build_offer, read_answer, read_offer
from protocols.msrp.session import MsrpSession
from protocols.sip.dialog import Dialog
from protocols.sip.errors import SipError
from protocols.sip.flow import Target
from protocols.sip.ids import new_call_id, new_tag
from protocols.sip.invite_client import InviteClient
from protocols.sip.invite_server import InviteServer, uas_dialog
from protocols.sip.locate import Locator
from protocols.sip.message import Request, Response
from protocols.sip.transaction_client import ClientTransaction, Failure, OutgoingRequest
from protocols.sip.transaction_layer import TransactionLayer
from protocols.sip.transaction_server import InviteServerTransaction, ServerTransaction
from protocols.sip.transports import Transports
from protocols.sip.uri import SipUri
from protocols.sip.user_agent import UserAgent
from protocols.timers import TimerWheel

Say = Callable[[str], object]

TICK = 0.05
TYPES = "text/plain"


class _Udp(asyncio.DatagramProtocol):
    """The socket as a flow."""

    transport = "UDP"
    reliable = False
    alive = True

    def __init__(self, talker: Talker, sent_by: str) -> None:
        self.sent_by = sent_by
        self._talker = talker
        self._socket: asyncio.DatagramTransport | None = None

    def close(self) -> None:
        """Listen no more."""
        self.alive = False
        if self._socket is not None:
            self._socket.close()

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._socket = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._talker.advance()
        self._talker.layer.receive(data, addr[:2], self)

    def send(self, data: bytes, to: tuple[str, int]) -> None:
        if self._socket is not None and self.alive:
            self._socket.sendto(data, to)


class Talker(ABC):
    """What both have in common: SIP over UDP at the address in ``me``, towards a gateway."""

    accept = TYPES

    def __init__(self, me: str, peer: str, gateway: tuple[str, int], say: Say) -> None:
        self.me, self.peer, self.say = me, peer, say
        self.gateway = Target("UDP", *gateway)
        loop = asyncio.get_running_loop()
        self.clock = loop.time
        self.wheel = TimerWheel(self.clock())
        self.transports = Transports()
        self.layer = TransactionLayer(self.wheel, self.transports)
        self.agent = UserAgent(self.layer, Locator(self.clock), self)
        self._closing: list[Callable[[], object]] = []
        self._alarm = loop.call_later(TICK, self.advance)

    async def open(self) -> None:
        """Listen where ``me`` says. Raises OSError, or SipError for a URI that is none."""
        uri = SipUri.parse(self.me)
        loop = asyncio.get_running_loop()
        host, port = uri.host or "127.0.0.1", uri.port or 5060
        _, flow = await loop.create_datagram_endpoint(lambda: _Udp(self, f"{host}:{port}"), local_addr=(host, port))
        self.transports.add_udp(flow)
        self._closing.append(flow.close)
        self._tick()

    def close(self) -> None:
        """Be gone without a word, as a phone that is switched off."""
        self._alarm.cancel()
        for close in self._closing:
            close()

    def _tick(self) -> None:
        self.advance()
        self._alarm = asyncio.get_running_loop().call_later(TICK, self._tick)

    def advance(self) -> None:
        """Do what is due."""
        self.wheel.advance(self.clock())

    def headers(self, method: str) -> list[tuple[str, str]]:
        """Those of a request that begins something."""
        return [
            ("Max-Forwards", "70"),
            ("From", f"<{self.me}>;tag={new_tag()}"),
            ("To", f"<{self.peer}>"),
            ("Call-ID", new_call_id()),
            ("CSeq", f"1 {method}"),
        ]

    @abstractmethod
    def type(self, line: str) -> None:
        """The user typed a line."""

    def on_message(self, transaction: ServerTransaction) -> None:
        """A MESSAGE came."""
        request = transaction.request
        transaction.respond(200)
        self.say(f"< {request.from_.uri}: {request.body.decode('utf-8', 'replace')}")

    def on_invite(self, transaction: InviteServerTransaction) -> None:
        """An INVITE came."""
        transaction.respond(486)

    def on_cancelled(self, transaction: InviteServerTransaction) -> None:
        """An INVITE was cancelled."""
        self.say("  INVITE: cancelled")


class Phone(Talker):
    """The message side: a line is a MESSAGE."""

    def type(self, line: str) -> None:
        """Send it."""
        headers = [*self.headers("MESSAGE"), ("Content-Type", "text/plain;charset=UTF-8")]
        request = OutgoingRequest("MESSAGE", self.peer, headers, line.encode())
        self.layer.request(request, self.gateway, self._answered, self._failed)

    def _answered(self, _: ClientTransaction, response: Response) -> None:
        self.say(f"  MESSAGE: {response.status} {response.reason}")

    def _failed(self, _: ClientTransaction, failure: Failure) -> None:
        self.say(f"  MESSAGE: {failure.detail}")


class Chat(Talker):
    """The MSRP side: takes and makes calls; a line is a SEND with Success-Report."""

    def __init__(self, me: str, peer: str, gateway: tuple[str, int], say: Say) -> None:
        super().__init__(me, peer, gateway, say)
        self.endpoint = MsrpEndpoint()
        self.dialog = Dialog("", "", "", "", "", "", 0)
        self._session: MsrpSession | None = None
        self._server: InviteServer | None = None
        self._waiting: list[str] = []
        self._port = 0
        self._calling = False

    async def open(self) -> None:
        """Listen for SIP and for MSRP."""
        loop = asyncio.get_running_loop()
        listener = await loop.create_server(lambda: _Msrp(self, None), "127.0.0.1", 0)
        self._port = listener.sockets[0].getsockname()[1]
        self._closing.append(listener.close)
        await super().open()

    def _path(self) -> str:
        return f"msrp://127.0.0.1:{self._port}/{new_session_id()};tcp"

    def _describe(self, path: str) -> dict[str, object]:
        return {
            "host": "127.0.0.1",
            "port": self._port,
            "local_path": path,
            "accept_types": TYPES,
            "max_size": 1_000_000,
            "session_id": 1,
            "version": 1,
        }

    @property
    def _contact(self) -> tuple[str, str]:
        return "Contact", f"<{self.me}>"

    # calls in

    def on_invite(self, transaction: InviteServerTransaction) -> None:
        """Take the call."""
        try:
            media = read_offer(transaction.request.body)
            self.dialog = uas_dialog(transaction)
        except (NegotiationError, SipError) as error:
            transaction.respond(error.code, error.reason)
            return
        path = self._path()
        self._session = self.endpoint.create_session(path)
        self._session.set_peer(media.path, media.accept_types, media.max_size)
        self._session.await_bind(self.clock())
        self.agent.add_dialog(self)
        body = build_answer(media, **self._describe(path))  # type: ignore[arg-type]
        headers = [self._contact, ("Content-Type", "application/sdp")]
        self._server = InviteServer(transaction, self.dialog, lambda _: None, headers, body)
        self.say(f"  INVITE from {transaction.request.from_.uri}: taken")

    def on_ack(self, request: Request) -> None:
        """They have our answer."""
        if self._server is not None:
            self._server.ack()

    def on_bye(self, transaction: ServerTransaction) -> None:
        """They hung up."""
        self.agent.remove_dialog(self)
        self._session, self._calling = None, False
        self.say("  BYE: the session is over; a line begins a new one")

    def on_reinvite(self, transaction: InviteServerTransaction) -> None:
        """No second offer here."""
        transaction.respond(488)

    def on_dialog_message(self, transaction: ServerTransaction) -> None:
        """A MESSAGE on the dialog."""
        self.on_message(transaction)

    # calls out

    def type(self, line: str) -> None:
        """Send it, in a new session where there is none."""
        if self._session is not None and self._session.bound:
            self._send(line)
            return
        self._waiting.append(line)
        if self._session is None and not self._calling:
            self._calling = True
            path = self._path()
            self._session = self.endpoint.create_session(path)
            offer = build_offer(**self._describe(path))  # type: ignore[arg-type]
            headers = [*self.headers("INVITE"), self._contact, ("Content-Type", "application/sdp")]
            self.agent.invite(OutgoingRequest("INVITE", self.peer, headers, offer), self.gateway, self, 30.0)

    def on_answered(self, invite: InviteClient, dialog: Dialog, response: Response) -> None:
        """They took it: connect."""
        self.dialog = dialog
        self.agent.add_dialog(self)
        session = self._session
        assert session is not None
        media = read_answer(response.body)
        session.set_peer(media.path, media.accept_types, media.max_size)
        hop = media.next_hop
        loop = asyncio.get_running_loop()
        self._connecting = loop.create_task(
            loop.create_connection(lambda: _Msrp(self, session), hop.host, hop.port)  # type: ignore[arg-type]
        )

    def on_refused(self, invite: InviteClient, response: Response) -> None:
        """They did not."""
        self._call_failed(f"{response.status} {response.reason}")

    def on_unanswered(self, invite: InviteClient, failure: Failure) -> None:
        """Nobody did."""
        self._call_failed(failure.detail)

    def _call_failed(self, why: str) -> None:
        self._session, self._calling = None, False
        self._waiting.clear()
        self.say(f"  INVITE: {why}")

    # messages

    def _send(self, line: str) -> None:
        assert self._session is not None
        self._session.send(
            new_message_id(), "text/plain", line.encode(), success_report=True, now=self.clock(), context=line
        )

    def happened(self, events: list[Event]) -> None:
        """What the MSRP engine tells."""
        for event in events:
            if isinstance(event, SessionBound):
                self.say("  MSRP: the session is up")
            elif isinstance(event, MessageReceived):
                self.say(f"< {self.peer}: {event.incoming.body.decode('utf-8', 'replace')}")
                event.incoming.respond(200)
                event.incoming.report(200)
            elif isinstance(event, SendOutcome):
                self.say(f"  SEND: {event.code or ''} {event.reason}")
            elif isinstance(event, ReportReceived):
                self.say(f"  REPORT: {event.code} {event.comment}")
            elif isinstance(event, SessionLost):
                self.say(f"  MSRP: {event.reason}")
        if self._session is not None and self._session.bound:
            waiting, self._waiting = self._waiting, []
            for line in waiting:
                self._send(line)


class _Msrp(asyncio.Protocol):
    """An MSRP connection; ``session`` is the one to attach where we opened it."""

    def __init__(self, chat: Chat, session: MsrpSession | None) -> None:
        self._chat = chat
        self._session = session
        self._socket: asyncio.Transport | None = None
        self._connection: MsrpConnection | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._socket = transport
        chat = self._chat
        chat._closing.append(transport.close)
        self._connection = connection = chat.endpoint.create_connection(self._session is not None)
        connection.wake = lambda made: transport.write(made.take_output(chat.clock()))
        if self._session is not None:
            self._session.attach(connection, chat.clock())
            chat.happened([])

    def data_received(self, data: bytes) -> None:
        assert self._connection is not None
        self._chat.happened(self._connection.receive(data, self._chat.clock()))

    def connection_lost(self, exc: Exception | None) -> None:
        assert self._connection is not None
        self._chat.happened(self._connection.lost(self._chat.clock()))
