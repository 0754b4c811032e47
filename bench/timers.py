"""What timers cost: ``python -m bench.timers`` prints microseconds a timer, the best of several runs.

Three ways to keep the timers of SIP transactions: our wheel, a binary heap with cancelled entries left in it until they
are due, and the event loop's own. The load is a gateway's: a timer for each message, 0.5 s or 32 s ahead, nearly all
cancelled before they fire. The last line is the summary.
"""

from __future__ import annotations

import asyncio
import gc
import heapq
import itertools
import platform
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

import uvloop

from protocols.timers import Timer, TimerWheel

TIMERS = 20_000
ROUNDS = 4
UNDER_WAY = (100, 20_000)
DELAYS = (0.5, 32.0)


class Heap:
    """The plain way: entries by deadline, cancelled by a mark."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.entries: list[list[Any]] = []
        self.count = itertools.count()

    def start(self, delay: float, callback: Callable[[Any], object], argument: Any = None) -> list[Any]:
        """One entry."""
        entry = [self.now + delay, next(self.count), callback, argument]
        heapq.heappush(self.entries, entry)
        return entry

    def cancel(self, entry: list[Any]) -> None:
        """Mark it."""
        entry[2] = None

    def advance(self, now: float) -> None:
        """Fire what is due."""
        self.now = now
        entries = self.entries
        while entries and entries[0][0] <= now:
            _, _, callback, argument = heapq.heappop(entries)
            if callback is not None:
                callback(argument)


def nothing(_: object) -> None:
    """What fires."""


def best(run: Callable[[], float]) -> float:
    """Microseconds a timer of the fastest round."""
    times = []
    for _ in range(ROUNDS):
        gc.collect()
        times.append(run())
    return min(times) / TIMERS * 1e6


def steady(
    start: Callable[..., Any], cancel: Callable[[Any], object], advance: Callable[[float], object], under_way: int
) -> float:
    """Start and cancel, ``under_way`` at a time, 5,000 a second, after 32 s of the same."""
    spent = 0.0
    now = 1000.0
    waiting: deque[Any] = deque()
    for position in range(9 * TIMERS):  # 36 s: the heap holds what it will always hold
        if position == 8 * TIMERS:
            spent = time.perf_counter()
        waiting.append(start(DELAYS[position % 2], nothing))
        if len(waiting) > under_way:
            cancel(waiting.popleft())
        if position % 10 == 0:
            now += 0.002
            advance(now)
    return time.perf_counter() - spent


def fire(start: Callable[..., Any], advance: Callable[[float], object]) -> float:
    """Fire, spread over a second."""
    for position in range(TIMERS):
        start(position / TIMERS, nothing)
    started = time.perf_counter()
    for step in range(1, 110):
        advance(1000.0 + step / 100)
    return time.perf_counter() - started


def wheel_steady(under_way: int) -> float:
    """Our wheel."""
    wheel = TimerWheel(1000.0)
    return steady(wheel.start, Timer.cancel, wheel.advance, under_way)


def heap_steady(under_way: int) -> float:
    """A heap."""
    heap = Heap()
    return steady(heap.start, heap.cancel, heap.advance, under_way)


def loop_steady(new_loop: Callable[[], asyncio.AbstractEventLoop], under_way: int) -> float:
    """A loop's call_later; it is not run, so what its own clock costs is not in it."""
    loop = new_loop()
    try:
        waiting: deque[asyncio.TimerHandle] = deque()
        for _ in range(under_way):
            waiting.append(loop.call_later(32, nothing, None))
        started = time.perf_counter()
        for position in range(TIMERS):
            waiting.append(loop.call_later(DELAYS[position % 2], nothing, None))
            waiting.popleft().cancel()
        return time.perf_counter() - started
    finally:
        loop.close()


def loop_fire(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> float:
    """A loop's call_later, due at once, so that waiting is not measured."""
    loop = new_loop()
    try:
        for _ in range(TIMERS):
            loop.call_later(0, nothing, None)
        loop.call_later(0.002, loop.stop)
        time.sleep(0.003)
        started = time.perf_counter()
        loop.run_forever()
        return time.perf_counter() - started
    finally:
        loop.close()


def wheel_fire() -> float:
    """Our wheel."""
    wheel = TimerWheel(1000.0)
    return fire(wheel.start, wheel.advance)


def heap_fire() -> float:
    """A heap."""
    heap = Heap()
    return fire(heap.start, heap.advance)


def main() -> None:
    """Print everything."""
    print(f"Python {platform.python_version()}, {TIMERS} timers a round, best of {ROUNDS}; microseconds a timer")
    ways: dict[str, tuple[Callable[[int], float], Callable[[], float]]] = {
        "wheel": (wheel_steady, wheel_fire),
        "heapq": (heap_steady, heap_fire),
        "uvloop call_later": (partial(loop_steady, uvloop.new_event_loop), partial(loop_fire, uvloop.new_event_loop)),
        "asyncio call_later": (
            partial(loop_steady, asyncio.new_event_loop),
            partial(loop_fire, asyncio.new_event_loop),
        ),
    }
    few, many = UNDER_WAY
    print(f"{'start and cancel with':<24} {few:>6} {many:>7} under way    fire")
    costs = {}
    for name, (start, fired) in ways.items():
        costs[name] = best(partial(start, many))
        print(f"{name:<24} {best(partial(start, few)):>6.2f} {costs[name]:>7.2f} {best(fired):>17.2f}")
    heap, wheel = Heap(), TimerWheel(1000.0)
    steady(heap.start, heap.cancel, heap.advance, few)
    steady(wheel.start, Timer.cancel, wheel.advance, few)
    print(f"kept of cancelled timers at 5,000 a second: wheel {len(wheel) - few}, heapq {len(heap.entries) - few}")
    summary = ", ".join(f"{name} {cost:.2f}" for name, cost in costs.items())
    print(f"timers: start+cancel in us, {many} under way: {summary}")


if __name__ == "__main__":
    main()
