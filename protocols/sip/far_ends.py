"""The hosts that we talk to: whom we listen to, and how much may be under way with each.

A peer is listened to, and whoever we have called ourselves, in that matter only: RFC 3261 s18.1.2 asks no more of an
answer than our Via. What is repeated for half a minute to whatever address was named is bounded for each host.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

from protocols.quota import Quota

COUNTED: Final = frozenset({"INVITE", "MESSAGE", "OPTIONS"})
"""Requests that begin something at whoever is named; BYE and CANCEL end what is there."""


def everybody(_: str) -> bool:
    """Where nobody is a stranger."""
    return True


class FarEnds:
    """``trusts`` says whether a numeric address is a peer's.

    ``most_unanswered``: requests to one host that may wait for an answer; ``most_unacknowledged``: INVITEs of one host
    whose ACK may be outstanding.
    """

    __slots__ = ("_unacknowledged", "_unanswered", "called", "trusts")

    def __init__(
        self,
        trusts: Callable[[str], bool] = everybody,
        *,
        most_unanswered: int = 10_000,
        most_unacknowledged: int = 10_000,
    ) -> None:
        self.trusts = trusts
        self.called: Counter[str] = Counter()
        """Addresses that are no peers' and that we have requests or dialogs with, with how many."""
        self._unanswered = Quota(most_unanswered)
        self._unacknowledged = Quota(most_unacknowledged)

    def expect(self, host: str) -> None:
        """We have something with ``host``: what it says in that matter is listened to, be it a peer or not."""
        if host and not self.trusts(host):
            self.called[host] += 1

    def expect_no_more(self, host: str) -> None:
        """That matter is over."""
        if host in self.called:
            self.called[host] -= 1
            if not self.called[host]:
                del self.called[host]

    def ask(self, host: str, method: str) -> bool:
        """One more request goes to ``host``; False where it may not, and then it does not.

        It counts until :meth:`heard` or :meth:`gave_up`, and is something that we have with ``host`` until
        :meth:`expect_no_more`.
        """
        if method in COUNTED and not self._unanswered.take(host):
            return False
        if host and not self.trusts(host):
            self.called[host] += 1
        return True

    def has_room(self, host: str) -> bool:
        """Whether one more request that counts may go to ``host``."""
        return self._unanswered.has_room(host)

    def has_answered(self, host: str) -> None:
        """``host`` is known to be there from before this process, by whichever side had called."""
        self._unanswered.shows_itself(host)
        self._unacknowledged.shows_itself(host)

    def heard(self, host: str, method: str) -> None:
        """The first answer to such a request came."""
        if method in COUNTED:
            self._unanswered.answered(host)
        else:
            self._unanswered.shows_itself(host)

    def gave_up(self, host: str, method: str) -> None:
        """None will come."""
        if method in COUNTED:
            self._unanswered.give(host)

    def may_call(self, host: str) -> bool:
        """Whether one more INVITE of ``host`` is taken; it counts until :meth:`acknowledged` or :meth:`never_did`."""
        return self._unacknowledged.take(host)

    def acknowledged(self, host: str) -> None:
        """The ACK of such an INVITE came."""
        self._unacknowledged.answered(host)

    def never_did(self, host: str) -> None:
        """None will come."""
        self._unacknowledged.give(host)
