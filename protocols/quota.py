"""How many of something each name may have at once: a few until somebody has shown to be there, more from then on.

What costs memory and packets for as long as nobody answers is had for the asking by whoever names an address. So a host
that has never answered is granted only what does no harm to anybody.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

FIRST: Final = 256
"""What a name may have before it has shown itself."""
MOST_REMEMBERED: Final = 10_000
"""Names that have shown themselves; who did so longest ago is forgotten first."""


class Quota:
    """``most``: what a name may have that has shown itself; ``first``: before that."""

    __slots__ = ("_first", "_held", "_most", "_shown")

    def __init__(self, most: int, first: int = FIRST) -> None:
        self._most = most
        self._first = min(first, most)
        self._held: dict[str, int] = {}
        self._shown: OrderedDict[str, None] = OrderedDict()

    def take(self, name: str) -> bool:
        """One more for ``name``; False where it has as many as it may."""
        held = self._held.get(name, 0)
        if held >= self._first and not (held < self._most and name in self._shown):
            return False
        self._held[name] = held + 1
        return True

    def has_room(self, name: str) -> bool:
        """Whether ``name`` may have one more."""
        held = self._held.get(name, 0)
        return held < self._first or (held < self._most and name in self._shown)

    def give(self, name: str) -> None:
        """One less for ``name``."""
        held = self._held.get(name, 0) - 1
        if held > 0:
            self._held[name] = held
        else:
            self._held.pop(name, None)

    def answered(self, name: str) -> None:
        """One less for ``name``, which is there."""
        if name not in self._shown:
            self.shows_itself(name)
        held = self._held.get(name, 0) - 1
        if held > 0:
            self._held[name] = held
        else:
            self._held.pop(name, None)

    def shows_itself(self, name: str) -> None:
        """``name`` is there: it has answered."""
        if name in self._shown:
            return
        if len(self._shown) >= MOST_REMEMBERED:
            self._shown.popitem(last=False)
        self._shown[name] = None

    def held(self, name: str) -> int:
        """How many ``name`` has."""
        return self._held.get(name, 0)
