"""SIP and MSRP sockets as ASGI connections: one application instance a UDP socket, and one a TCP connection.

The contract (scopes, events, back-pressure) is written down in ``docs/asgi.md``. Reading is bounded on every side: a
TCP peer is not read while its application lags, datagrams beyond the bound are dropped and counted.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Event = dict[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

DATAGRAMS_A_TURN: Final = 64
"""Datagrams handed over in one event, so that a burst does not hold the event loop."""
DATAGRAMS_WAITING: Final = 20_000
"""Datagrams kept for a lagging application; more are dropped, as a full socket buffer would."""
BYTES_WAITING: Final = 256 * 1024
"""Octets kept for a lagging application before its TCP peer is not read any more."""
WRITE_HIGH: Final = 512 * 1024
"""Octets unsent on a TCP connection at which ``writable`` turns False."""


class Connection(ABC):
    """What UDP sockets and TCP connections have in common: an application instance and its inbox."""

    __slots__ = ("_loop", "_waiter", "closed", "kind", "on_close", "reason", "task")

    def __init__(self, kind: str, on_close: Callable[[Connection], None]) -> None:
        self.kind = kind
        self.on_close = on_close
        self.closed = False
        self.reason = ""
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None
        self.task: asyncio.Task[None] | None = None

    def run(self, application: Application, scope: Scope) -> None:
        """Start the application instance. It ends by returning, or is cancelled by the server."""
        self.task = self._loop.create_task(self._run(application, scope))

    async def _run(self, application: Application, scope: Scope) -> None:
        try:
            await application(scope, self.receive, self.send)
        except asyncio.CancelledError:
            raise
        except Exception:
            logger.exception("%s application for %s failed", self.kind, scope.get("client") or scope.get("server"))
        finally:
            self.close()
            self.on_close(self)

    @abstractmethod
    async def receive(self) -> Event:
        """The next event, waiting for it."""

    @abstractmethod
    async def send(self, event: Event) -> None:
        """Take an event from the application. Never waits for the peer."""

    @abstractmethod
    def close(self) -> None:
        """Close the socket; the application gets a disconnect event."""

    async def _wait(self) -> None:
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)


class DatagramConnection(Connection, asyncio.DatagramProtocol):
    """A UDP socket. Datagrams that arrive together are handed over together."""

    __slots__ = ("_again", "_datagrams", "_transport", "dropped", "errors")

    def __init__(self, kind: str, on_close: Callable[[Connection], None]) -> None:
        super().__init__(kind, on_close)
        self._datagrams: list[tuple[bytes, tuple[str, int]]] = []
        self._again = False
        self._transport: asyncio.DatagramTransport | None = None
        self.dropped = 0
        self.errors = 0

    def connection_made(self, transport: Any) -> None:
        """The socket is open."""
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Keep it until the application asks."""
        if len(self._datagrams) >= DATAGRAMS_WAITING:
            self.dropped += 1
            return
        self._datagrams.append((data, addr))
        if self._waiter is not None:
            self._wake()

    def error_received(self, exc: Exception) -> None:
        """A peer's ICMP error for something sent before; which, UDP does not say, and SIP's timers will tell."""
        self.errors += 1

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed."""
        self.closed = True
        self._wake()

    async def receive(self) -> Event:
        """``datagrams``, or ``disconnect`` once the socket is closed."""
        if self._again:
            await asyncio.sleep(0)  # let the other sockets have their turn
        if not self._datagrams and not self.closed:
            await self._wait()
        waiting = self._datagrams
        if not waiting:
            return {"type": f"{self.kind}.disconnect", "reason": self.reason}
        self._again = len(waiting) > DATAGRAMS_A_TURN
        self._datagrams = waiting[DATAGRAMS_A_TURN:] if self._again else []
        return {
            "type": f"{self.kind}.datagrams",
            "datagrams": waiting[:DATAGRAMS_A_TURN] if self._again else waiting,
        }

    async def send(self, event: Event) -> None:
        """``send`` with ``datagrams``, a list of (bytes, (host, port)); or ``close``."""
        if event["type"] == f"{self.kind}.close":
            self.close()
            return
        transport = self._transport
        if transport is None or self.closed:
            return
        sendto = transport.sendto
        for data, addr in event["datagrams"]:
            try:
                sendto(data, addr)
            except (OSError, ValueError):
                self.errors += 1  # an address family or size that this socket cannot send

    def close(self) -> None:
        """Close the socket."""
        self.closed = True
        if self._transport is not None:
            self._transport.close()
        self._wake()


class StreamConnection(Connection, asyncio.Protocol):
    """A TCP connection."""

    __slots__ = ("_chunks", "_paused", "_transport", "_waiting", "_writable_told", "start", "writable")

    def __init__(
        self, kind: str, on_close: Callable[[Connection], None], start: Callable[[StreamConnection], None]
    ) -> None:
        super().__init__(kind, on_close)
        self.start = start
        self._chunks: deque[bytes] = deque()
        self._waiting = 0
        self._paused = False
        self._transport: asyncio.Transport | None = None
        self.writable = True
        self._writable_told = True

    @property
    def transport(self) -> asyncio.Transport:
        """The transport, which is there once connected."""
        assert self._transport is not None
        return self._transport

    def connection_made(self, transport: Any) -> None:
        """Connected: the application instance starts."""
        self._transport = transport
        transport.set_write_buffer_limits(high=WRITE_HIGH)
        self.start(self)

    def data_received(self, data: bytes) -> None:
        """Keep it until the application asks; past the bound, read no more."""
        self._chunks.append(data)
        self._waiting += len(data)
        if self._waiting > BYTES_WAITING and not self._paused:
            self._paused = True
            self.transport.pause_reading()
        if self._waiter is not None:
            self._wake()

    def pause_writing(self) -> None:
        """The peer takes less than it gets."""
        self.writable = False
        self._wake()

    def resume_writing(self) -> None:
        """It caught up."""
        self.writable = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Closed by either side."""
        self.closed = True
        self.reason = self.reason or (str(exc) if exc else "closed by peer")
        self._wake()

    async def receive(self) -> Event:
        """``data``, ``writable`` when that changed, or ``disconnect`` after the last data."""
        while True:
            if self.writable is not self._writable_told and not self.closed:
                self._writable_told = self.writable
                return {"type": f"{self.kind}.writable", "writable": self.writable}
            if self._chunks:
                data = self._chunks.popleft() if len(self._chunks) == 1 else b"".join(self._chunks)
                self._chunks.clear()
                self._waiting = 0
                if self._paused:
                    self._paused = False
                    if not self.closed:
                        self.transport.resume_reading()
                return {"type": f"{self.kind}.data", "data": data}
            if self.closed:
                return {"type": f"{self.kind}.disconnect", "reason": self.reason}
            await self._wait()

    async def send(self, event: Event) -> None:
        """``send`` with ``data``; or ``close``, after what was sent before is written."""
        if event["type"] == f"{self.kind}.close":
            self.close()
        elif not self.closed:
            self.transport.write(event["data"])

    def close(self) -> None:
        """Close after what is buffered is written."""
        if self._transport is not None and not self.closed:
            self.reason = self.reason or "closed here"
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()
