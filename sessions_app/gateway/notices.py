"""How often the gateway speaks of its own accord, and to whom it had better not.

A notice about a failure goes to somebody who may be a machine, whose answer may fail like what it answers, and so on
for ever (RULEBOOK U2). So nobody is told of what is itself an automatic answer: of what says so, and of what comes so
soon after a notice that no human being has written it. And each pair of sender and recipient has a budget; what is over
it is counted, and told with the next notice or a minute later, in one sentence.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from protocols.rate import TokenBucket

if TYPE_CHECKING:
    from protocols.sip.message import Request
    from protocols.timers import Timer
    from sessions_app.gateway.gateway import Gateway
    from sessions_app.gateway.session import Session

AUTO_SUBMITTED: Final = "auto-submitted"
"""The header field by which automatic messages say so, in SIP as in mail (RFC 3834 s5)."""
MARK: Final = ("Auto-Submitted", "auto-generated")
MACHINE: Final = 2.0
"""Seconds after a notice within which only a machine answers."""
CERTAIN: Final = 2
"""How many times in a row that makes it certain."""
RATE: Final = 1 / 10
"""Notices a second to one recipient about one sender."""
BURST: Final = 10.0
LATER: Final = 60.0
"""Seconds after which what was withheld is told in one notice; twice as many for each such notice that a machine
answers."""
MOST_DOUBLINGS: Final = 10
MOST: Final = 10_000
"""Pairs remembered."""

Pair = tuple[str, str]


class _Correspondence:
    """What was said to one recipient about messages to one sender."""

    __slots__ = ("bucket", "chain", "last", "later", "session", "withheld")

    def __init__(self, session: Session, now: float) -> None:
        self.session = session
        """The newest one, through which what was withheld can be told."""
        self.bucket = TokenBucket(RATE, BURST, now)
        self.last = float("-inf")
        self.chain = 0
        """How many notices in a row were about what had followed the one before at once."""
        self.withheld = 0
        """Messages that were promised and failed, and that nobody was told of."""
        self.later: Timer | None = None


class Notices:
    """All of one gateway."""

    def __init__(self, gateway: Gateway, tell_withheld: Callable[[Session], object]) -> None:
        self._gateway = gateway
        self._tell_withheld = tell_withheld
        self._pairs: OrderedDict[Pair, _Correspondence] = OrderedDict()

    def chain_of(self, session: Session) -> int:
        """Of a MESSAGE that comes in now: how many times in a row its sender has followed a notice at once."""
        known = self._pairs.get(_pair(session)) if self._pairs else None
        if known is None or self._gateway.wheel.now - known.last >= MACHINE:
            return 0
        return known.chain

    def may_tell(self, session: Session, *, chain: int = 0, promised: int = 1) -> bool:
        """Whether the message side may be told of a failure now; it is noted as told, or as withheld.

        ``chain`` is that of the message, ``promised`` the number of messages of which nothing else tells their sender.
        """
        gateway = self._gateway
        now = gateway.wheel.now
        known = self._correspondence(session, now)
        machine = chain >= CERTAIN or (chain > 0 and not promised)
        if machine or not known.bucket.take(now):
            gateway.count("notices_to_machines" if machine else "notices_withheld")
            if promised:
                known.withheld += promised
                if known.later is None:
                    wait = LATER * 2 ** min(max(chain - CERTAIN, 0), MOST_DOUBLINGS)
                    known.later = gateway.wheel.start(wait, lambda _: self._tell_later(known))
            return False
        known.last = now
        known.chain = chain + 1
        return True

    def withheld(self, session: Session) -> int:
        """How many messages were not told of; they are taken as told now."""
        known = self._pairs.get(_pair(session))
        if known is None or not known.withheld:
            return 0
        number, known.withheld = known.withheld, 0
        known.last = self._gateway.wheel.now
        known.chain += 1
        return number

    def _correspondence(self, session: Session, now: float) -> _Correspondence:
        pair = _pair(session)
        known = self._pairs.get(pair)
        if known is None:
            if len(self._pairs) >= MOST:
                oldest = next(iter(self._pairs))
                self._tell_later(self._pairs[oldest])
                del self._pairs[oldest]
            known = self._pairs[pair] = _Correspondence(session, now)
        else:
            known.session = session
            self._pairs.move_to_end(pair)
        return known

    def _tell_later(self, known: _Correspondence) -> None:
        """Tell what was withheld, if anything."""
        if known.later is not None:
            known.later.cancel()
            known.later = None
        if known.withheld:
            self._tell_withheld(known.session)


def is_automatic(request: Request) -> bool:
    """Whether a MESSAGE says that no human being has sent it."""
    said = request.first(AUTO_SUBMITTED)
    return said is not None and said.partition(";")[0].strip().lower() not in ("", "no")


def _pair(session: Session) -> Pair:
    return session.page.ruri, session.page.from_uri
