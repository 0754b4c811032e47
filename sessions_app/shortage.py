"""What this process or its machine has run out of, where an error says something else.

A connection that cannot be opened for want of a descriptor looks like one that nobody answers: libpq says "connection
is bad: no error details available", a file that cannot be opened looks like one that is not there. Whoever then says
that the database is away sends people to look in the wrong place. So :func:`of` is asked before that is said.
"""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Iterator
from typing import Final

import psycopg
from django.db.utils import InterfaceError, OperationalError

OURS: Final = "no file descriptor is left in this process, which may have {limit}: raise LimitNOFILE or ulimit -n"
WORDS: Final = {
    errno.ENFILE: "no file descriptor is left on this machine: raise fs.file-max",
    errno.ENOMEM: "no memory is left",
}
"""What an error number means; EMFILE has OURS."""
NO_THREAD: Final = "no thread can be started: raise TasksMax or ulimit -u"
STATES: Final = {
    "53000": "the database has run out of something",
    "53100": "the database has no room on its disk",
    "53200": "the database has no memory left",
    "53300": "the database takes no more connections: raise its max_connections",
}
"""SQLSTATEs of PostgreSQL's class 53: it is there, and cannot."""
_OF_CONNECTIONS: Final = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)
_REFUSALS: Final = ("too many clients already", "remaining connection slots")
"""The words of 53300 where a connection is refused before there is one that could carry an SQLSTATE."""
NEEDED: Final = 4
"""Descriptors that a connection to the database takes while it is made: its socket, what waits for it, and files that
the resolver reads. Fewer than that are none."""


def of(error: BaseException) -> str | None:
    """What is short, in words, with what to do about it; None where nothing is and the error means what it says."""
    for each in _chain(error):
        if isinstance(each, OSError) and (said := _words(each.errno)):
            return said
        if isinstance(each, MemoryError):
            return WORDS[errno.ENOMEM]
        if isinstance(each, RuntimeError) and "can't start new thread" in str(each):
            return NO_THREAD
        if isinstance(each, psycopg.Error) and (said := _of_database(each)):
            return said
    return None


def words(error: BaseException) -> str:
    """What is short, or else the error's own words: for a line of the log."""
    return of(error) or " ".join(str(error).split()) or type(error).__name__


def is_away(error: BaseException) -> bool:
    """Whether the database could not be reached, or went away in the middle: no shortage, and no fault of a query."""
    if not isinstance(error, _OF_CONNECTIONS) or of(error):
        return False
    state = getattr(error, "sqlstate", None) or getattr(error.__cause__, "sqlstate", None)
    return state is None or state.startswith(("08", "57P0"))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _words(number: int | None) -> str | None:
    if number == errno.EMFILE:
        return OURS.format(limit=resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    return WORDS.get(number or 0)


def _of_database(error: psycopg.Error) -> str | None:
    if error.sqlstate is not None:
        return STATES.get(error.sqlstate)
    if not isinstance(error, psycopg.OperationalError):
        return None
    text = str(error)
    if any(refusal in text for refusal in _REFUSALS):
        return STATES["53300"]
    # libpq has only words, and where it has none left it is because nothing can be opened: that can be tried.
    for number in (errno.EMFILE, *WORDS):
        if os.strerror(number) in text:
            return _words(number)
    return _words(_hindrance())


def _hindrance() -> int | None:
    """The number of the error if NEEDED descriptors cannot be had now."""
    held: list[int] = []
    try:
        while len(held) < NEEDED:
            held.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        return error.errno
    finally:
        for descriptor in held:
            os.close(descriptor)
    return None
