"""The gateway as octets and a clock: the one place that knows how it is made, fed and looked into.

Nothing here judges. What it sends goes to a :class:`Listener`, in the order in which it is sent.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final, Protocol

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django
from django.apps import apps

if not apps.ready:
    django.setup()

from protocols.msrp.connection import MsrpConnection
from protocols.sip.flow import Address, Target
from protocols.sip.stream import PONG, SipStream
from sessions_app.conf import GatewayConfig
from sessions_app.gateway import gateway as gateway_module
from sessions_app.gateway.gateway import Gateway
from sessions_app.gateway.routing import RouteRequest, msg_to_msrp, msrp_gw_answer
from sessions_app.store.confirmations import Confirmation
from sessions_app.store.writer import Obligation
from tests.fuzz.engine_tables import grown, tables_of_a_new_one

Where = tuple[str, int]
PAGE: Final[Where] = ("127.0.0.1", 5080)
CHAT: Final[Where] = ("127.0.0.1", 5090)
GATEWAY: Final = "127.0.0.1:5060"
MSRP: Final = "127.0.0.1:2855"
EPOCH: Final = 1_700_000_000.0
START: Final = 1_000.0
LOOKS: Final = 6
"""At the clock, of each stretch of time in which nobody says anything more."""
LIMITS: Final[dict[str, Any]] = {
    "max_message_size": 20_000,
    "queue_limit": 4,
    "page_queue_limit": 4,
    "max_sessions": 8,
    "queue_ttl": 3_600.0,
}
"""Bounds that a hundred steps can reach."""

_ID, _STATE, _CALL_ID, _MESSAGE_ID = 0, 3, 6, 7
"""Columns of a message's row (sessions_app/store/message_rows.py)."""


class Listener(Protocol):
    """Who sees what the gateway gets as a message, and what it sends."""

    def sip_received(self, data: bytes, source: Where, *, stream: bool) -> None: ...
    def sip_sent(self, data: bytes, to: Where) -> None: ...
    def msrp_sent(self, connection: int, data: bytes) -> None: ...
    def msrp_began(self, connection: int) -> None: ...
    def msrp_ended(self, connection: int) -> None: ...


class _Flow:
    """A socket whose octets go to the listener."""

    certificate_expires: float | None = None

    def __init__(self, engine: Engine, transport: str) -> None:
        self.transport = transport
        self.reliable = transport != "UDP"
        self.sent_by = GATEWAY
        self.alive = True
        self._engine = engine

    def send(self, data: bytes, to: Where) -> None:
        self._engine.octets_out += len(data)
        self._engine.listener.sip_sent(data, to)


class Row:
    """What the records say of a message."""

    __slots__ = ("call_id", "kept", "line", "message_id", "outcomes", "state", "to_page")

    def __init__(self, line: str, kept: bool) -> None:
        columns = line.split("\t")
        self.line = line
        self.kept = kept
        """Whether it was committed before its outcome: an obligation."""
        self.to_page = columns[2] == "to_page"
        self.state, self.call_id, self.message_id = columns[_STATE], columns[_CALL_ID], columns[_MESSAGE_ID]
        self.outcomes: list[str] = []


class Records:
    """The store: rows in a dictionary, committed when the input says so."""

    def __init__(self) -> None:
        self.healthy = True
        self.full = False
        self.sessions: dict[str, dict[str, Any]] = {}
        self.rows: dict[str, Row] = {}
        self.refused: list[str] = []
        """Second rows of a message."""
        self.news: list[Confirmation] = []
        self._owed: list[Obligation] = []
        self._told: list[Callable[[], object]] = []
        self._announced: list[tuple[Callable[[Any], object], dict[str, Any]]] = []

    def new_session(self, values: dict[str, Any]) -> None:
        self.sessions[values["id"]] = dict(values)

    def change_session(self, identity: str, changes: dict[str, Any]) -> None:
        self.sessions[identity].update(changes)

    def keep_message(
        self, session: str, line: str, committed: Any, context: Any, *, with_audit: bool = False
    ) -> Obligation:
        obligation = Obligation(line, committed, context)
        self._owed.append(obligation)
        return obligation

    def new_message(self, line: str) -> None:
        self._row(line, kept=False)

    def finish_message(self, obligation: Obligation, outcome: str, then: Any = None) -> None:
        if not obligation.kept:
            obligation.ended_early(outcome, then)
            return
        columns = outcome.split("\t")
        row = self.rows[columns[0]]
        row.state = columns[1]
        row.outcomes.append(columns[1])
        if then is not None:
            self._told.append(then)

    def commit(self) -> None:
        """The database has taken what there was for it."""
        while self.healthy and (self._owed or self._told):
            while self._owed:
                obligation = self._owed.pop(0)
                self._row(obligation.line, kept=True)
                obligation.settle(self)  # type: ignore[arg-type]  # a writer to what it needs of one
            while self._told:
                self._told.pop(0)()
        while self.healthy and self._announced:
            tell, values = self._announced.pop(0)
            tell(values)

    def _row(self, line: str, *, kept: bool) -> None:
        identity = line.split("\t", 1)[0]
        if identity in self.rows:  # the database would refuse it
            self.refused.append(line)
        else:
            self.rows[identity] = Row(line, kept)

    def confirm(self, news: Confirmation) -> None:
        self.news.append(news)

    def setup_failure(self, values: dict[str, Any], committed: Any = None) -> None:
        if committed is not None:
            self._announced.append((committed, values))

    def event(self, line: str) -> None:
        assert line.count("\n") == 1, line


class _Clock:
    """The time of day, as the gateway's module asks for it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def time(self) -> float:
        return EPOCH + self._engine.now


class Engine:
    """A gateway between a page UA at PAGE and a chat UA at CHAT, both of them octets."""

    def __init__(self, listener: Listener, **config: Any) -> None:
        self.listener = listener
        self.now = START
        self.octets_in = self.octets_out = 0
        self.records = Records()
        self.streams: list[tuple[SipStream, _Flow, Target]] = []
        self.connections: list[MsrpConnection] = []
        self._numbers: dict[MsrpConnection, int] = {}
        self.msrp_dials: list[Where] = []
        self.sip_dials: list[Target] = []
        self._time = gateway_module.time
        gateway_module.time = _Clock(self)  # type: ignore[assignment]  # of the module only time() is used there
        self.gateway = Gateway(
            GatewayConfig(**{**LIMITS, **config}),
            self.records,
            now=self.now,
            sip_listener=Address("127.0.0.1", 5060),
            msrp_listener=Address("127.0.0.1", 2855),
            route=self._route,
            trusts=lambda host: host.startswith("127."),
            announce=lambda values: None,
        )
        self.udp = _Flow(self, "UDP")
        self.gateway.transports.add_udp(self.udp)
        self.gateway.transports.dial = self.sip_dials.append
        self.gateway.msrp_side.dial = self.msrp_dials.append
        self.gateway.msrp_side.close = self._to_close
        self._closing: list[MsrpConnection] = []
        self._fresh = tables_of_a_new_one(self.gateway)

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        gateway_module.time = self._time

    def _route(self, request: RouteRequest) -> None:
        if request.method == "MESSAGE":
            loud = request.to_aor.endswith("loud@127.0.0.1:5090")
            msg_to_msrp(request, request.pair, "text/plain text/html" if loud else "text/plain", notify_failure=loud)
        else:
            msrp_gw_answer(request, request.pair, "text/plain")

    def _to_close(self, connection: MsrpConnection) -> None:
        self._closing.append(connection)

    # ------------------------------------------------------------------------- octets in

    def datagram(self, data: bytes, source: Where) -> None:
        """One UDP datagram."""
        self.octets_in += len(data)
        if len(data) > 4:
            self.listener.sip_received(data, source, stream=False)
            self.gateway.layer.receive(data, source, self.udp)
        self.turn()

    def sip_open(self, source: Where) -> int:
        """A SIP connection over TCP; its number."""
        return self._stream(Target("TCP", *source))

    def _stream(self, to: Target) -> int:
        flow = _Flow(self, "TCP")
        self.streams.append((SipStream(self.gateway.layer.limits, self.gateway.held), flow, to))
        return len(self.streams) - 1

    def sip_octets(self, number: int, data: bytes) -> None:
        """Octets of a SIP connection."""
        stream, flow, to = self.streams[number]
        if not flow.alive:
            return
        self.octets_in += len(data)
        messages, pings, error = stream.feed(data)
        if pings:
            flow.send(PONG * pings, to.address)
        for message in messages:
            self.listener.sip_received(message, to.address, stream=True)
            self.gateway.layer.receive(message, to.address, flow)
        if error is not None:
            self.gateway.layer.refuse(error, to.address, flow)
            self.sip_close(number)
        self.turn()

    def sip_registered(self, number: int) -> None:
        """The connection may be used for requests to where it came from."""
        _, flow, to = self.streams[number]
        self.gateway.transports.add_stream(flow, to)

    def sip_close(self, number: int) -> None:
        """The connection is gone."""
        stream, flow, to = self.streams[number]
        if flow.alive:
            stream.close()
            flow.alive = False
            self.gateway.transports.drop_stream(flow, to)
            self.gateway.layer.flow_lost(flow)

    def sip_dialled(self, *, well: bool) -> None:
        """The oldest SIP connection that the gateway wants is there, or refused."""
        if not self.sip_dials:
            return
        to = self.sip_dials.pop(0)
        if well:
            self.gateway.transports.connected(to, self.streams[self._stream(to)][1])
        else:
            self.gateway.transports.dial_failed(to, "connection refused")
        self.turn()

    def msrp_open(self, source: Where) -> int:
        """An MSRP connection that somebody opened; its number."""
        return self._connection(self.gateway.endpoint.create_connection(False, self.now, source[0]))

    def _connection(self, connection: MsrpConnection) -> int:
        self.connections.append(connection)
        self._numbers[connection] = number = len(self.connections) - 1
        self.listener.msrp_began(number)
        return number

    def msrp_octets(self, number: int, data: bytes) -> None:
        """Octets of an MSRP connection."""
        connection = self.connections[number]
        if connection in self._numbers and connection.live:
            self.octets_in += len(data)
            events = connection.receive(data, self.now)
            if events:
                self.gateway.msrp_side.handle(events)
        self.turn()

    def msrp_close(self, number: int) -> None:
        """The peer, or the network, has ended the connection."""
        self._lost(self.connections[number])
        self.turn()

    def msrp_dialled(self, *, well: bool) -> None:
        """The oldest MSRP connection that the gateway wants is there, or refused."""
        if not self.msrp_dials:
            return
        to = self.msrp_dials.pop(0)
        if well:
            connection = self.gateway.endpoint.create_connection(True, self.now, to[0])
            self._connection(connection)
            self.gateway.msrp_side.connected(to, connection)
        else:
            self.gateway.msrp_side.dial_failed(to, "connection refused")
        self.turn()

    def writable(self, number: int, *, can: bool) -> None:
        """Whether the peer reads."""
        connection = self.connections[number]
        if connection in self._numbers:
            connection.writable = can
            if can:
                connection.resume(self.now)
        self.turn()

    # ------------------------------------------------------------------------- what else happens

    def advance(self, seconds: float, looks: int = 20) -> None:
        """Time passes, in so many looks of the host's at the most."""
        end = self.now + seconds
        least = seconds / looks
        while self.now < end:
            deadline = self.gateway.wheel.next_deadline()
            self.now = end if deadline is None else min(end, max(self.now + least, deadline))
            self.gateway.advance(self.now)
            self.turn()

    def turn(self) -> None:
        """The end of a turn of the host's loop: what waits on connections goes out, what is to be closed is."""
        for connection, number in list(self._numbers.items()):
            for _ in range(8):
                data = connection.take_output(self.now)
                if not data:
                    break
                self.octets_out += len(data)
                self.listener.msrp_sent(number, data)
        while self._closing:
            self._lost(self._closing.pop())

    def _lost(self, connection: MsrpConnection) -> None:
        number = self._numbers.pop(connection, None)
        if number is not None:
            self.listener.msrp_ended(number)
            self.gateway.msrp_side.lost(connection)

    def commit(self) -> None:
        """The database has taken what waits for it."""
        self.records.commit()
        self.turn()

    def database(self, *, healthy: bool) -> None:
        """It is away, or back."""
        self.records.healthy = healthy

    def end_session(self, choice: int) -> None:
        """An operator ends a session."""
        known = list(self.gateway.by_id)
        if known:
            self.gateway.end_session(known[choice % len(known)], "somebody")
        self.turn()

    def live_connections(self) -> list[int]:
        """Numbers of the MSRP connections that there are."""
        return list(self._numbers.values())

    # --------------------------------------------------------------------------------- the end

    def settle(self) -> None:
        """Nobody says anything more: what waits runs out, sessions are ended, connections closed."""
        self.database(healthy=True)
        for _ in range(4):
            self.commit()
            self._refuse_dials()
            self.advance(12.0, LOOKS)
        for identity in list(self.gateway.by_id):
            self.gateway.end_session(identity, "the end")
        for _ in range(4):
            self.commit()
            self._refuse_dials()
            self.advance(20.0, LOOKS)
        for number in self.live_connections():
            self.msrp_close(number)
        for number in range(len(self.streams)):
            self.sip_close(number)
        for seconds in (60.0, 60.0, 60.0, 4_000.0, 100.0):
            self.commit()
            self._refuse_dials()
            self.advance(seconds, LOOKS)

    def _refuse_dials(self) -> None:
        while self.msrp_dials:
            self.msrp_dialled(well=False)
        while self.sip_dials:
            self.sip_dialled(well=False)

    def left_over(self) -> dict[str, int]:
        """Tables that hold more than those of a new gateway, but for those that are there to remember."""
        left = grown(self.gateway, self._fresh)
        timers = len(self.gateway.wheel) - 1  # without that of the housekeeping
        return {**left, "timers": timers} if timers else left
