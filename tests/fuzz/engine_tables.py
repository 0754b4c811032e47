"""The tables that a gateway holds, and how large each is: found by walking its objects, so that none is forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, Final

REMEMBERING: Final = (
    *(
        "counts",
        "seen.",
        "seen_before.",
        "locator._names",
        "notices._pairs",
        "notifications._expected",
        "wheel._order",
        "wheel._slots",
    ),
    *("_beginnings", "far_ends._unanswered", "far_ends._unacknowledged", "strangers.", "config"),
)
"""What outlives sessions on purpose, each with a bound of its own."""

_OURS: Final = ("protocols.", "sessions_app.gateway.")


@cache
def _fresh() -> dict[str, int]:
    return {}


def tables_of_a_new_one(gateway: object) -> dict[str, int]:
    """Looked up once: each new gateway is like the first."""
    known = _fresh()
    if not known:
        known.update(tables(gateway))
    return known


def tables(thing: object, path: str = "", depth: int = 4) -> Iterator[tuple[str, int]]:
    """Every table within ``thing`` and the things of ours that it holds, by its path, with its size."""
    if depth == 0:
        return
    for name, value in _attributes(thing):
        where = f"{path}{name}"
        if isinstance(value, dict | set | list) or type(value).__name__ == "deque":
            yield where, len(value)
        elif type(value).__module__.startswith(_OURS) and name not in {"gateway", "_gateway", "application", "user"}:
            yield from tables(value, f"{where}.", depth - 1)


def _attributes(thing: object) -> Iterator[tuple[str, Any]]:
    names = [*getattr(thing, "__dict__", ())]
    for made in type(thing).__mro__:
        slots = getattr(made, "__slots__", ())
        names += [slots] if isinstance(slots, str) else slots
    for name in names:
        if hasattr(thing, name):
            yield name, getattr(thing, name)


def grown(gateway: object, fresh: dict[str, int]) -> dict[str, int]:
    """Tables that hold more than those of a new gateway, but for those that are there to remember."""
    return {
        path: size
        for path, size in tables(gateway)
        if size > fresh.get(path, 0) and not any(part in path for part in REMEMBERING)
    }
