"""What was read of texts that come again and again: reading one a second time costs one look-up.

Bounded in number and, by what it takes for small, in octets: whoever invents texts to fill it gains nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")


class Remembered(dict[str, Value]):
    """``Remembered(read, most=..., ...)[text]`` is ``read(text)``, and raises what that raises.

    ``most``: texts kept; when there are more, all are forgotten, as to know the oldest would cost each look-up more.
    ``longest``: characters of a text that is kept, where ``is_small`` holds for it too.
    """

    __slots__ = ("_is_small", "_longest", "_read", "most")

    def __init__(
        self,
        read: Callable[[str], Value],
        *,
        most: int,
        longest: int,
        is_small: Callable[[str], bool] = lambda _: True,
    ) -> None:
        super().__init__()
        self.most = most
        self._read = read
        self._longest = longest
        self._is_small = is_small

    def __missing__(self, text: str) -> Value:
        value = self._read(text)
        if len(text) <= self._longest and self._is_small(text):
            if len(self) >= self.most:
                self.clear()
            self[text] = value
        return value
