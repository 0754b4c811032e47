"""SIP and MSRP sockets as ASGI connections: one application instance a UDP socket, and one a TCP connection.

The contract (scopes, events, back-pressure) is written down in ``docs/asgi.md``. Reading is bounded on every side: a
TCP peer is not read while its application lags, datagrams beyond the bound are dropped and counted.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from time import perf_counter
from typing import Any, Final
from typing import Protocol as Port

from protocols.fair_queue import Datagram, FairQueue
from protocols.turns import OCTETS_A_UNIT, Turns
from protocols.udp_socket import UdpSocket

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Event = dict[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

DATAGRAMS_A_TURN: Final = 64
"""Datagrams handed over in one event, so that a burst does not hold the event loop."""
LEAST_A_TURN: Final = 8
TURN: Final = 0.005
"""Seconds that the application is to have for the datagrams of one event, going by what it took for those before."""
TURNS_IN_LINE: Final = 4
"""Turns for which datagrams wait in the order in which they came, 20 ms; what takes longer is shared out by host."""
DATAGRAMS_WAITING: Final = 20_000
"""Datagrams kept for a lagging application; more are dropped, as a full socket buffer would."""
DATAGRAM_BYTES_WAITING: Final = 32 << 20
"""Octets of them."""
BYTES_A_TURN: Final = 16 * 1024
"""Octets of a stream handed over in one event."""
BYTES_WAITING: Final = 64 * 1024
"""Octets kept for a lagging application before its TCP peer is not read any more."""
WRITE_HIGH: Final = 512 * 1024
"""Octets unsent on a TCP connection at which ``writable`` turns False."""


class Admission(Port):
    """Who may take up our time and memory; the application's, from the lifespan's ``state["admission"]``.

    Hosts are numeric addresses, kinds ``sip`` and ``msrp``.
    """

    def takes_datagram(self, host: str) -> bool:
        """Whether one more datagram from there is looked at at all; asked once for each."""

    def share_of(self, host: str) -> str:
        """Whose share of a busy socket its datagrams are: its own, or that of all strangers together."""

    def takes_connection(self, kind: str, host: str) -> bool:
        """Whether one more connection may come in from there; it is counted until :meth:`connection_gone`."""

    def connection_gone(self, kind: str, host: str) -> None:
        """A connection that was let in is closed."""


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


class Pace:
    """How many datagrams a turn has, so that it takes about :data:`TURN`: some are answered, others open a session."""

    __slots__ = ("_each", "most")

    def __init__(self) -> None:
        self._each = 0.0
        self.most = DATAGRAMS_A_TURN

    def took(self, datagrams: int, seconds: float) -> None:
        """So many have taken so long."""
        self._each += (seconds / datagrams - self._each) / 4
        self.most = min(DATAGRAMS_A_TURN, max(LEAST_A_TURN, int(TURN / self._each))) if self._each else DATAGRAMS_A_TURN


class DatagramConnection(Connection):
    """A UDP socket. Datagrams that arrive together are handed over together, in turn by host where there are many."""

    __slots__ = ("_admission", "_arrived", "_crowd", "_handed", "_in_line", "_may_go", "_pace", "_socket", "_turns",
                 "dropped")  # fmt: skip

    def __init__(
        self,
        kind: str,
        on_close: Callable[[Connection], None],
        turns: Turns,
        sock: socket.socket,
        admission: Admission | None = None,
    ) -> None:
        """``sock`` is bound and does not block."""
        super().__init__(kind, on_close)
        self._turns = turns
        self._admission = admission
        self._arrived: list[Datagram] = []
        self._crowd = FairQueue(DATAGRAMS_WAITING, DATAGRAM_BYTES_WAITING)
        self._in_line = False
        self._may_go = False
        self._pace = Pace()
        self._handed = (0, 0.0)
        """The last event: how many datagrams, and when."""
        self.dropped = 0
        self._socket = UdpSocket(sock, self._came)

    def _came(self, found: list[Datagram]) -> None:
        """Keep what may be looked at until it is this socket's turn: all of it, or shared out where it is much."""
        admission = self._admission
        if admission is not None:
            takes = admission.takes_datagram
            admitted = [each for each in found if takes(each[1][0])]
            self.dropped += len(found) - len(admitted)
            found = admitted
        arrived, crowd = self._arrived, self._crowd
        if crowd or len(arrived) + len(found) > TURNS_IN_LINE * self._pace.most:
            self._share_out(arrived)
            self._share_out(found)
            self._arrived = []
        else:
            arrived += found
        if (self._arrived or crowd) and not (self._in_line or self._may_go):
            self._line_up()

    def _share_out(self, found: list[Datagram]) -> None:
        admission, put = self._admission, self._crowd.put
        for data, source in found:
            share = source[0] if admission is None else admission.share_of(source[0])
            if not put(share, data, source):
                self.dropped += 1

    def _line_up(self) -> None:
        self._in_line = True
        self._turns.line_up(self, self.kind)

    def go(self) -> None:
        """It is this socket's turn."""
        self._in_line = False
        self._may_go = True
        self._wake()

    async def receive(self) -> Event:
        """``datagrams``, or ``disconnect`` once the socket is closed."""
        number, since = self._handed
        if number:
            self._pace.took(number, perf_counter() - since)
            self._handed = (0, 0.0)
        while True:
            if self._may_go:
                self._may_go = False
                if datagrams := self._take():
                    self._handed = (len(datagrams), perf_counter())
                    return {"type": f"{self.kind}.datagrams", "datagrams": datagrams}
            elif self.closed:
                return {"type": f"{self.kind}.disconnect", "reason": self.reason}
            else:
                await self._wait()

    def _take(self) -> list[Datagram]:
        """The next datagrams: all that have come, or the share of each host where they are too many for one turn."""
        crowd, most = self._crowd, self._pace.most
        if crowd:
            taken = crowd.take(most)
        else:
            taken, self._arrived = self._arrived[:most], self._arrived[most:]
        if (crowd or self._arrived) and not self._in_line:
            self._line_up()
        self._turns.spent(len(taken) * DATAGRAMS_A_TURN // most - 1)
        return taken

    async def send(self, event: Event) -> None:
        """``send`` with ``datagrams``, a list of (bytes, (host, port)); or ``close``."""
        if event["type"] == f"{self.kind}.close":
            self.close()
        elif not self.closed:
            send = self._socket.send
            for data, addr in event["datagrams"]:
                send(data, addr)

    @property
    def errors(self) -> int:
        """See :class:`protocols.udp_socket.UdpSocket`."""
        return self._socket.errors

    def close(self) -> None:
        """Close the socket."""
        if not self.closed:
            self.closed = True
            self._socket.close()
        self._wake()


_READ_INTO: Final = memoryview(bytearray(BYTES_WAITING))
"""What every stream is read into: it is emptied before anything else is read, so one buffer serves them all, and no
connection can bring more than that at a time."""


class StreamConnection(Connection, asyncio.BufferedProtocol):
    """A TCP connection."""

    __slots__ = ("_chunks", "_in_line", "_may_go", "_paused", "_transport", "_turns", "_waiting",
                 "_writable_told", "host", "start", "writable")  # fmt: skip

    def __init__(
        self,
        kind: str,
        on_close: Callable[[Connection], None],
        start: Callable[[StreamConnection], None],
        turns: Turns,
    ) -> None:
        super().__init__(kind, on_close)
        self.start = start
        self._turns = turns
        self.host = ""
        """Numeric address of the peer, once connected."""
        self._in_line = False
        self._may_go = False
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
        self.host = (transport.get_extra_info("peername") or ("",))[0]
        transport.set_write_buffer_limits(high=WRITE_HIGH)
        self.start(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next octets go."""
        return _READ_INTO

    def buffer_updated(self, nbytes: int) -> None:
        """Keep them until it is this connection's turn; past the bound, read no more."""
        if nbytes <= BYTES_A_TURN:
            self._chunks.append(bytes(_READ_INTO[:nbytes]))
        else:
            for at in range(0, nbytes, BYTES_A_TURN):
                self._chunks.append(bytes(_READ_INTO[at : min(nbytes, at + BYTES_A_TURN)]))
        self._waiting += nbytes
        if self._waiting > BYTES_WAITING and not self._paused:
            self._paused = True
            self.transport.pause_reading()
        if not (self._in_line or self._may_go):
            self._in_line = True
            self._turns.line_up(self, self.host)

    def _line_up(self) -> None:
        self._in_line = True
        self._turns.line_up(self, self.host)

    def go(self) -> None:
        """It is this connection's turn."""
        self._in_line = False
        self._may_go = True
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
            if self._may_go and self._chunks:
                self._may_go = False
                return {"type": f"{self.kind}.data", "data": self._take()}
            if self.closed and not self._chunks:
                return {"type": f"{self.kind}.disconnect", "reason": self.reason}
            await self._wait()

    def _take(self) -> bytes:
        """The next octets, as many as one event has."""
        chunks = self._chunks
        data = chunks.popleft()
        if chunks:
            parts = [data]
            size = len(data)
            while chunks and size + len(chunks[0]) <= BYTES_A_TURN:
                parts.append(chunks.popleft())
                size += len(parts[-1])
            data = b"".join(parts)
        self._waiting -= len(data)
        if len(data) > OCTETS_A_UNIT:
            self._turns.spent(len(data) // OCTETS_A_UNIT)
        if self._paused and self._waiting <= BYTES_WAITING // 2:
            self._paused = False
            if not self.closed:
                self.transport.resume_reading()
        if chunks and not self._in_line:
            self._line_up()
        return data

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
