"""One gateway process: the gateway with its clock, its store, its timers and the connections it opens.

This is where the event loop is. What the gateway decides is in :mod:`sessions_app.gateway`.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import socket
import ssl
import sys
from collections.abc import Awaitable, Callable, Collection
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connections
from django.utils.module_loading import import_string

from protocols.msrp.connection import MsrpConnection
from protocols.sip.flow import Address, Target
from protocols.tls import Tls, said
from sessions_app import signals
from sessions_app.admission import Admission
from sessions_app.conf import GatewayConfig, gateway_config
from sessions_app.feed import Feed
from sessions_app.flows import MsrpFlow, Pump, Send
from sessions_app.gateway.destinations import Destinations, Network, parse_networks
from sessions_app.gateway.gateway import Gateway
from sessions_app.gateway.page_end import Profile
from sessions_app.gateway.recovery import Inheritance
from sessions_app.gateway.routes_table import RoutesTable
from sessions_app.gateway.routing import RouteRequest
from sessions_app.gateway.trusted import Trusted
from sessions_app.orders import Orders
from sessions_app.own_addresses import is_local, own_addresses
from sessions_app.pulse import Pulse
from sessions_app.shortage import words
from sessions_app.store.batch import Batch
from sessions_app.store.database import conninfo
from sessions_app.store.estate import Estate, take_over
from sessions_app.store.node import NodeLink, mark_draining
from sessions_app.store.writer import Writer
from sessions_app.trace.tape import Tape
from sessions_app.trace.tracer import Tracer

logger = logging.getLogger(__name__)

SWITCH_INTERVAL = 0.0002
"""Seconds the loop may keep the interpreter to itself while the writer's thread has an answer of the database's."""

ROUTES_AGAIN = 1.0
"""Seconds after which routes that could not be read are read again."""

Dialler = Callable[..., Awaitable[None]]


class GatewayHost:
    """Made in a running loop; ``dialler`` is the server's way to open a connection, ``tls`` what it uses for that."""

    gateway: Gateway
    store: Writer
    admission: Admission

    def __init__(self, dialler: Dialler, tls: Tls) -> None:
        self.config: GatewayConfig = gateway_config()
        self.loop = asyncio.get_running_loop()
        self.clock = self.loop.time
        self.pump = Pump()
        self.tape = Tape(on=False, most=self.config.trace_ring)
        self._dialler = dialler
        self._tls = tls
        self._estate = Estate()
        self._inheritance: Inheritance
        self._tasks: set[asyncio.Task[Any]] = set()
        self._alarm: asyncio.TimerHandle | None = None
        self._sent_by: dict[str, str] = {}
        self._table: RoutesTable | None = None
        self._trusted = Trusted()
        """As the table says; the loop's own."""
        self._own: list[tuple[str, int]] = []
        self._permitted = parse_networks(self.config.destinations)
        self._link: NodeLink | None = None
        self._pulse: Pulse
        self._feed: Feed
        self._tracer: Tracer

    # ------------------------------------------------------------------------- life

    async def start(self) -> None:
        """Recover, load the routes, begin to write. Raises what keeps it from starting."""
        info = await sync_to_async(self._prepare)()
        self.store = Writer(info, bodies_kept=self.config.bodies_kept)
        table = self._table
        assert table is not None
        self._trusted.change(table.networks)
        trusts = self._trusted.__getitem__
        custom = import_string(self.config.route) if self.config.route else None
        self.gateway = gateway = Gateway(
            self.config,
            self.store,
            now=self.clock(),
            sip_listener=self._listener("udp", "tcp", "tls"),
            tls_listener=self._listener("tls") if self._listens("tls") else None,
            msrp_listener=Address(*_reachable(settings.MSRP_LISTEN, self.config.public_host)),
            route=custom or self._ask_table,
            trusts=trusts,
            profiles=self._profile_of,
            destinations=Destinations(self._own, is_local=is_local, allowed=self._destinations_of, is_peer=trusts),
            announce=self._announce,
        )
        called = gateway.layer.far_ends.called
        self.admission = Admission(self.config, self.clock, trusts, called.__contains__, gateway.count)
        gateway.wheel.wake = self._set_alarm
        gateway.wheel.on_error = self.failed
        gateway.transports.dial = self._dial_sip
        gateway.agent.locator.lookup = self._lookup
        gateway.msrp_side.dial = self._dial_msrp
        gateway.msrp_side.close = self._close_msrp
        self._inheritance = Inheritance(gateway, self._estate)
        self._pulse = Pulse(info, self.config.node_name, gateway, self.store, self.clock, self._tls)
        gateway.observe = self._pulse.meters.outcome
        self._feed = Feed(info, self.config.node_name)
        self._tracer = await sync_to_async(Tracer)(info, self.config, self.tape, self._trusts)
        self.store.observer = self._committed
        self._spawn(self._pulse.run())
        self._spawn(self.pump.run())
        self._set_alarm(gateway.wheel.next_deadline() or self.clock())
        self._link = NodeLink(
            info,
            self.config.node_name,
            [str(each) for each in (*settings.SIP_LISTEN, *settings.MSRP_LISTEN)],
            on_command=Orders(gateway, info, self._on_loop, self._tracer.capture).carry_out,
            on_routes=lambda: self.loop.call_soon_threadsafe(self._reload_soon),
            on_heritage=lambda node: self._on_loop(self._inherit, take_over(info, node, self.config.node_name), node),
            on_buried=lambda: self._on_loop(self._buried),
            timeout=self.config.node_timeout,
        )
        self._link.start()
        # A collection stops the loop for as long as it has objects to look at. Ended sessions leave no cycles
        # (tests/gateway/test_lifetime.py), so few are looked at at a time, and what has grown old next to never.
        gc.collect()
        gc.freeze()
        gc.set_threshold(5_000, 2, 1_000_000)
        sys.setswitchinterval(SWITCH_INTERVAL)

    def _prepare(self) -> str:
        info = conninfo()
        mark_draining(info, self.config.node_name, False)
        self._estate = take_over(info, self.config.node_name, self.config.node_name)
        self._table = RoutesTable.load()
        listeners = (*settings.SIP_LISTEN, *settings.MSRP_LISTEN, settings.HTTP_LISTEN)
        self._own = own_addresses(listeners, self.config.public_host)
        connections.close_all()
        return info

    def listening(self) -> None:
        """Every listener is open: deliver what an earlier process owed, end what it left."""
        self.gateway.advance(self.clock())
        self._inherited("this one, before its last stop", self._inheritance.go(), len(self._estate.ghosts))
        self._estate, self._inheritance = Estate(), Inheritance(self.gateway, Estate())

    def _inherit(self, estate: Estate, node: str) -> str:
        """Take over what a dead process left."""
        self.gateway.advance(self.clock())
        return self._inherited(node, Inheritance(self.gateway, estate).go(), len(estate.ghosts))

    def _inherited(self, node: str, messages: int, sessions: int) -> str:
        if messages or sessions:
            logger.warning(
                "inherited from %s: %d messages to deliver, %d sessions that were open", node, messages, sessions
            )
        return "inherited"

    def _buried(self) -> str:
        """Another process took this one for dead: what it inherited is no longer ours."""
        gateway = self.gateway
        logger.critical("taken for dead by another process, which has our %d sessions now", len(gateway.by_id))
        for session in list(gateway.by_id.values()):
            session.disown()
        return "gone on empty"

    async def stop(self) -> None:
        """Refuse what is new, end every session, wait for what was promised, write everything."""
        gateway = self.gateway
        gateway.advance(self.clock())
        gateway.drain()
        deadline = self.clock() + self.config.drain_timeout
        while (gateway.layer.pending or gateway.page_side.waiting) and self.clock() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        self._pulse.meters.look(gateway, self.store, 0.0)
        await self._pulse.write()
        if not await self.store.flush(self.config.drain_timeout):
            logger.error("stopped with %d rows that the database did not take", self.store.waiting)
        if self._link is not None:
            await sync_to_async(self._link.stop)()
        await sync_to_async(self.store.stop)()
        await sync_to_async(self._feed.stop)()
        await sync_to_async(self._tracer.stop)()
        for task in self._tasks:
            task.cancel()
        if self._alarm is not None:
            self._alarm.cancel()

    def _committed(self, batch: Batch) -> None:
        self._pulse.committed(batch)
        self._feed.committed(batch)
        self._tracer.committed(batch)

    def failed(self, error: Exception) -> None:
        """A bug showed: log it with its trace, count it, go on with the next message."""
        self.gateway.count("internal_errors")
        logger.error("internal error: %s", error, exc_info=error)

    def _spawn(self, work: Any) -> None:
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # ----------------------------------------------------------------------- timers

    def _set_alarm(self, at: float) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = self.loop.call_at(at, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        gateway = self.gateway
        gateway.advance(self.clock())
        deadline = gateway.wheel.next_deadline()
        if deadline is not None:
            self._set_alarm(deadline)

    # ------------------------------------------------------------- routes and commands

    @property
    def _routes(self) -> RoutesTable:
        assert self._table is not None
        return self._table

    def _ask_table(self, request: RouteRequest) -> None:
        self._routes(request)

    def _trusts(self, source: str) -> bool:
        return self._routes.trusts(source)

    def _profile_of(self, host: str) -> Profile:
        return self._routes.profile_of(host)

    def _destinations_of(self, source: str, route: str) -> Collection[Network] | None:
        return self._routes.destinations_of(source, route) or self._permitted or None

    def _reload_soon(self) -> None:
        self._spawn(self._reload())

    async def _reload(self) -> None:
        while True:
            try:
                self._table = table = await sync_to_async(_load_routes)()
            except (DatabaseError, OSError) as error:
                logger.warning("the routes cannot be read, the old ones stay for now: %s", words(error))
                await asyncio.sleep(ROUTES_AGAIN)
            except Exception:
                logger.exception("the routes could not be read again, the old ones stay")
                return
            else:
                self._trusted.change(table.networks)
                self._pulse.routes_changed()
                logger.info("routes reloaded")
                return

    def _on_loop(self, work: Callable[..., str], *arguments: Any) -> str:
        """Run ``work`` on the loop at the present time, for another thread that waits for its result."""

        async def call() -> str:
            self.gateway.advance(self.clock())
            return work(*arguments)

        return asyncio.run_coroutine_threadsafe(call(), self.loop).result(timeout=10)

    def _announce(self, failure: dict[str, Any]) -> None:
        """A set-up failure is in the database: send the signal, from a thread because receivers may use the ORM."""
        if signals.setup_failed.has_listeners():
            self._spawn(sync_to_async(signals.send_setup_failed)(failure))

    # ------------------------------------------------------------------- connections

    def sent_by(self, transport: str) -> str:
        """Our address for Via: of the listener that peers can reach, whatever port a connection has here."""
        known = self._sent_by.get(transport)
        if known is None:
            known = self._sent_by[transport] = str(self._listener(transport, "udp", "tcp", "tls"))
        return known

    def _listens(self, transport: str) -> bool:
        return any(each.transport == transport for each in settings.SIP_LISTEN)

    def _listener(self, *transports: str) -> Address:
        """Where peers reach the first SIP listener of the first of ``transports`` that there is."""
        found = sorted(
            (each for each in settings.SIP_LISTEN if each.transport in transports),
            key=lambda each: transports.index(each.transport),
        )
        return Address(*_reachable(found, self.config.public_host))

    def _dial_sip(self, target: Target) -> None:
        failed = self.gateway.transports.dial_failed
        self._spawn(self._open("sip", target.address, target, lambda why: failed(target, why), target.name))

    def _dial_msrp(self, to: tuple[str, int]) -> None:
        failed = self.gateway.msrp_side.dial_failed
        self._spawn(self._open("msrp", to, to, lambda why: failed(to, why)))

    async def _open(
        self, kind: str, to: tuple[str, int], token: object, failed: Callable[[str], None], name: str = ""
    ) -> None:
        timeout = self.config.connect_timeout
        try:
            await self._dialler(kind, *to, token=token, timeout=timeout, name=name)
        except (OSError, TimeoutError) as error:
            self.gateway.advance(self.clock())
            failed(explain(error, timeout))

    def _close_msrp(self, connection: MsrpConnection) -> None:
        flow = connection.context
        if isinstance(flow, MsrpFlow):
            self._spawn(flow.close())

    def _lookup(self, name: str, then: Callable[[list[str] | str], None]) -> None:
        self._spawn(self._resolve(name, then))

    async def _resolve(self, name: str, then: Callable[[list[str] | str], None]) -> None:
        try:
            found = await self.loop.getaddrinfo(name, None, type=socket.SOCK_DGRAM)
        except (OSError, UnicodeError) as error:
            answer: list[str] | str = getattr(error, "strerror", None) or str(error)
        else:
            answer = list(dict.fromkeys(str(each[4][0]) for each in found))
        self.gateway.advance(self.clock())
        then(answer)


def _load_routes() -> RoutesTable:
    """From the database, by a connection that does not stay: it could be dead when the next change comes."""
    try:
        return RoutesTable.load()
    finally:
        connections.close_all()


class IdleWatch:
    """Closes a SIP connection that was silent for ``GATEWAY_SIP_IDLE_TIMEOUT`` seconds, or whose peer read nothing of
    what waits for it in ``GATEWAY_SIP_WRITE_TIMEOUT``.
    """

    __slots__ = ("_handle", "_host", "_last", "_send", "_unread")

    def __init__(self, host: GatewayHost, send: Send) -> None:
        self._host = host
        self._send = send
        self._last = host.clock()
        self._handle = host.loop.call_later(host.config.sip_idle_timeout, self._look)
        self._unread: asyncio.TimerHandle | None = None

    def seen(self) -> None:
        """Something came."""
        self._last = self._host.clock()

    def does_not_read(self) -> None:
        """More waits for the peer than its connection takes."""
        if self._unread is None:
            self._unread = self._host.loop.call_later(self._host.config.sip_write_timeout, self._too_slow)

    def reads_again(self) -> None:
        """It has taken enough of it."""
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _too_slow(self) -> None:
        self._host.gateway.count("sip_peers_too_slow")
        self._host._spawn(self._send({"type": "sip.close"}))

    def stop(self) -> None:
        """The connection is gone."""
        self._handle.cancel()
        self.reads_again()

    def _look(self) -> None:
        host = self._host
        left = self._last + host.config.sip_idle_timeout - host.clock()
        if left > 0:
            self._handle = host.loop.call_later(left, self._look)
        else:
            host._spawn(self._send({"type": "sip.close"}))


def explain(error: BaseException, timeout: float) -> str:
    """Why a connection could not be opened, in a few words."""
    if isinstance(error, TimeoutError):
        return f"no connection in {timeout:g} s"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the peer's certificate is refused: {error.verify_message.rstrip('.')}"
    if isinstance(error, ssl.SSLError):
        return f"the handshake failed: {said(error)}"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower()
    return str(error) or type(error).__name__


def _reachable(listeners: Any, public_host: str) -> tuple[str, int]:
    """Host and port by which peers reach the first of ``listeners``."""
    first = listeners[0]
    if public_host:
        return public_host, first.port
    if first.host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        return socket.gethostbyname(socket.gethostname()), first.port
    return first.host, first.port
