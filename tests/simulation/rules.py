"""What must hold whatever happens: each rule by its name, with where it is written."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

RULES: Final = {
    "taken before 200": "A MESSAGE is answered 200 only once the far end took it (RFC 3428 s7, RULEBOOK M1, M2).",
    "kept before 202": "A MESSAGE is answered 202 only once its row is committed (docs/delivery.md).",
    "kept before SEND 200": "A SEND is answered 200 only once it is delivered or its row committed (docs/delivery.md).",
    "never silence": "What was acknowledged is delivered, or its sender is told (RULEBOOK A6: never 202 and silence).",
    "nothing owed for ever": "What is owed gets an outcome (docs/delivery.md).",
    "failed is true": "What is told as failed was not delivered (RFC 3428 s7, RFC 4975 s7.1.4).",
    "failed stays failed": "What was told as failed does not go out any more.",
    "failed for a cause": "A failure is told only where something failed (RFC 4975 s5.4, RFC 4145 s4).",
    "success is true": "A success REPORT or IMDN delivered only where the far end itself took it (RFC 4975 s7.1.2, "
    "RFC 5438 s12.1.3.1).",
    "success is told": "Who asked for a success REPORT and is still there gets it (RFC 4975 s7.1.2).",
    "only what was asked": "No response or REPORT that its sender asked not to get (RFC 4975 s7.1.1, RULEBOOK S26).",
    "told once": "At most one notice, IMDN or REPORT of failure for a message (RFC 5438 s7.2.1, RULEBOOK I2).",
    "no notice about a notice": "Nobody is told about a notice, a notification (RFC 5438 s7.2.1.1), an indication.",
    "notices are bounded": "Notices have a budget for each address (RFC 3428 s8, RULEBOOK U2).",
    "one name": "A message keeps its Message-ID, or Call-ID and From tag, whatever way it goes (RFC 4975 s5.4).",
    "delivered once": "What the far end took does not go out again.",
    "in order": "What is delivered in a conversation keeps its order, each way.",
    "never back": "Nothing goes back to the side that it came from (RULEBOOK U2).",
    "never to itself": "The gateway sends no request to itself (RFC 3261 s16.3 by analogy, RULEBOOK U2).",
    "one outstanding": "One MESSAGE at a time for a target URI (RFC 3428 s8, RULEBOOK M7).",
    "INVITEs are bounded": "An INVITE has a message that causes it (RFC 3428 s8, RULEBOOK S34).",
    "unanswered INVITEs are bounded": "Little is sent where nothing is answered (RFC 4732 s2.1, RULEBOOK S34).",
    "unacknowledged answers are bounded": "A 2xx is repeated for 32 s, so few may wait for their ACK (RFC 4732 s2.1).",
    "dials are bounded": "Connections to one address that makes none (RULEBOOK S34).",
    "repeats are bounded": "A request or answer is repeated as RFC 3261 s17 says and no more.",
    "answers go back": "An answer goes to where its request came from (RFC 3261 s18.2.2).",
    "one answer": "Repeats of a request get the same final answer (RFC 3261 s17.2.2).",
    "an answer in time": "A request is answered within 32 s, a SEND within 30 (RFC 3261 s17.1.2.2, RFC 4975 s7.1.1).",
    "bound before content": "The passive side sends nothing before it is bound (RFC 4975 s5.4, RULEBOOK S15).",
    "only to the path that was told": "Content goes to the path of the far end's description (RFC 4975 s5.4, s7.3).",
    "strangers cost nothing": "What a stranger sends leaves no state behind.",
    "no exception": "Nothing that comes in makes an exception.",
    "no ghosts": "A dialog that both sides have ends with a BYE (RFC 3261 s15, RULEBOOK S17).",
    "nothing is left": "When everything has ended there is nothing left of it: no timers, queues, sessions.",
    "no overrun": "A run ends.",
}


_NAMES: Final = re.compile(
    r"~\d+~ \([^)]*\)|\bsip:\S+|\[.*\]|\bthe dialog of \w+|#\d+|\b[0-9a-f]{32}\b|(?<!told )(?<!REPORT )\b\d[\d.]*\b"
)


class Violation(NamedTuple):
    """``at`` in seconds from the beginning of the run."""

    rule: str
    at: float
    text: str
    kind: str
    """The same for the same fault in another run: the text less its names and numbers."""

    def __str__(self) -> str:
        return f"{self.rule}: {self.text} (at {self.at:.2f} s)"


def kind_of(rule: str, text: str) -> str:
    """See :attr:`Violation.kind`."""
    return f"{rule}: {_NAMES.sub('…', text)}"
