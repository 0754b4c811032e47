"""How much an input makes us do, in something that no machine's speed changes: function calls.

Steps within a regular expression or a search are not among them; those are held by :mod:`tests.linearity`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable


def calls_of(run: Callable[[], object]) -> int:
    """Calls of Python functions, and of those in C, that ``run`` makes."""
    count = 0

    def counted(_frame: object, event: str, _arg: object) -> None:
        nonlocal count
        if event in {"call", "c_call"}:
            count += 1

    before = sys.getprofile()
    sys.setprofile(counted)
    try:
        run()
    finally:
        sys.setprofile(before)
    return count
