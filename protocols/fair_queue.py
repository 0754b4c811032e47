"""Datagrams that wait to be looked at: a fair share of room and of turns for each host, and within it for each port.

Whoever sends more than is looked at fills the room that is theirs, and what is over is dropped, as a full socket buffer
would; what others send waits no longer for that than a round of the hosts takes. Hosts are counted before ports, as one
host has as many ports as it likes.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Final

LEAST: Final = 16
"""Datagrams that a host may have waiting however many hosts there are."""
LEAST_OF_A_PORT: Final = 4


Datagram = tuple[bytes, tuple[str, int]]
"""Octets, and the address and port that they came from."""


class _Host:
    """What waits from one host."""

    __slots__ = ("octets", "ports", "waiting")

    def __init__(self) -> None:
        self.octets = 0
        self.ports: OrderedDict[int, deque[Datagram]] = OrderedDict()
        """By port; the first one's turn is next."""
        self.waiting = 0


class FairQueue:
    """``most``: datagrams in all, about; ``most_octets``: their size. Both are shared out to the hosts that wait."""

    __slots__ = ("_hosts", "_most", "_most_octets", "_waiting")

    def __init__(self, most: int, most_octets: int) -> None:
        self._most = most
        self._most_octets = most_octets
        self._waiting = 0
        self._hosts: OrderedDict[str, _Host] = OrderedDict()

    def __len__(self) -> int:
        """Datagrams that wait."""
        return self._waiting

    def put(self, name: str, data: bytes, source: tuple[str, int]) -> bool:
        """Let a datagram wait in the share of ``name``, its host; False: there is no room, it is dropped."""
        host = self._hosts.get(name)
        if host is None:
            host = self._hosts[name] = _Host()
        elif host.waiting >= LEAST and (
            host.waiting >= self._most // len(self._hosts) or host.octets >= self._most_octets // len(self._hosts)
        ):
            return False
        port = host.ports.get(source[1])
        if port is None:
            port = host.ports[source[1]] = deque()
        elif len(port) >= LEAST_OF_A_PORT and len(port) >= self._most // (len(self._hosts) * len(host.ports)):
            return False
        port.append((data, source))
        host.waiting += 1
        host.octets += len(data)
        self._waiting += 1
        return True

    def take(self, most: int) -> list[Datagram]:
        """The next datagrams, at most so many: in turn by host, and within a host by port."""
        taken: list[Datagram] = []
        hosts = self._hosts
        while hosts and len(taken) < most:
            name, host = next(iter(hosts.items()))
            taken.append(self._next(host))
            if host.waiting:
                hosts.move_to_end(name)
            else:
                del hosts[name]
        self._waiting -= len(taken)
        return taken

    @staticmethod
    def _next(host: _Host) -> Datagram:
        number, port = next(iter(host.ports.items()))
        found = port.popleft()
        host.waiting -= 1
        host.octets -= len(found[0])
        if port:
            host.ports.move_to_end(number)
        else:
            del host.ports[number]
        return found
