"""Turns of the event loop, dealt out fairly: connections with input line up by host, and some go in each turn.

Without it each connection with input is served in every turn, so that a turn lasts as long as there are busy
connections, and everybody else's timers and datagrams wait for its end.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final, Protocol

A_TURN: Final = 64
"""Units of work handed to applications in one turn of the loop: a message or so each, a few milliseconds in all."""
OCTETS_A_UNIT: Final = 512
"""Octets of a stream that count as one."""


class Waiting(Protocol):
    """Who lines up."""

    def go(self) -> None:
        """It is its turn: hand over one event, and say by :meth:`Turns.spent` how much more than a unit that was."""


class Turns:
    """One for all connections of a process. ``call_soon`` calls in the next turn of the loop."""

    __slots__ = ("_call_soon", "_hosts", "_left", "_scheduled")

    def __init__(self, call_soon: Callable[[Callable[[], None]], object]) -> None:
        self._call_soon = call_soon
        self._hosts: OrderedDict[str, deque[Waiting]] = OrderedDict()
        self._left = A_TURN
        self._scheduled = False

    def line_up(self, who: Waiting, host: str) -> None:
        """Let ``who`` go, at once where nobody waits and there is room, else in turn by host; once until it goes."""
        if self._left > 0 and not self._hosts:
            self._left -= 1
            who.go()
        else:
            line = self._hosts.get(host)
            if line is None:
                line = self._hosts[host] = deque()
            line.append(who)
        if not self._scheduled:
            self._scheduled = True
            self._call_soon(self._turn)

    def spent(self, units: int) -> None:
        """An event that was handed over was so many units beyond its first; the next turn is as much shorter."""
        self._left -= units

    def _turn(self) -> None:
        hosts = self._hosts
        left = max(1, A_TURN + min(0, self._left))
        self._left = 0  # who lines up again meanwhile goes in the next turn
        while hosts and left:
            left -= 1
            host, line = next(iter(hosts.items()))
            who = line.popleft()
            if line:
                hosts.move_to_end(host)
            else:
                del hosts[host]
            who.go()
        self._left += left
        self._scheduled = bool(hosts) or self._left < A_TURN
        if self._scheduled:
            self._call_soon(self._turn)
