"""Faults that are known and not mended yet, by the kind of their violations; each has a test in ``test_found``.

The runs in the suite let them pass, so that anything else shows. Whoever mends one takes its lines away.
"""

from __future__ import annotations

import re
from typing import Final

KNOWN: Final = (
    # A dialog is in its row only once its session is live.
    r"no ghosts: … has no BYE",
    # What is unbound again, or never bound, keeps its connection.
    r"nothing is left: MSRP connections: …(, MSRP connections known: …)?",
    # A message that had no answer when the gateway was stopped, and those behind it.
    r"in order: … arrived before …",
    # A refusal or REPORT of failure before its outcome is written, and a crash.
    r"failed stays failed: … goes out after its sender was told that it failed",
)
_known = re.compile("|".join(f"(?:{each})" for each in KNOWN)).fullmatch


def is_known(kind: str) -> bool:
    """Whether it is one of them."""
    return _known(kind) is not None
