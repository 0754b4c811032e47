"""A bar that shows how far long work is: on a terminal it moves, elsewhere it is silent until the end."""

from __future__ import annotations

import time
from typing import Any, Final

WIDTH: Final = 30


class Progress:
    """Of ``total`` things called ``what``; 0 things are done at once."""

    def __init__(self, out: Any, what: str, total: int) -> None:
        self._out = out
        self._what = what
        self._total = max(1, total)
        self._done = 0
        self._began = self._shown = time.monotonic()
        self._moves = bool(getattr(out, "isatty", lambda: False)())

    def add(self, number: int = 1) -> None:
        """So many more are done."""
        self._done += number
        now = time.monotonic()
        if self._moves and (now - self._shown > 0.1 or self._done >= self._total):
            self._shown = now
            self._out.write(f"\r{self._line(now)}", ending="")

    def done(self) -> None:
        """That was all."""
        line = self._line(time.monotonic())
        self._out.write(f"\r{line}" if self._moves else line)

    def _line(self, now: float) -> str:
        part = min(1.0, self._done / self._total)
        bar = "#" * int(part * WIDTH)
        rate = self._done / max(now - self._began, 1e-9)
        left = (self._total - self._done) / rate if rate and self._done < self._total else 0
        return f"[{bar:<{WIDTH}}] {part:4.0%} {self._done:,} {self._what}, {rate:,.0f}/s, {left:.0f} s left "
