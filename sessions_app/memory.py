"""Memory that a peak has left behind goes back to the system.

glibc keeps what is freed between blocks that stay, so that a process which once held many sessions or large messages
looks for ever as if it still did. It gives those pages back when it is asked to, which takes milliseconds, so it is
asked only where there is much of it.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Final

WORTH_IT: Final = 16 << 20
"""Octets that must have been freed since the last time."""


class _Mallinfo2(ctypes.Structure):
    """What glibc says of its heaps (mallinfo(3)), all in octets or numbers."""

    _fields_ = [(name, ctypes.c_size_t) for name in (
        "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
    )]  # fmt: skip


def _of_glibc() -> tuple[Callable[[], int], Callable[[], object]] | None:
    """Its two functions: how many octets are free in its heaps, and give them back. None for another C library."""
    try:
        library = ctypes.CDLL(None)
        info, trim = library.mallinfo2, library.malloc_trim
    except (OSError, AttributeError):
        return None
    info.restype, info.argtypes = _Mallinfo2, ()
    trim.restype, trim.argtypes = ctypes.c_int, (ctypes.c_size_t,)
    return lambda: int(info().fordblks), lambda: trim(0)


class FreedMemory:
    """Looked after now and then, from any one thread. ``functions`` are the C library's."""

    def __init__(self, functions: tuple[Callable[[], int], Callable[[], object]] | None = None) -> None:
        self._functions = functions or _of_glibc()
        self._least: int | None = None
        """The fewest octets that were free since the last time: what is given back stays free, and is not counted."""

    def give_back(self) -> bool:
        """Give back what has been freed, where it is much; whether that was done."""
        if self._functions is None:
            return False
        octets, trim = self._functions
        free = octets()
        if self._least is None or free < self._least:
            self._least = free
        if free - self._least < WORTH_IT:
            return False
        trim()
        self._least = octets()
        return True
