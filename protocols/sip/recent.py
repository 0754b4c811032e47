"""A memory of what happened lately that forgets whole generations at a time.

Timer J alone would be one timer a message for 32 s. Here an entry lives in the newest of a few dictionaries and the
oldest is dropped at once, so remembering costs one assignment and forgetting nothing.
"""

from __future__ import annotations

from typing import Generic, TypeVar

Value = TypeVar("Value")


class Recent(Generic[Value]):
    """Key to value, kept for at least ``keep`` seconds, and at most half as long again while :meth:`advance` is called.

    However late a generation is turned, the next one lives its full time from there: a host that was busy or asleep
    never makes it forget what is young.
    """

    __slots__ = ("_generations", "_newest", "_older", "_span", "_turned")

    def __init__(self, keep: float, now: float, generations: int = 3) -> None:
        self._span = keep / (generations - 1)
        self._generations: list[dict[str, Value]] = [{} for _ in range(generations)]  # newest first
        self._newest = self._generations[0]
        self._older = 0  # entries in all the others
        self._turned = now

    def put(self, key: str, value: Value) -> None:
        """Remember, from now on."""
        self._newest[key] = value

    def get(self, key: str) -> Value | None:
        """What was put under ``key`` last."""
        for generation in self._generations:
            if key in generation:
                return generation[key]
        return None

    def discard(self, key: str) -> None:
        """Forget what was put a moment ago; what is older stays until its time."""
        self._newest.pop(key, None)

    def advance(self, now: float) -> None:
        """Forget what is too old at ``now`` (seconds)."""
        if now - self._turned < self._span:
            return
        self._turned = now
        kept = self._generations[:-1]
        self._newest = {}
        self._generations = [self._newest, *kept]
        self._older = sum(map(len, kept))

    def __len__(self) -> int:
        """Entries; a key that was put again counts until its first one is forgotten."""
        return self._older + len(self._newest)
