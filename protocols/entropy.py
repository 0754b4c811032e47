"""Random tokens from the system's generator, drawn in blocks because one system call a token would be felt.

A fork would hand the same stock to two processes, so the child throws it away. Threads may share it: ``list.pop`` is
atomic, and two that find a stock empty only draw more than was needed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

_BLOCK: Final = 4096  # bytes a draw

_stocks: dict[int, list[str]] = {}


def token(length: int) -> str:
    """``length`` lower-case hexadecimal digits, four random bits each; ``length`` is at least 1."""
    try:
        return _stocks[length].pop()
    except LookupError:
        return source(length)()


def source(length: int) -> Callable[[], str]:
    """What gives such tokens of one ``length``, for those who want them often."""
    stock = _stocks.setdefault(length, [])
    take = stock.pop

    def draw() -> str:
        while True:
            try:
                return take()
            except IndexError:
                stock.extend(_drawn(length))

    return draw


def _drawn(length: int) -> list[str]:
    text = os.urandom(max(_BLOCK, length)).hex()
    return [text[at : at + length] for at in range(0, len(text) - length + 1, length)]


def _forget() -> None:
    for stock in _stocks.values():
        stock.clear()


os.register_at_fork(after_in_child=_forget)
