"""A UDP socket that is emptied faster than it is served, so that what waits does so by our rules and not in one line.

Where more comes than can be served, the kernel's buffer is a queue of seconds, first in, first out, and everybody
stands in it behind the flood. So each turn of the loop reads on until nothing is left, up to a bound that grows while
that is not enough, and who is served next is decided afterwards. Event loops read a few datagrams a turn and no more.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from typing import Final

from protocols.fair_queue import Datagram

READS: Final = 32
"""Datagrams read in one turn while few come."""
MOST_READS: Final = 2048
"""The most: a few milliseconds."""
MAX_DATAGRAM: Final = 65_535
UNSENT_BYTES: Final = 8 << 20
"""Octets that may wait for a full socket; what is over is lost, as it would be on the way."""


class UdpSocket:
    """``sock`` is bound and does not block; it is read from here on. ``came`` takes what has come in a turn."""

    def __init__(self, sock: socket.socket, came: Callable[[list[Datagram]], object]) -> None:
        self._socket = sock
        self._came = came
        self._loop = asyncio.get_running_loop()
        self._reads = READS
        self._unsent: deque[Datagram] = deque()
        self._unsent_bytes = 0
        self.errors = 0
        """What could not be sent, and ICMP errors for something sent before: UDP does not say which."""
        self._loop.add_reader(sock, self._read)

    def _read(self) -> None:
        recvfrom = self._socket.recvfrom
        found: list[Datagram] = []
        most = self._reads
        try:
            for _ in range(most):
                found.append(recvfrom(MAX_DATAGRAM))  # noqa: PERF401 - what came before an error counts
        except BlockingIOError:
            if most > READS and len(found) < most // 2:
                self._reads = max(READS, most // 2)
        except OSError:
            self.errors += 1
        else:
            self._reads = min(MOST_READS, 2 * most)
        if found:
            self._came(found)

    def send(self, data: bytes, to: tuple[str, int]) -> None:
        """Send a datagram to a numeric address, now or as soon as the socket has room."""
        if not self._unsent:
            if self._sent(data, to):
                return
            self._loop.add_writer(self._socket, self._write)
        if self._unsent_bytes + len(data) > UNSENT_BYTES:
            self.errors += 1
            return
        self._unsent.append((data, to))
        self._unsent_bytes += len(data)

    def _sent(self, data: bytes, to: tuple[str, int]) -> bool:
        """Whether it is done with; False where the socket is full."""
        try:
            self._socket.sendto(data, to)
        except BlockingIOError:
            return False
        except (OSError, ValueError, OverflowError):
            self.errors += 1  # an address family, port or size that this socket cannot send
        return True

    def _write(self) -> None:
        unsent = self._unsent
        while unsent:
            if not self._sent(*unsent[0]):
                return
            self._unsent_bytes -= len(unsent.popleft()[0])
        self._loop.remove_writer(self._socket)

    def close(self) -> None:
        """Close the socket; what had no room is lost."""
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket.close()
