"""Does the work of a reader grow as its input does? Told by CPU time at sizes that double, never by seconds.

A regular expression's steps cannot be counted from outside, so time is what there is; of it only the ratio counts. It
is judged where there is enough to be measured, as the least of several runs, and a suspicion must come back each time
that it is looked at again.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

FLOOR: Final = 0.004
"""Seconds of CPU; what takes less at the largest size is no danger there, and too little to be judged."""
DOUBLING: Final = 3.0
"""What one doubling of the input may multiply the work by: 2 is linear, 4 is quadratic."""
STEP: Final = 2.3
"""What each of two doublings must have multiplied it by, where both together are judged."""
LOOKS: Final = 4
"""How often a suspicion must come back, with more runs each time."""


@dataclass(frozen=True, slots=True)
class Growth:
    """CPU seconds at a size, at twice that and at four times."""

    sizes: tuple[int, int, int]
    seconds: tuple[float, float, float]

    @property
    def steep(self) -> bool:
        """Whether it grew faster than linear work does, over both doublings together.

        One of them may be disturbed, but not all of the growth is in the other: that is a step, as where a text is too
        long to be looked at as a whole.
        """
        once, twice, four = self.seconds
        return four > DOUBLING**2 * once and min(four / twice, twice / once) > STEP

    def __str__(self) -> str:
        return ", ".join(
            f"{seconds * 1000:.2f} ms for {size}" for size, seconds in zip(self.sizes, self.seconds, strict=True)
        )


def growth_of(read: Callable[[int], Callable[[], object]], largest: int) -> Growth | None:
    """How the work grows up to ``largest``, where it grows faster than the input; None where it does not.

    ``read(size)`` prepares the input and gives what is measured.
    """
    whole = read(largest)
    enabled = gc.isenabled()
    gc.disable()
    try:
        if _seconds(whole, 1) < FLOOR:
            return None
        for look in range(1, LOOKS + 1):
            sizes = largest // 4, largest // 2, largest
            growth = Growth(sizes, tuple(_seconds(read(size), look + 1) for size in sizes))  # type: ignore[arg-type]
            if not growth.steep:
                return None
        return growth
    finally:
        if enabled:
            gc.enable()


def _seconds(run: Callable[[], object], times: int) -> float:
    """The least CPU time of so many runs."""
    least = float("inf")
    for _ in range(times):
        begun = time.process_time()
        run()
        least = min(least, time.process_time() - begun)
    return least
