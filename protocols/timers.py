"""Timers: a hashed wheel whose start and cancel are O(1), and leave at most an empty slot behind.

Every SIP transaction starts one to three timers and nearly all are cancelled. The wheel was chosen by measurement
(``bench/timers.py``): 0.7 us to start and cancel, however many are under way. A binary heap takes three times that and
keeps cancelled entries until they are due, 32 s of them; asyncio's timers cost as much as the heap, uvloop's as little
as the wheel while few are under way and twice as much when 20,000 are. Both would bring an event loop in here. The
price is resolution: a timer fires up to one tick late, never early.

No clock of its own: the host calls :meth:`TimerWheel.advance` with the time, so a test moves time by hand.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from typing import Any, Final

TICK: Final = 1 / 64
"""Seconds. A power of two: times and ticks convert without rounding, so that a deadline announced is one that fires."""


class Timer:
    """A started timer. ``cancel`` may be called at any time, also twice.

    Once it fired or was cancelled it holds neither callback nor argument: whoever keeps a timer that calls back into
    itself, as transactions do, would else be garbage that only the collector finds.
    """

    __slots__ = ("_slot", "argument", "callback")

    def __init__(self, slot: dict[Timer, None], callback: Callable[[Any], object], argument: Any) -> None:
        self._slot: dict[Timer, None] | None = slot
        self.callback = callback
        self.argument = argument

    def cancel(self) -> None:
        """Never fire. Does nothing if it fired or was cancelled before."""
        slot = self._slot
        if slot is not None:
            slot.pop(self, None)
            self._slot = None
            self.callback = _spent
            self.argument = None

    @property
    def active(self) -> bool:
        """Whether it is still to fire."""
        return self._slot is not None


def _spent(_: Any) -> None:
    """What a timer that is over calls."""


class TimerWheel:
    """Timers by the tick in which they are due.

    ``now`` is the time in seconds at the last advance; it only moves forward, whatever the host's clock does.
    ``wake`` is called with a time in seconds when the earliest deadline moved to before the last one announced.
    ``on_error`` gets what a callback raises, so that the others still fire; without it the exception goes to the host,
    and the others fire at the next advance. ``tick`` in seconds must be a power of two.
    """

    __slots__ = ("_announced", "_order", "_slots", "_tick", "now", "on_error", "wake")

    def __init__(self, now: float, tick: float = TICK) -> None:
        if math.frexp(tick)[0] != 0.5:
            raise ValueError("the tick must be a power of two")
        self.now = now
        self.wake: Callable[[float], object] | None = None
        self.on_error: Callable[[Exception], object] | None = None
        self._tick = tick
        self._slots: dict[int, dict[Timer, None]] = {}
        self._order: list[int] = []
        self._announced: float | None = None

    def start(self, delay: float, callback: Callable[[Any], object], argument: Any = None) -> Timer:
        """Call ``callback(argument)`` once, ``delay`` seconds after ``now``, at most a tick late.

        Never within the same advance: a delay of nothing, or less, is a tick.
        """
        if delay < 0:
            delay = 0.0
        due = int((self.now + delay) / self._tick) + 1
        slot = self._slots.get(due)
        if slot is None:
            slot = self._slots[due] = {}
            heapq.heappush(self._order, due)
            if self._order[0] == due and self.wake is not None:
                at = due * self._tick
                if self._announced is None or at < self._announced:
                    self._announced = at
                    self.wake(at)
        timer = Timer(slot, callback, argument)
        slot[timer] = None
        return timer

    def advance(self, now: float) -> None:
        """Fire all that is due at ``now``, in the order of the ticks, within one as they were started.

        Callbacks may start and cancel timers.
        """
        self.now = now = max(now, self.now)
        self._announced = None
        order = self._order
        last = int(now / self._tick)
        while order and order[0] <= last:
            due = heapq.heappop(order)
            slot = self._slots.pop(due)
            for timer in list(slot):
                if timer._slot is not slot:  # cancelled by one that fired before it
                    continue
                callback, argument = timer.callback, timer.argument
                del slot[timer]
                timer._slot = None
                timer.callback = _spent
                timer.argument = None
                try:
                    callback(argument)
                except Exception as error:
                    if self.on_error is None:
                        self._slots[due] = slot
                        heapq.heappush(order, due)
                        raise
                    self.on_error(error)

    def next_deadline(self) -> float | None:
        """When to call :meth:`advance` next; None while no timer runs."""
        while self._order and not self._slots[self._order[0]]:
            del self._slots[heapq.heappop(self._order)]  # all of it was cancelled
        return self._order[0] * self._tick if self._order else None

    def __len__(self) -> int:
        """Timers that are still to fire."""
        return sum(map(len, self._slots.values()))
