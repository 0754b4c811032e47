"""One bound on all octets that a process holds for others: of what is not whole yet, and of what waits for its turn."""

from __future__ import annotations


class HeldOctets:
    """Counts what is held; ``limit`` is the most."""

    __slots__ = ("limit", "most_used", "used")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self.most_used = 0
        """The most that was ever held; whoever looks may begin it anew."""

    def take(self, octets: int) -> bool:
        """Hold so many more; False where that would be over the limit, and nothing is held."""
        if self.used + octets > self.limit:
            return False
        self.add(octets)
        return True

    def add(self, octets: int) -> None:
        """Hold so many more, or less, room or not: they are there."""
        used = self.used = self.used + octets
        if used > self.most_used:  # noqa: PLR1730 - twice a message, where a call is felt
            self.most_used = used

    def has_room(self, octets: int) -> bool:
        """Whether so many more could be held."""
        return self.used + octets <= self.limit


class Holding:
    """What one buffer holds of it, which follows the buffer's size."""

    __slots__ = ("_held", "octets")

    def __init__(self, held: HeldOctets) -> None:
        self._held = held
        self.octets = 0

    def is_now(self, octets: int) -> bool:
        """The buffer has this size; False where it has grown beyond what there is room for, and must shrink."""
        if octets > self.octets and not self._held.take(octets - self.octets):
            return False
        if octets < self.octets:
            self._held.add(octets - self.octets)
        self.octets = octets
        return True
