"""File descriptors: how many this process may have, and what an error says that comes of having none left."""

from __future__ import annotations

import errno
import resource
from typing import Final

RESERVE: Final = 128
"""Descriptors that connections leave alone: the database's, logs, listeners, what a library opens for a moment."""
LEAST: Final = 64
"""Connections that are served however few descriptors there are."""
_NO_MORE: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


def raise_limit() -> int:
    """Raise the soft limit to the hard one; the number of descriptors that this process may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):
            return soft
    return hard if hard != resource.RLIM_INFINITY else 1 << 20


def connections_within(descriptors: int) -> int:
    """How many connections fit into so many descriptors, with the reserve left alone."""
    return max(LEAST, descriptors - RESERVE)


def is_exhaustion(error: BaseException) -> bool:
    """Whether an error only says that the system has no more to give, and nothing about whom we talked to."""
    return isinstance(error, OSError) and error.errno in _NO_MORE
