"""The honest medium: the real MSRP engine, on connections of the world."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.msrp.connection import MsrpConnection
from protocols.msrp.endpoint import MsrpEndpoint
from protocols.msrp.errors import MsrpError
from protocols.msrp.events import ConnectionFault, Event, MessageReceived, SessionLost
from protocols.msrp.session import MsrpSession
from protocols.msrp.uri import MsrpUri
from tests.simulation.ends.chat import Call, ChatEnd
from tests.simulation.ends.page import MOST_REPLIES, content
from tests.simulation.gateway_port import attach, engine_connection
from tests.simulation.words import TO_PAGE, Word
from tests.simulation.world import Address, Side

if TYPE_CHECKING:
    from protocols.msrp.incoming import IncomingMessage


class Engine:
    """See :class:`tests.simulation.ends.chat.Medium`."""

    def __init__(self, end: ChatEnd) -> None:
        self._end = end
        self._endpoint = MsrpEndpoint()
        self._sessions: dict[str, MsrpSession] = {}
        self._calls: dict[MsrpSession, Call] = {}
        self._sides: dict[MsrpConnection, Side] = {}
        self._had: set[tuple[str, str]] = set()
        self._replies = 0

    def expect(self, call: Call) -> None:
        """A session under the call's path."""
        session = self._endpoint.create_session(call.path)
        if call.peer_path:
            session.set_peer(call.peer_path)
        self._sessions[call.path] = session
        self._calls[session] = call

    def accept(self, side: Side) -> None:
        """The gateway connects."""
        self._take(side, outbound=False)

    def _take(self, side: Side, *, outbound: bool) -> MsrpConnection:
        now = self._end.world.now
        connection = engine_connection(self._endpoint, outbound=outbound, remote=side.peer, now=now)
        self._sides[connection] = side
        side.on_data = lambda data: self._receive(connection, data)
        side.on_closed = lambda: self._lost(connection)
        return connection

    def connect(self, call: Call, path: str = "") -> None:
        """The active side: connect, and bind."""
        call.state["connected"] = True
        own: Address = (self._end.msrp[0], 30_000 + next(self._end.number))
        uri = MsrpUri.parse(call.peer_path)
        self._end.world.connect(own, (uri.host, uri.port or 0), lambda side: self._connected(call, side))

    def _connected(self, call: Call, side: Side) -> None:
        session = self._sessions.get(call.path)
        if session is None or call.over:
            side.close()
            return
        connection = self._take(side, outbound=True)
        session.set_peer(call.peer_path)
        try:
            attach(session, connection, self._end.world.now)
        except MsrpError:
            side.close()
        self._flush(connection)

    def _receive(self, connection: MsrpConnection, data: bytes) -> None:
        for session, call in self._calls.items():
            if session.peer_path is None and call.peer_path:
                session.set_peer(call.peer_path)
        self._handle(connection.receive(data, self._end.world.now))
        self._flush(connection)

    def _handle(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, MessageReceived):
                self._received(event.incoming)
            elif isinstance(event, ConnectionFault):
                self._shut(event.connection)
            elif isinstance(event, SessionLost):
                call = self._calls.get(event.session)
                if call is not None and event.code is not None:
                    self._end.hang_up(call)

    def _received(self, incoming: IncomingMessage) -> None:
        end = self._end
        word = end.ledger.word_in(incoming.body)
        call = self._calls.get(incoming.session)
        name = (call.peer if call is not None else "", incoming.message_id)
        new = name not in self._had
        self._had.add(name)
        if word is not None and new:
            end.ledger.arrived(word)
        incoming.respond(200)
        incoming.report(200)
        if (
            new
            and end.manners.machine
            and call is not None
            and word is not None
            and word.content
            and self._replies < MOST_REPLIES
        ):
            self._replies += 1
            self.say(call, "plain", False, "yes")

    def _flush(self, connection: MsrpConnection) -> None:
        side = self._sides.get(connection)
        while side is not None and connection.live and connection.has_output:
            side.write(connection.take_output(self._end.world.now))

    def _lost(self, connection: MsrpConnection) -> None:
        if self._sides.pop(connection, None) is not None:
            self._handle(connection.lost(self._end.world.now))

    def _shut(self, connection: MsrpConnection) -> None:
        side = self._sides.get(connection)
        if side is not None:
            side.close()
            self._lost(connection)

    def say(self, call: Call, kind: str, success: bool, failure: str) -> Word | None:
        """A SEND; None where there is no connection for it."""
        end = self._end
        session = self._sessions.get(call.path)
        if session is None or session.connection is None or session.peer_path is None:
            return None
        name = end.fresh("imdn") if kind in ("cpim", "wish") else ""
        wants = frozenset({"positive-delivery", "negative-delivery"}) if kind == "wish" else frozenset()
        word = end.ledger.word(TO_PAGE, end.uri, call.peer, kind, imdn_id=name if wants else "", wants=wants)
        content_type, body = content(word, name, "", "")
        connection = session.connection
        session.send(
            f"w{end.name}{word.token}id", content_type, body, success_report=success, failure_report=failure,
            now=end.world.now,
        )  # fmt: skip
        self._flush(connection)
        return word

    def leave(self, call: Call) -> None:
        """The session under its path is over; its connection too, where it carries no other."""
        session = self._sessions.pop(call.path, None)
        if session is None:
            return
        connection = session.connection
        self._calls.pop(session, None)
        self._handle(session.close(self._end.world.now))
        call.state.pop("connected", None)
        if connection is not None and connection.idle:
            self._shut(connection)

    def close(self, call: Call, *, abruptly: bool) -> None:
        """Its connection breaks."""
        session = self._sessions.get(call.path)
        connection = session.connection if session is not None else None
        if connection is None:
            return
        side = self._sides.get(connection)
        if side is not None:
            side.reset() if abruptly else side.close()
            self._lost(connection)
