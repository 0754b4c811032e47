"""The exception of a broken invariant, and the checks that several targets share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

T = TypeVar("T")


class Broken(AssertionError):
    """An invariant does not hold for this input."""


def holds(condition: object, what: str, *details: object) -> None:
    """Raise Broken unless ``condition`` is true."""
    if not condition:
        raise Broken(f"{what}: {', '.join(map(_shown, details))}" if details else what)


def _shown(detail: object) -> str:
    text = repr(detail)
    return text if len(text) < 300 else f"{text[:300]}..."


def stable(first: T, again: Callable[[T], T], what: str) -> None:
    """What was read, written and read again is the same."""
    second = again(first)
    holds(first == second, f"{what} is not the same once it was written and read", first, second)


def pieces(data: bytes, cuts: bytes) -> Iterator[bytes]:
    """``data`` cut as ``cuts`` says, an octet a length; what is left comes octet by octet or whole."""
    at = 0
    for cut in cuts:
        if at >= len(data):
            return
        yield data[at : at + cut]
        at += cut
    if len(cuts) % 2 or len(data) - at > 300:
        yield data[at:]
    else:
        for octet in range(at, len(data)):
            yield data[octet : octet + 1]
