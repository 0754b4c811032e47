"""The good peer: what an honest user agent gets to feel while somebody else attacks.

A process of its own. It sends MESSAGEs at a steady rate, whatever becomes of those before (over UDP, repeated as
RFC 3261 s17.1.2 says), answers the INVITEs and SENDs that come of them, and asks OPTIONS over a TCP connection: their
answers need nothing but a turn of the loop, so their time is its lag.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Final

from bench.hostile.frames import Address, header, message, msrp_answers, path_in, sdp, sip_request, sip_response, status

HOST: Final = "127.0.0.2"
RATE: Final = 50
"""MESSAGEs a second, and as many OPTIONS."""
USERS: Final = 5
T1: Final = 0.5
T2: Final = 4.0
PATIENCE: Final = 10.0
"""Seconds for what is still open at the end; what has no answer then has failed."""
STEADY: Final = 25
"""Answers before the peer is ready to be measured."""


@dataclass(slots=True)
class Asked:
    """A request: when it was due, and what became of it."""

    due: float
    raw: bytes
    repeat_at: float = 0.0
    interval: float = T1
    took: float | None = None
    code: int = 0


@dataclass(slots=True)
class Felt:
    """All of them, and how late the peer itself was at worst."""

    messages: list[Asked] = field(default_factory=list)
    options: list[Asked] = field(default_factory=list)
    late: list[tuple[float, float]] = field(default_factory=list)
    """(when, seconds) of own turns that came more than 20 ms late."""


class _Datagrams(asyncio.DatagramProtocol):
    """One UDP user agent."""

    def __init__(self, take: object) -> None:
        self._take = take

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._take(data, addr)  # type: ignore[operator]


class _Msrp(asyncio.Protocol):
    """Answers every SEND."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._data = bytearray()

    def data_received(self, data: bytes) -> None:
        self._data += data
        self._transport.write(msrp_answers(self._data))


class _Options(asyncio.Protocol):
    """The connection that asks OPTIONS."""

    def __init__(self, waiting: dict[str, Asked]) -> None:
        self._waiting = waiting
        self._data = b""

    def data_received(self, data: bytes) -> None:
        self._data += data
        while b"\r\n\r\n" in self._data:
            head, _, self._data = self._data.partition(b"\r\n\r\n")
            _answered(self._waiting, head, time.monotonic())


def _answered(waiting: dict[str, Asked], raw: bytes, now: float) -> None:
    code = status(raw)
    if code >= 200 and (asked := waiting.pop(header(raw, "Call-ID"), None)):
        asked.took, asked.code = now - asked.due, code


class GoodPeer:
    """Both of its user agents, alice and bob."""

    def __init__(self, sip: Address, pipe: Connection) -> None:
        self._sip = sip
        self._pipe = pipe
        self._felt = Felt()
        self._open: dict[str, Asked] = {}
        self._asking: dict[str, Asked] = {}

    async def run(self) -> None:
        """Until the parent says stop; it gets "steady" and then what was felt."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(_Msrp, HOST, 0)
        self._msrp_port = server.sockets[0].getsockname()[1]
        self._alice, self._alice_at = await self._user_agent(self._from_gateway)
        self._bob, self._bob_at = await self._user_agent(self._called)
        connection, _ = await loop.create_connection(lambda: _Options(self._asking), *self._sip, local_addr=(HOST, 0))
        stop = asyncio.Event()
        loop.add_reader(self._pipe.fileno(), stop.set)
        await self._send_until(stop, connection)
        deadline = time.monotonic() + PATIENCE
        while self._open and time.monotonic() < deadline:
            self._repeat(time.monotonic())
            await asyncio.sleep(0.02)
        self._pipe.send(self._felt)

    async def _user_agent(self, take: object) -> tuple[asyncio.DatagramTransport, Address]:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(take), local_addr=(HOST, 0))
        return transport, transport.get_extra_info("sockname")

    async def _send_until(self, stop: asyncio.Event, connection: asyncio.Transport) -> None:
        begin, number, steady = time.monotonic(), 0, False
        while not stop.is_set():
            due = begin + number / RATE
            late = time.monotonic() - due
            if late < 0:
                await asyncio.sleep(-late)
                late = time.monotonic() - due
            if late > 0.02:
                self._felt.late.append((due, late))
            self._ask(number, due, connection)
            self._repeat(time.monotonic())
            number += 1
            if not steady and number - len(self._open) > STEADY:
                steady = True
                self._pipe.send("steady")
            await asyncio.sleep(0)

    def _ask(self, number: int, due: float, connection: asyncio.Transport) -> None:
        bob = f"sip:bob{number % USERS}@{HOST}:{self._bob_at[1]}"
        raw = message(bob, self._alice_at, number, user=f"alice{number % USERS}")
        self._open[header(raw, "Call-ID")] = asked = Asked(due, raw, time.monotonic() + T1)
        self._felt.messages.append(asked)
        self._alice.sendto(raw, self._sip)
        host, port = connection.get_extra_info("sockname")
        raw = sip_request("OPTIONS", f"sip:{self._sip[0]}:{self._sip[1]}", (host, port), number, transport="TCP")
        self._asking[header(raw, "Call-ID")] = asked = Asked(due, b"")
        self._felt.options.append(asked)
        connection.write(raw)

    def _repeat(self, now: float) -> None:
        for asked in self._open.values():
            if asked.repeat_at <= now:
                asked.interval = min(2 * asked.interval, T2)
                asked.repeat_at = now + asked.interval
                self._alice.sendto(asked.raw, self._sip)

    def _from_gateway(self, data: bytes, source: Address) -> None:
        if status(data):
            _answered(self._open, data, time.monotonic())
        elif not data.startswith(b"ACK "):
            self._alice.sendto(sip_response(data, 200), source)

    def _called(self, data: bytes, source: Address) -> None:
        if data.startswith(b"INVITE "):
            offered = path_in(data)
            path = f"msrp://{HOST}:{self._msrp_port}/{offered.rpartition('/')[2].partition(';')[0]};tcp"
            contact = f"sip:bob@{HOST}:{self._bob_at[1]}"
            self._bob.sendto(sip_response(data, 200, contact=contact, body=sdp(HOST, path, "passive")), source)
        elif not status(data) and not data.startswith(b"ACK "):
            self._bob.sendto(sip_response(data, 200), source)


def main(sip: Address, pipe: Connection) -> None:
    """What the process runs."""
    asyncio.run(GoodPeer(sip, pipe).run())
