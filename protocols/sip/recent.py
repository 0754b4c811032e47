"""A memory of what happened lately that forgets whole generations at a time.

Timer J alone would be one timer a message for 32 s. Here an entry lives in the newest of a few dictionaries and the
oldest is dropped at once, so remembering costs one assignment and forgetting nothing.
"""

from __future__ import annotations

from typing import Generic, TypeVar

Value = TypeVar("Value")


class Recent(Generic[Value]):
    """Key to value, kept for at least ``keep`` seconds and at most half as long again."""

    __slots__ = ("_generations", "_newest", "_rotated", "_span")

    def __init__(self, keep: float, now: float, generations: int = 3) -> None:
        self._span = keep / (generations - 1)
        self._generations: list[dict[str, Value]] = [{} for _ in range(generations)]
        self._newest = self._generations[-1]
        self._rotated = now

    def put(self, key: str, value: Value) -> None:
        """Remember, from now on."""
        self._newest[key] = value

    def get(self, key: str) -> Value | None:
        """What is remembered under ``key``."""
        for generation in self._generations:
            if key in generation:
                return generation[key]
        return None

    def advance(self, now: float) -> None:
        """Forget what is too old at ``now`` (seconds)."""
        while now - self._rotated >= self._span:
            self._rotated += self._span
            del self._generations[0]
            self._newest = {}
            self._generations.append(self._newest)
            if not any(self._generations):
                self._rotated = max(self._rotated, now - self._span)

    def __len__(self) -> int:
        return sum(map(len, self._generations))
