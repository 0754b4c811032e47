"""Faults that are known and not mended yet, by the kind of their violations; each has a test in ``test_found``.

The runs in the suite let them pass, so that anything else shows. Whoever mends one takes its lines away.
"""

from __future__ import annotations

import re
from typing import Final

KNOWN: Final = (
    # Bound before the answer: a session goes live that cannot send yet, and a dialog that is none is kept in its row.
    r"failed for a cause: … is told 480 and nothing failed \(its INVITE has no answer\)",
    r"no exception: SipError\('… Malformed URI'\) in uri.py:…",
    # Bound by the side that said passive while we connect, too.
    r"failed for a cause: … is told 480 and nothing failed \(its session is answered\)",
    # A dialog is in its row only once its session is live.
    r"no ghosts: … has no BYE",
    # What is unbound again, or never bound, keeps its connection.
    r"nothing is left: MSRP connections: …(, MSRP connections known: …)?",
    # Notices: by two tellers, without a budget, about notifications, before what they tell is written.
    r"told once: … notices to … about … messages that failed",
    r"notices are bounded: … notices to … in … s",
    r"no notice about a notice: … notices to … about … messages that failed",
    r"failed is true: … notices to … and only … messages that were not delivered",
    # A message that had no answer when the gateway was stopped, and those behind it.
    r"in order: … arrived before …",
    # A refusal or REPORT of failure before its outcome is written, and a crash.
    r"failed stays failed: … goes out after its sender was told that it failed",
    # A success REPORT before the response to its SEND.
    r"delivered once: … goes out again after it was taken",
    # Where nothing is promised.
    r"an answer in time: no answer to MESSAGE from … \(…\)",
    # An address of the gateway itself.
    r"never to itself: (a connection|BYE …|INVITE …|MESSAGE …)",
    r"never back: … goes out as SEND to …",
    r"one outstanding: a MESSAGE to … while another has no answer",
    # Floods and strangers.
    r"strangers cost nothing: .*",
    r"unanswered INVITEs are bounded: .*",
    r"unacknowledged answers are bounded: .*",
)
_known = re.compile("|".join(f"(?:{each})" for each in KNOWN)).fullmatch


def is_known(kind: str) -> bool:
    """Whether it is one of them."""
    return _known(kind) is not None
