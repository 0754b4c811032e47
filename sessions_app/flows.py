"""The gateway's ends of ASGI connections: what the stacks write goes out as ASGI events, once a turn of the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from protocols.msrp.connection import MsrpConnection
from sessions_app.trace.tape import Link, Tape

Send = Callable[[dict[str, Any]], Awaitable[None]]


class Outlet(Protocol):
    """Something with output waiting."""

    async def flush(self) -> None:
        """Send what waits."""


class Pump:
    """Flushes the outlets that have something, each once, when the stacks are done with what came in."""

    __slots__ = ("_loop", "_ready", "_waiter")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ready: list[Outlet] = []
        self._waiter: asyncio.Future[None] | None = None

    def mark(self, outlet: Outlet) -> None:
        """``outlet`` has output; say it once until it is flushed."""
        self._ready.append(outlet)
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            if not self._ready:
                self._waiter = self._loop.create_future()
                await self._waiter
                self._waiter = None
            ready, self._ready = self._ready, []
            for outlet in ready:
                await outlet.flush()


class UdpFlow:
    """A UDP socket as SIP sees it (:class:`protocols.sip.flow.Flow`)."""

    __slots__ = ("_link", "_out", "_pump", "_send", "_tape", "alive", "certificate_expires", "reliable", "sent_by",
                 "transport")  # fmt: skip

    def __init__(self, sent_by: str, send: Send, pump: Pump, tape: Tape, link: Link) -> None:
        self.transport = "UDP"
        self.reliable = False
        self.sent_by = sent_by
        self.alive = True
        self.certificate_expires: float | None = None
        self._send = send
        self._pump = pump
        self._tape, self._link = tape, link
        self._out: list[tuple[bytes, tuple[str, int]]] = []

    def send(self, data: bytes, to: tuple[str, int]) -> None:
        """Hand bytes over."""
        if not self._out:
            self._pump.mark(self)
        self._out.append((data, to))

    async def flush(self) -> None:
        """One event for all."""
        out, self._out = self._out, []
        if self._tape.on:
            self._tape.note(self._link, True, out)
        await self._send({"type": "sip.send", "datagrams": out})


class TcpFlow:
    """A TCP or TLS connection as SIP sees it.

    SIP has no way to slow a sender down, so what is said while the peer does not read is bounded: ``most_behind``
    octets, then the connection is closed.
    """

    __slots__ = ("_behind", "_link", "_most_behind", "_out", "_pump", "_send", "_tape", "alive", "certificate_expires",
                 "reliable", "sent_by", "transport", "writable")  # fmt: skip

    def __init__(self, sent_by: str, send: Send, pump: Pump, most_behind: int, tape: Tape, link: Link) -> None:
        self.transport = link.transport.upper()
        self.certificate_expires: float | None = None
        self.reliable = True
        self.sent_by = sent_by
        self.alive = True
        self.writable = True
        """Set by the connection's application."""
        self._send = send
        self._pump = pump
        self._tape, self._link = tape, link
        self._out: list[bytes] = []
        self._most_behind = most_behind
        self._behind = 0

    def send(self, data: bytes, to: tuple[str, int]) -> None:
        """Hand bytes over."""
        if not self.alive:
            return
        if not self._out:
            self._pump.mark(self)
        self._out.append(data)

    async def flush(self) -> None:
        """One event for all."""
        out, self._out = self._out, []
        if not out:
            return
        data = out[0] if len(out) == 1 else b"".join(out)
        self._behind = 0 if self.writable else self._behind + len(data)
        if self._behind > self._most_behind:
            await self._send({"type": "sip.close"})
        else:
            if self._tape.on:
                self._tape.note(self._link, True, data)
            await self._send({"type": "sip.send", "data": data})


class MsrpFlow:
    """Where an MSRP engine's output goes; it hangs on the connection, as its ``context``, until that is lost."""

    __slots__ = ("_link", "_now", "_pump", "_send", "_tape", "connection")

    def __init__(
        self,
        connection: MsrpConnection,
        send: Send,
        pump: Pump,
        now: Callable[[], float],
        tape: Tape,
        link: Link,
    ) -> None:
        self._tape, self._link = tape, link
        self.connection = connection
        self._send = send
        self._pump = pump
        self._now = now
        connection.context = self
        connection.wake = self._wake

    def _wake(self, _: MsrpConnection) -> None:
        self._pump.mark(self)

    async def flush(self) -> None:
        """What the engine has ready."""
        data = self.connection.take_output(self._now())
        if data:
            if self._tape.on:
                self._tape.note(self._link, True, data)
            await self._send({"type": "msrp.send", "data": data})

    async def close(self) -> None:
        """Close after what is ready is written."""
        await self.flush()
        await self._send({"type": "msrp.close"})
