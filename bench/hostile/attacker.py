"""An attacker's sockets, and the count of what went through them."""

from __future__ import annotations

import selectors
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from bench.hostile.frames import Address

STRANGER: Final = "127.0.1.1"
TRUSTED: Final = "127.0.0.3"
ELSEWHERE: Final = "127.0.0.9"
READ: Final = 1 << 18


@dataclass(frozen=True, slots=True)
class Aim:
    """Whom an attack is for, and for how long it sends, in seconds."""

    sip: Address
    msrp: Address
    http: Address
    pid: int
    seconds: float


@dataclass(slots=True)
class Done:
    """What an attack has sent and got, in octets and in datagrams or frames, and what else there is to say of it."""

    began: float = 0.0
    ended: float = 0.0
    sending: float = 0.0
    """Seconds of it in which something was sent."""
    octets_out: int = 0
    sent: int = 0
    unit: str = "datagrams"
    """What ``sent`` counts."""
    octets_in: int = 0
    notes: list[str] = field(default_factory=list)


class Attacker:
    """One attack under way. ``begin`` is called when its preparations are done, and returns when it is measured."""

    def __init__(self, aim: Aim, begin: Callable[[], object]) -> None:
        self.aim = aim
        self.done = Done(began=time.monotonic())
        self.closed: set[socket.socket] = set()
        """Connections that the gateway has closed."""
        self._begin = begin
        self._selector = selectors.DefaultSelector()
        self._heard: deque[tuple[socket.socket, bytes, Address]] = deque()

    def begin(self) -> None:
        """What was sent so far was preparation."""
        self._begin()
        self.done = Done(began=time.monotonic())

    # -- sockets -------------------------------------------------------------------------------------------------

    def udp(self, host: str) -> socket.socket:
        """A socket that is listened to."""
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        made.bind((host, 0))
        self._selector.register(made, selectors.EVENT_READ)
        made.setblocking(False)
        return made

    def connect(self, host: str, to: Address) -> socket.socket | None:
        """A connection that is listened to; None where it is refused."""
        made = socket.socket()
        made.settimeout(5)
        try:
            made.bind((host, 0))
            made.connect(to)
        except OSError:
            made.close()
            return None
        made.setblocking(False)
        self._selector.register(made, selectors.EVENT_READ)
        return made

    def send(self, out: socket.socket, data: bytes, to: Address | None = None) -> None:
        """A datagram to the gateway, or to ``to``; it waits where the own buffer is full."""
        while True:
            try:
                out.sendto(data, to or self.aim.sip)
            except BlockingIOError:
                time.sleep(0.0005)
                continue
            self.done.octets_out += len(data)
            self.done.sent += 1
            return

    # -- time ----------------------------------------------------------------------------------------------------

    def hear(self, seconds: float) -> Iterator[tuple[socket.socket, bytes, Address]]:
        """Everything that comes within so many seconds, as it comes; where from, too, if it is a datagram."""
        deadline = time.monotonic() + seconds
        while True:
            self._read(max(0.0, deadline - time.monotonic()))
            while self._heard:
                yield self._heard.popleft()
            if time.monotonic() >= deadline:
                return

    def listen(self, seconds: float) -> None:
        """Count what comes within so many seconds."""
        for _ in self.hear(seconds):
            pass

    def paced(self, rate: float, seconds: float) -> Iterator[int]:
        """Numbers from 0 on at that rate; what comes meanwhile is kept for :meth:`hear`."""
        begin = time.monotonic()
        for number in range(int(rate * seconds)):
            due = begin + number / rate
            while (ahead := due - time.monotonic()) > 0:
                self._read(ahead)
            if number % 64 == 0:
                self._read(0)
            yield number
        self.done.sending += time.monotonic() - begin

    def unpaced(self, seconds: float) -> Iterator[int]:
        """Numbers as fast as they are taken; what comes meanwhile is counted only."""
        begin, number = time.monotonic(), 0
        while number % 64 or time.monotonic() < begin + seconds:
            if number % 64 == 0:
                self.listen(0)
            yield number
            number += 1
        self.done.sending += time.monotonic() - begin

    def pour(self, streams: Mapping[socket.socket, Iterable[bytes]], seconds: float) -> None:
        """Write each stream to its connection, as fast as the gateway reads, and listen meanwhile."""
        begin = time.monotonic()
        rest = {out: (iter(pieces), memoryview(b"")) for out, pieces in streams.items()}
        for out in rest:
            self._selector.modify(out, selectors.EVENT_READ | selectors.EVENT_WRITE)
        while rest and (left := begin + seconds - time.monotonic()) > 0:
            for out in self._read(left):
                if out not in rest:
                    continue
                pieces, piece = rest[out]
                piece = piece or memoryview(next(pieces, b""))
                try:
                    written = out.send(piece) if piece else 0
                except BlockingIOError:
                    continue
                except OSError:
                    self._gone(out)
                    written = 0
                if not written:
                    del rest[out]
                    if out not in self.closed:
                        self._selector.modify(out, selectors.EVENT_READ)
                    continue
                self.done.octets_out += written
                rest[out] = pieces, piece[written:]
            for out in self.closed & rest.keys():
                del rest[out]
            self._heard.clear()
        for out in rest:
            self._selector.modify(out, selectors.EVENT_READ)
        self.done.sending += time.monotonic() - begin

    def _read(self, wait: float) -> list[socket.socket]:
        """Read all that is there, wait for it so many seconds at most; the sockets that can be written to."""
        writable = []
        for key, events in self._selector.select(wait):
            one: socket.socket = key.fileobj  # type: ignore[assignment]
            if events & selectors.EVENT_WRITE:
                writable.append(one)
            if events & selectors.EVENT_READ:
                self._read_one(one)
        return writable

    def _read_one(self, one: socket.socket) -> None:
        datagrams = one.type == socket.SOCK_DGRAM
        for _ in range(256 if datagrams else 1):
            try:
                data, source = one.recvfrom(READ)
            except BlockingIOError:
                return
            except OSError:
                data, source = b"", None
            if not data and not datagrams:
                self._gone(one)
                return
            self.done.octets_in += len(data)
            self._heard.append((one, data, source))

    def _gone(self, one: socket.socket) -> None:
        if one not in self.closed:
            self.closed.add(one)
            self._selector.unregister(one)

    def close(self) -> None:
        """Close all its sockets."""
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        for one in self.closed:
            one.close()
        self._selector.close()
