"""Octets as a row of decisions, so that any input is some sequence of steps and a small change of it a small change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Choices:
    """Reads an octet for a decision, and an octet of length before octets; when all are read, decisions are 0."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def number(self, most: int) -> int:
        """From 0 to ``most``, which is less than 256."""
        at = self._at
        if at >= len(self._data):
            return 0
        self._at = at + 1
        return self._data[at] % (most + 1)

    def one_of(self, these: Sequence[T]) -> T:
        """One of up to 256 things."""
        return these[self.number(len(these) - 1)]

    def octets(self) -> bytes:
        """Up to 255 octets; a length of 255 says that all the rest is meant."""
        length = self.number(255)
        begin = self._at
        self._at = len(self._data) if length == 255 else min(len(self._data), begin + length)
        return self._data[begin : self._at]
