"""Why a message or a set-up failed: one value from where that is known to the row that keeps it.

It is written out here and nowhere else, and nobody takes the text apart again. What it means to an operator is in
:mod:`sessions_app.causes`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final


class Side(StrEnum):
    """Whose doing it was."""

    NONE = ""
    """Nobody's: nothing failed."""
    MSRP = "msrp"
    MESSAGE = "message"
    GATEWAY = "gateway"


class LostWith(StrEnum):
    """What took a message along when it failed."""

    NOTHING = ""
    """It failed by itself."""
    SETUP = "setup"
    """The set-up that it waited for failed."""
    SESSION = "session"
    """The session that it was in ended."""


LAYERS: Final = frozenset(
    {
        "closed",  # MSRP: we had closed the session
        "connection",  # MSRP: the connection was lost before the response
        "destination",  # an address that we do not send to
        "dns",
        "expiry",  # its validity ended
        "gateway",  # a fault of ours
        "imdn",  # a notification took a delivery back
        "loop",  # it would have come back to us
        "msrp",
        "other",  # of rows from before causes were values, which said no more
        "overload",  # a host leaves too many requests unanswered
        "policy",  # a rule, or an operator
        "queue",  # too many messages wait
        "refusal",  # a request that we refused before there was a session
        "report",  # a REPORT of the MSRP side
        "response",  # MSRP: the response to the SEND
        "sdp",
        "session",  # it ended for a reason that is nobody's fault
        "sip",
        "size",
        "stop",  # the gateway stopped
        "stranger",  # from an address that is no peer
        "tcp",
        "timeout",  # MSRP: no response in time
        "timer",  # SIP: no answer in time
        "tls",
        "type",
        "udp",
        "uri",
        "written",  # MSRP: no response was asked for
    }
)
"""Where in the protocols it failed."""
_SAID: Final = {"expiry": "queue"}
"""Layers that are called otherwise where they are written out."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Side, layer, what was seen there, and the code that the far end gave, None where it gave none.

    A row of a message has the answers of both sides as well (``sip_code``, ``msrp_code``), of which one is often our
    own translation of the other. ``code`` is what ``side`` itself said: the final answer to the MESSAGE, the status of
    the response or REPORT about the SEND, or, of a message that was lost with its set-up, the answer to the INVITE,
    which neither of the others tells. Where the gateway judged by what it knows of the far end (a type, a size), it is
    the code of that judgement.
    """

    side: Side
    layer: str
    text: str
    code: int | None = None
    lost_with: LostWith = LostWith.NOTHING

    def taking_along(self, what: LostWith) -> Cause:
        """The same cause, of a message that fails because ``what`` did."""
        return replace(self, lost_with=what)

    def __bool__(self) -> bool:
        """Whether there is anything to say."""
        return bool(self.side or self.text)

    def __str__(self) -> str:
        """As pages, logs and ends of sessions have it: ``msrp side, tcp: connection refused``."""
        if not self.side:
            return self.text
        side = self.side if self.side == Side.GATEWAY else f"{self.side} side"
        words = f"{side}, {_SAID.get(self.layer, self.layer)}: {self.text}"
        return words if self.layer == ENDED else _BEFORE[self.lost_with] + words

    @property
    def end_reason(self) -> str:
        """As the row of a session that ended by it has it."""
        return self.text if self.layer == ENDED else str(self)


ENDED: Final = "session"
"""The layer of ends that are no failure of anybody's: a BYE, silence, an operator's wish."""
_BEFORE: Final = {
    LostWith.NOTHING: "",
    LostWith.SETUP: "set-up failed: ",
    LostWith.SESSION: f"{Side.GATEWAY}, {ENDED}: ",
}

NO_CAUSE: Final = Cause(Side.NONE, "", "")
"""Of a message that did not fail: one object for all of them."""


def remark(text: str) -> Cause:
    """What is to be said of a message that did not fail."""
    return Cause(Side.NONE, "", text)


def over(reason: str) -> Cause:
    """A session ended, which is nobody's failure; what waited in it was lost with it."""
    return Cause(Side.GATEWAY, ENDED, reason)
