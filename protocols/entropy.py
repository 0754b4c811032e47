"""Random tokens from the system's generator, drawn in blocks because one system call a token would be felt.

A fork would hand the same block to two processes, so the block is dropped in the child.
"""

from __future__ import annotations

import os
from typing import Final

_BLOCK: Final = 4096  # bytes a draw


class _Pool:
    __slots__ = ("hex", "used")

    def __init__(self) -> None:
        self.hex = ""
        self.used = 0


_pool = _Pool()


def token(length: int) -> str:
    """``length`` lower-case hexadecimal digits, four random bits each."""
    start = _pool.used
    end = start + length
    if end > len(_pool.hex):
        _pool.hex = os.urandom(max(_BLOCK, length)).hex()
        start, end = 0, length
    _pool.used = end
    return _pool.hex[start:end]


def _forget() -> None:
    _pool.hex = ""
    _pool.used = 0


os.register_at_fork(after_in_child=_forget)
