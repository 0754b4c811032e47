"""Faults that are known and not mended yet, by the kind of their violations; each has a test in ``test_found``.

The runs in the suite let them pass, so that anything else shows. Whoever mends one takes its lines away.
"""

from __future__ import annotations

import re
from typing import Final

KNOWN: Final[tuple[str, ...]] = ()
_known = re.compile("|".join(f"(?:{each})" for each in KNOWN)).fullmatch


def is_known(kind: str) -> bool:
    """Whether it is one of them."""
    return _known(kind) is not None
