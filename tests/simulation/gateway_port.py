"""How the gateway is spoken to: its constructor, its ports, its engine's connections, its start and its end.

This and :mod:`store_port` are the only places here that know it; what changes in its interfaces changes there.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import fields
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from protocols import entropy
from protocols.msrp.connection import MsrpConnection
from protocols.msrp.endpoint import MsrpEndpoint
from protocols.msrp.session import MsrpSession
from protocols.sip import reinvite
from protocols.sip.flow import Address as Listener
from protocols.sip.flow import Target
from protocols.sip.stream import SipStream
from sessions_app.conf import GatewayConfig
from sessions_app.gateway import gateway as gateway_module
from sessions_app.gateway import notifications
from sessions_app.gateway.gateway import Gateway
from sessions_app.gateway.page_end import Profile
from sessions_app.gateway.recovery import Inheritance
from sessions_app.gateway.routing import RouteRequest, msg_to_msrp, msrp_gw_answer
from sessions_app.store.writer import Writer
from tests.simulation import store_port
from tests.simulation.contents import NOTICE
from tests.simulation.database import Database
from tests.simulation.ledger import Ledger
from tests.simulation.lies import Honest
from tests.simulation.world import GATEWAY, MSRP, Address, Side, World

EPOCH = 1_800_000_000.0
"""The wall clock when the steady one says 0."""
DRAIN = 10.0
"""Seconds that a planned stop waits."""


@contextmanager
def simulated(world: World, database: Database, ledger: Ledger) -> Iterator[None]:
    """The gateway's wall clock, chance, event loop and database threads are the world's."""
    chance = random.Random(world.random.random())
    instead = [
        (gateway_module, "time", SimpleNamespace(time=lambda: EPOCH + world.now)),
        (entropy, "os", SimpleNamespace(urandom=chance.randbytes)),
        (reinvite, "secrets", SimpleNamespace(randbelow=chance.randrange)),
        *store_port.instead(world, database, ledger),
        (notifications, "logger", SimpleNamespace(warning=lambda *_, **__: None)),
    ]
    with ExitStack() as stack:
        for module, name, replacement in instead:
            stack.enter_context(patch.object(module, name, replacement))
        entropy._forget()
        yield
    entropy._forget()


class GatewayPort:
    """One process of the gateway: from its start, over what an earlier one left in ``database``, to its end."""

    def __init__(self, world: World, database: Database, ledger: Ledger, options: dict[str, Any], lies: Honest) -> None:
        self._world = world
        self._lies = lies
        self._database = database
        self._ledger = ledger
        self._alive = True
        self._links: dict[MsrpConnection, _Link] = {}
        self._woken: list[_Link] = []
        self._streams: dict[_Stream, Side] = {}
        self._notify = options.get("notify_failure", False)
        self._types = options.get("types", "text/plain")
        config = GatewayConfig(
            **{each.name: options[each.name] for each in fields(GatewayConfig) if each.name in options}
        )
        self.store = Writer("", bodies_kept=config.bodies_kept)
        self._trusted = frozenset(options["peers"])
        self.gateway = gateway = Gateway(
            config,
            self.store,
            now=world.now,
            sip_listener=Listener(*GATEWAY),
            msrp_listener=Listener(*MSRP),
            route=self._route,
            trusts=self._trusted.__contains__,
            profiles=lambda _: Profile(takes_cpim=options.get("takes_cpim")),
        )
        gateway.wheel.on_error = self._failed
        gateway.agent.locator.lookup = self._look_up
        gateway.transports.dial = self._dial_sip
        gateway.msrp_side.dial = self._dial
        gateway.msrp_side.close = self._close
        inheritance = Inheritance(gateway, store_port.estate(database))
        self._flow = _Flow(self._sip_out)
        gateway.transports.add_udp(self._flow)
        world.clockwork = self
        world.receivers[GATEWAY] = self
        world.listeners[MSRP] = self._accepted
        world.listeners[GATEWAY] = self._sip_accepted
        ledger.started()
        self._guarded(inheritance.go)
        for _ in range(gateway.counts["recovery_failures"]):  # which the recovery itself has caught
            self._failed(RuntimeError("a session could not be taken up"))

    def _route(self, request: RouteRequest) -> None:
        if request.method == "MESSAGE":
            msg_to_msrp(
                request, request.pair, self._types, notify_failure=self._notify, failure_text=NOTICE + " {detail}"
            )
        else:
            msrp_gw_answer(request, request.pair, self._types)

    # ------------------------------------------------------------------- driven by the world

    def deadline(self) -> float:
        """See :class:`Clockwork`."""
        return self.gateway.wheel.next_deadline() or math.inf

    def advance(self, now: float) -> None:
        """See :class:`Clockwork`."""
        self.gateway.advance(now)

    def receive(self, data: bytes, source: Address) -> None:
        """A datagram."""
        self.gateway.advance(self._world.now)
        self._ledger.sip.came(data, source)
        if self._lies.hears_sip(data):
            self._guarded(self.gateway.layer.receive, data, source, self._flow)

    def flush(self) -> None:
        """What the MSRP engine has ready goes out."""
        while self._woken:
            woken, self._woken = self._woken, []
            for link in woken:
                self._flush(link)

    def _flush(self, link: _Link) -> None:
        data = self._lies.msrp_out(link.connection.take_output(self._world.now))
        if data:
            self._ledger.msrp.went(link.name, data)
            link.side.write(data)

    def _sip_out(self, data: bytes, to: Address, side: Side | None = None) -> None:
        for message, address in self._lies.sip_out(data, to) if self._alive else ():
            self._ledger.sip.went(message, address)
            if side is not None:
                side.write(message)
            else:
                self._world.datagram(message, GATEWAY, address)

    # ----------------------------------------------------------------------- connections

    def _engine(self, *, outbound: bool, remote: Address) -> MsrpConnection:
        """The engine's half of a connection with ``remote``."""
        return self.gateway.endpoint.create_connection(outbound, self._world.now, remote[0])

    def _link(self, side: Side, to: Address | None) -> _Link:
        connection = self._engine(outbound=to is not None, remote=side.peer)
        link = self._links[connection] = _Link(
            self._ledger.msrp.opened(side.peer, outbound=to is not None), connection, side, to
        )
        connection.wake = lambda _: self._woken.append(link)
        side.on_data = lambda data: self._msrp_in(link, data)
        side.on_closed = lambda: self._lost(link, by_peer=True)
        return link

    def _accepted(self, side: Side) -> None:
        self.gateway.advance(self._world.now)
        self._link(side, None)

    def _look_up(self, name: str, then: Callable[[list[str] | str], None]) -> None:
        self._world.at(0.01, self._if_alive, then, "unknown host")

    def _sip_accepted(self, side: Side) -> None:
        self.gateway.advance(self._world.now)
        flow = self._sip_stream(side, Target("TCP", *side.peer))
        self.gateway.transports.add_stream(flow, Target("TCP", *side.peer))

    def _dial_sip(self, to: Target) -> None:
        own = (GATEWAY[0], 50_000 + len(self._streams))
        refused = self.gateway.transports.dial_failed
        self._world.connect(
            own, to.address, lambda side: self._sip_dialled(side, to), lambda why: self._if_alive(refused, to, why)
        )

    def _sip_dialled(self, side: Side, to: Target) -> None:
        if not self._alive:
            side.reset()
            return
        self.gateway.advance(self._world.now)
        self._guarded(self.gateway.transports.connected, to, self._sip_stream(side, to))

    def _sip_stream(self, side: Side, to: Target) -> _Stream:
        flow = _Stream(self._sip_out, side)
        cutter = SipStream()
        self._streams[flow] = side
        side.on_data = lambda data: self._sip_octets(flow, to, cutter, data)
        side.on_closed = lambda: self._sip_lost(flow, to)
        return flow

    def _sip_octets(self, flow: _Stream, to: Target, cutter: SipStream, data: bytes) -> None:
        peer = to.address
        if not self._alive or flow not in self._streams:
            return
        self.gateway.advance(self._world.now)
        messages, _, error = cutter.feed(data)
        for message in messages:
            self._ledger.sip.came(message, peer)
            if self._lies.hears_sip(message):
                self._guarded(self.gateway.layer.receive, message, peer, flow)
        if error is not None:
            self._guarded(self.gateway.layer.refuse, error, peer, flow)
            self._streams[flow].close()
            self._sip_lost(flow, to)

    def _sip_lost(self, flow: _Stream, to: Target) -> None:
        if self._alive and self._streams.pop(flow, None) is not None:
            self._ledger.sip.lost(to.address)
            flow.alive = False
            self.gateway.advance(self._world.now)
            self.gateway.transports.drop_stream(flow, to)
            self._guarded(self.gateway.layer.flow_lost, flow)

    def _dial(self, to: Address) -> None:
        self._ledger.msrp.dialled(to)
        own = (GATEWAY[0], 40_000 + len(self._links))
        self._world.connect(own, to, lambda side: self._dialled(side, to), lambda why: self._refused(to, why))

    def _dialled(self, side: Side, to: Address) -> None:
        if not self._alive:
            side.reset()
            return
        self.gateway.advance(self._world.now)
        link = self._link(side, to)
        self._guarded(self.gateway.msrp_side.connected, to, link.connection)

    def _refused(self, to: Address, why: str) -> None:
        if self._alive:
            self._ledger.msrp.refused(to)
            self.gateway.advance(self._world.now)
            self._guarded(self.gateway.msrp_side.dial_failed, to, why)

    def _msrp_in(self, link: _Link, data: bytes) -> None:
        if not self._alive or link.connection not in self._links:
            return
        now = self._world.now
        self.gateway.advance(now)
        self._ledger.msrp.came(link.name, data)
        heard = self._lies.hears_msrp(data)
        self._guarded(lambda: self.gateway.msrp_side.handle(link.connection.receive(heard, now)))

    def _close(self, connection: MsrpConnection) -> None:
        link = self._links.get(connection)
        if link is not None and not link.closing:
            link.closing = True
            self._world.at(0.0, self._closed, link)

    def _closed(self, link: _Link) -> None:
        if self._alive and link.connection in self._links:
            self._flush(link)
            link.side.close()
            self._lost(link, by_peer=False)

    def _lost(self, link: _Link, *, by_peer: bool) -> None:
        if not self._alive or self._links.pop(link.connection, None) is None:
            return
        self._ledger.msrp.closed(link.name, by_peer=by_peer and not link.closing)
        self.gateway.advance(self._world.now)
        self._guarded(self.gateway.msrp_side.lost, link.connection)
        link.connection.wake = None

    # ------------------------------------------------------------------------------- life

    def _guarded(self, call: Callable[..., object], *arguments: Any) -> None:
        """As the host does: a bug costs what it happened in. Here it is written down as well."""
        try:
            call(*arguments)
        except Exception as error:
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        self._ledger.exception(error)

    def _if_alive(self, call: Callable[..., object], *arguments: Any) -> None:
        if self._alive:
            self.gateway.advance(self._world.now)
            self._guarded(call, *arguments)

    @property
    def healthy(self) -> bool:
        """Whether it believes that its database takes rows."""
        return self.store.healthy

    def kill(self) -> None:
        """SIGKILL."""
        store_port.die(self.store)
        self._gone()

    def drain(self) -> None:
        """A planned stop begins; call :meth:`stop` when :attr:`busy` is over or patience is."""
        self.gateway.advance(self._world.now)
        self._guarded(self.gateway.drain)

    @property
    def busy(self) -> bool:
        """Whether a planned stop has to wait."""
        return bool(self.gateway.layer.pending or self.gateway.page_side.waiting)

    @property
    def unwritten(self) -> int:
        """Rows that are not committed."""
        return store_port.unwritten(self.store)

    def stop(self) -> None:
        """The planned stop is over."""
        self.store.stop()
        self._gone()

    def _gone(self) -> None:
        self._alive = False
        world = self._world
        world.clockwork = None
        world.receivers.pop(GATEWAY, None)
        world.listeners.pop(MSRP, None)
        world.listeners.pop(GATEWAY, None)
        for link in self._links.values():
            self._ledger.msrp.closed(link.name, by_peer=False)
            link.side.reset()
        for side in self._streams.values():
            side.reset()
        self._links.clear()

    def sweep(self) -> None:
        """What the cleanup does: ask it to end what is silent."""
        self.gateway.advance(self._world.now)
        for identity in list(self.gateway.by_id):
            self._guarded(self.gateway.expire_session, identity)

    def end_sessions(self) -> None:
        """An operator ends every session."""
        self.gateway.advance(self._world.now)
        for identity in list(self.gateway.by_id):
            self._guarded(self.gateway.end_session, identity, "an operator")

    def census(self) -> dict[str, int]:
        """How much of everything it holds; what is not here is not state that a peer can make."""
        gateway, layer, endpoint = self.gateway, self.gateway.layer, self.gateway.endpoint
        return {
            "sessions": len(gateway.sessions) + len(gateway.by_id),
            "changed sessions": len(gateway.dirty),
            "messages that could not be kept": len(gateway.database_away._unkept),
            "server transactions": len(layer._servers),
            "client transactions": len(layer._clients),
            "transactions on connections": len(layer._by_flow),
            "answers remembered": len(layer._finished),
            "requests remembered": len(layer._seen),
            "dialogs": len(gateway.agent._dialogs),
            "SIP connections being made": len(gateway.transports._dialling),
            "SIP connections known": len(gateway.transports.streams) - len({*gateway.transports.streams.values()}),
            "names being looked up": len(gateway.agent.locator._waiting),
            "MSRP sessions": len(endpoint) + len(endpoint._by_text),
            "MSRP transactions": len(endpoint.transactions),
            "bind waits": len(endpoint._bind_waits),
            "idle waits": len(endpoint._idle_waits),
            "incomplete messages": len(endpoint._silences),
            "octets of incomplete messages": endpoint.assembly_bytes,
            "MSRP connections": len(self._links),
            "MSRP connections known": len(gateway.msrp_side._open),
            "MSRP connections being made": len(gateway.msrp_side._dialling),
            "queues to the message side": len(gateway.page_side._queues),
            "indications": len(gateway.page_side._indications),
            "timers": len(gateway.wheel) - 1,  # the housekeeping's
        }


class _Link:
    """A connection of the gateway's: ``to`` is where it was opened to, None for one that came in."""

    __slots__ = ("closing", "connection", "name", "side", "to")

    def __init__(self, name: str, connection: MsrpConnection, side: Side, to: Address | None) -> None:
        self.name = name
        self.connection = connection
        self.side = side
        self.to = to
        self.closing = False


class _Flow:
    """Its UDP socket."""

    transport = "UDP"
    reliable = False
    sent_by = f"{GATEWAY[0]}:{GATEWAY[1]}"
    alive = True
    certificate_expires: float | None = None

    def __init__(self, send: Callable[[bytes, Address], None]) -> None:
        self.send = send


class _Stream:
    """A SIP connection of its."""

    transport = "TCP"
    reliable = True
    sent_by = _Flow.sent_by
    certificate_expires: float | None = None

    def __init__(self, send: Callable[[bytes, Address, Side], None], side: Side) -> None:
        self._send = send
        self._side = side
        self.alive = True

    def send(self, data: bytes, to: Address) -> None:
        """Hand bytes over; ``to`` does not matter."""
        if self.alive:
            self._send(data, self._side.peer, self._side)


# ------------------------------------------------------------------------- engine of the ends


def attach(session: MsrpSession, connection: MsrpConnection, now: float) -> None:
    """An honest end is the active side: bind."""
    session.attach(connection, now)


def engine_connection(endpoint: MsrpEndpoint, *, outbound: bool, remote: Address, now: float) -> MsrpConnection:
    """An honest end's half of a connection."""
    return endpoint.create_connection(outbound, now, remote[0])
