"""Who connects for TLS is judged before the handshake, and is counted while it lasts. On real sockets."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from protocols.tls_listener import TlsListener
from tests.wire.tls import Authority

HOST = "127.0.0.1"


class Echo(asyncio.Protocol):
    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


class Door:
    """Lets in so many, and counts."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.inside: Counter[str] = Counter()

    def takes(self, host: str) -> bool:
        if self.inside[host] >= self.most:
            return False
        self.inside[host] += 1
        return True

    def gone(self, host: str) -> None:
        self.inside[host] -= 1


Trial = Callable[[TlsListener, tuple[str, int]], Awaitable[None]]


@pytest.fixture
def run(tmp_path):
    """`run(door, trial)`: the trial, beside a listener behind the door."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Authority(tmp_path).issue("own.pem", HOST))

    def begin(door: Door, trial: Trial) -> None:
        async def main() -> None:
            with socket.create_server((HOST, 0)) as sock:
                sock.setblocking(False)
                listener = TlsListener(sock, context, Echo, door.takes, door.gone, 100)
                try:
                    async with asyncio.timeout(30):
                        await trial(listener, sock.getsockname())
                finally:
                    listener.close()
                    await asyncio.gather(*listener.handshakes, return_exceptions=True)

        asyncio.run(main())

    return begin


@pytest.fixture
def client(tmp_path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def is_closed(reader: asyncio.StreamReader) -> bool:
    try:
        return await reader.read(1) == b""
    except ConnectionError:
        return True


def test_whoever_is_not_let_in_is_closed_without_a_handshake_and_silent_ones_are_counted(run, client):
    door = Door(most=3)

    async def trial(listener: TlsListener, address: tuple[str, int]) -> None:
        silent = [await asyncio.open_connection(*address) for _ in range(3)]
        while len(listener.handshakes) < 3:
            await asyncio.sleep(0)
        late, _ = await asyncio.open_connection(*address)
        assert await is_closed(late)
        with pytest.raises((OSError, asyncio.IncompleteReadError)):
            await asyncio.open_connection(*address, ssl=client)
        assert door.inside == {HOST: 3}
        for _, writer in silent:
            writer.close()
        while listener.handshakes:
            await asyncio.sleep(0)
        assert door.inside == {HOST: 0}

    run(door, trial)


def test_what_comes_with_the_end_of_the_handshake_is_heard(run, client):
    door = Door(most=1)

    async def trial(listener: TlsListener, address: tuple[str, int]) -> None:
        reader, writer = await asyncio.open_connection(*address, ssl=client)
        writer.write(b"at once")
        assert await reader.readexactly(7) == b"at once"
        assert door.inside == {HOST: 1}, "it is its connection's to tell when it is gone"
        writer.close()

    run(door, trial)


def test_a_handshake_that_fails_is_over(run):
    door = Door(most=1)

    async def trial(listener: TlsListener, address: tuple[str, int]) -> None:
        for _ in range(3):
            reader, writer = await asyncio.open_connection(*address)
            writer.write(b"OPTIONS sip:gw SIP/2.0\r\n\r\n")
            await is_closed(reader)
            writer.close()
            while listener.handshakes or door.inside[HOST]:
                await asyncio.sleep(0)

    run(door, trial)


def test_closing_gives_up_handshakes(run):
    door = Door(most=1)

    async def trial(listener: TlsListener, address: tuple[str, int]) -> None:
        reader, _ = await asyncio.open_connection(*address)
        while not listener.handshakes:
            await asyncio.sleep(0)
        listener.close()
        assert await is_closed(reader)
        assert door.inside == {HOST: 0}

    run(door, trial)
