"""A UDP socket that is read until it is empty, and whoever floods it keeps nobody waiting. On real sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

from protocols.asgi import DATAGRAMS_A_TURN, LEAST_A_TURN, TURN, DatagramConnection, Pace
from protocols.fair_queue import Datagram
from protocols.turns import Turns
from protocols.udp_socket import MOST_READS, READS, UNSENT_BYTES, UdpSocket

HOST = "127.0.0.1"


def udp(host: str = HOST) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    sock.setblocking(False)
    sock.bind((host, 0))
    return sock


class Steady(Pace):
    """It hands over as much each time, however long that takes."""

    def took(self, datagrams: int, seconds: float) -> None:
        pass


def run(trial: Callable[[socket.socket], Awaitable[None]]) -> None:
    async def main() -> None:
        async with asyncio.timeout(30):
            await trial(udp())

    asyncio.run(main())


def test_each_turn_reads_more_as_long_as_that_is_not_enough():
    async def trial(sock: socket.socket) -> None:
        turns: list[int] = []
        sender = udp()
        for _ in range(300):
            sender.sendto(b"x", sock.getsockname())
        read = UdpSocket(sock, lambda found: turns.append(len(found)))
        while sum(turns) < 300:
            await asyncio.sleep(0)
        assert turns == [READS, 2 * READS, 4 * READS, 300 - 7 * READS]
        read.close()

    run(trial)
    assert READS < MOST_READS


def test_what_the_socket_has_no_room_for_goes_as_soon_as_it_has():
    async def trial(sock: socket.socket) -> None:
        taken: list[Datagram] = []
        full = True

        class Full(socket.socket):
            def sendto(self, data: bytes, to: tuple[str, int]) -> int:  # type: ignore[override]
                if full:
                    raise BlockingIOError
                return super().sendto(data, to)

        receiver = UdpSocket(udp(), taken.extend)
        sender = UdpSocket(Full(fileno=sock.detach()), lambda _: None)
        to = receiver._socket.getsockname()
        for number in range(3):
            sender.send(b"%d" % number, to)
        sender.send(b"x" * (UNSENT_BYTES + 1), to)
        assert (taken, sender.errors) == ([], 1)
        full = False
        while len(taken) < 3:
            await asyncio.sleep(0)
        assert [data for data, _ in taken] == [b"0", b"1", b"2"]
        for each in (sender, receiver):
            each.close()

    run(trial)


def test_what_cannot_be_sent_is_counted_and_nothing_else_suffers():
    async def trial(sock: socket.socket) -> None:
        taken: list[Datagram] = []
        both = UdpSocket(sock, taken.extend)
        for data, to in ((b"x" * 70_000, sock.getsockname()), (b"x", ("::1", 5060)), (b"x", (HOST, 70_000))):
            both.send(data, to)
        assert both.errors == 3
        both.send(b"good", sock.getsockname())
        while not taken:
            await asyncio.sleep(0)
        assert taken == [(b"good", sock.getsockname())]
        both.close()

    run(trial)


def test_one_datagram_behind_thousands_of_another_host_is_in_the_first_event():
    async def trial(sock: socket.socket) -> None:
        flood, good = udp("127.0.0.2"), udp("127.0.0.3")
        for _ in range(2000):
            flood.sendto(b"flood", sock.getsockname())
        good.sendto(b"good", sock.getsockname())
        connection = DatagramConnection("sip", lambda _: None, Turns(asyncio.get_running_loop().call_soon), sock)
        came = 0
        while True:
            event = await connection.receive()
            datagrams = [data for data, _ in event["datagrams"]]
            came += len(datagrams)
            if b"good" in datagrams:
                break
        assert came < 600, "what was handed over while the socket was being read, and no more"
        connection.close()

    run(trial)


def test_what_a_few_turns_can_take_keeps_its_order_and_is_handed_over_in_parts():
    async def trial(sock: socket.socket) -> None:
        senders = udp("127.0.0.2"), udp("127.0.0.3")
        sent = [b"%d" % number for number in range(3 * DATAGRAMS_A_TURN + 1)]
        for number, data in enumerate(sent):
            senders[number % 2].sendto(data, sock.getsockname())
        loop = asyncio.get_running_loop()
        connection = DatagramConnection("sip", lambda _: None, Turns(loop.call_soon), sock)
        connection._pace = Steady()
        came: list[bytes] = []
        while len(came) < len(sent):
            event = await connection.receive()
            came += [data for data, _ in event["datagrams"]]
            assert len(event["datagrams"]) <= DATAGRAMS_A_TURN
        assert came == sent
        connection.close()

    run(trial)


def test_a_turn_has_as_many_datagrams_as_there_is_time_for():
    pace = Pace()
    assert pace.most == DATAGRAMS_A_TURN
    for _ in range(50):
        pace.took(10, 10 * TURN / 20)
    assert pace.most in (19, 20)
    for _ in range(50):
        pace.took(1, 1.0)
    assert pace.most == LEAST_A_TURN
    for _ in range(50):
        pace.took(64, 0.0)
    assert pace.most == DATAGRAMS_A_TURN
