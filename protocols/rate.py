"""Token buckets: so many a second, and some at once. One for each name, and one that all of them share.

No clock of their own: whoever asks says what time it is, in seconds of a clock that does not go back.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

MOST_NAMES: Final = 10_000
"""Names remembered; whoever has been silent longest is forgotten first, and begins anew with a full bucket."""


class TokenBucket:
    """``rate`` tokens a second flow in, at most ``burst`` are there."""

    __slots__ = ("_at", "_tokens", "burst", "rate")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self.rate = rate
        self.burst = burst
        self._tokens = burst
        self._at = now

    def take(self, now: float) -> bool:
        """Take one; False where there is none."""
        if now > self._at:
            self._tokens = min(self.burst, self._tokens + (now - self._at) * self.rate)
            self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class TokenBuckets:
    """A bucket a name, bounded in number, and a bucket for all of them together."""

    __slots__ = ("_all", "_burst", "_each", "_rate")

    def __init__(self, rate: float, burst: float, *, all_rate: float, all_burst: float, now: float) -> None:
        """``rate`` and ``burst`` of each name, ``all_rate`` and ``all_burst`` of all together."""
        self._rate = rate
        self._burst = burst
        self._all = TokenBucket(all_rate, all_burst, now)
        self._each: OrderedDict[str, TokenBucket] = OrderedDict()

    def take(self, name: str, now: float) -> bool:
        """Take one of each; False where one of them has none. What is refused by name costs the others nothing."""
        bucket = self._each.get(name)
        if bucket is None:
            if len(self._each) >= MOST_NAMES:
                self._each.popitem(last=False)
            bucket = self._each[name] = TokenBucket(self._rate, self._burst, now)
        else:
            self._each.move_to_end(name)
        return bucket.take(now) and self._all.take(now)
