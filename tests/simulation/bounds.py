"""What the gateway may do of its own accord: requests, notices, repeats, connections, state. Each has a bound."""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Final

from tests.simulation.words import Heard, Own
from tests.simulation.world import GATEWAY, MSRP, Address

if TYPE_CHECKING:
    from tests.simulation.invariants import Invariants

WINDOW: Final = 60.0
"""Seconds over which what is said of one's own accord is counted."""
NOTICES: Final = 20
"""Notices to one address within WINDOW, besides those about what was promised: one for each message."""
UNANSWERED: Final = 256
"""INVITEs to one address that has not answered any of them, at once."""
UNACKNOWLEDGED: Final = 256
"""2xx answers to one address that wait for their ACK, at once."""
DIALS: Final = 128
"""Connections to one address within WINDOW, none of which could be made."""
REPEATS: Final = {"INVITE": 7}
"""How often a request may go out: Timer A doubles, 64*T1 in all (RFC 3261 s17.1.1.2)."""
OTHER_REPEATS: Final = 11
"""The same by Timer E, and of a final answer to an INVITE by Timer G."""
LIFE: Final = 31.7
"""Seconds that a request or 2xx is repeated: less than 32, as commits are told between two looks at the clock."""


class Bounds:
    """Asked through :class:`Invariants`."""

    def __init__(self, judge: Invariants) -> None:
        self._judge = judge
        self._notices: dict[Address, deque[float]] = {}
        self._answers: Counter[str] = Counter()
        self._dials: dict[Address, deque[float]] = {}

    @property
    def _now(self) -> float:
        return self._judge.ledger.world.now

    def notice(self, to: Address, more: int) -> None:
        """One more to this address, which may have so many more: acknowledged and failed, or about as many people."""
        recent = self._notices.setdefault(to, deque())
        recent.append(self._now)
        while recent[0] < self._now - WINDOW:
            recent.popleft()
        if len(recent) > NOTICES + more:
            self._judge.broken("notices are bounded", f"{len(recent)} notices to {to[0]} in {WINDOW:g} s")

    def request_out(self, own: Own) -> None:
        """A new one."""
        ledger, now = self._judge.ledger, self._now
        if own.to in (GATEWAY, MSRP):
            self._judge.broken("never to itself", f"{own.method} {own.uri}")
        if own.method == "MESSAGE":
            for other in ledger.sip.own.values():
                if (
                    other is not own
                    and (other.method, other.uri, other.process) == ("MESSAGE", own.uri, own.process)
                    and other.final is None
                    and now - other.at < LIFE
                ):
                    self._judge.broken("one outstanding", f"a MESSAGE to {own.uri} while another has no answer")
                    return
        elif own.method == "INVITE" and not own.in_dialog:
            self._invite(own)

    def _invite(self, own: Own) -> None:
        ledger, talk = self._judge.ledger, own.talk
        assert talk is not None
        causes = talk.messages
        sent = sum(not each.in_dialog for each in talk.invites)
        if sent > 2 * causes + 2 * (ledger.process - 1):
            self._judge.broken("INVITEs are bounded", f"{sent} INVITEs for {causes} messages")
        waiting = 0
        for each in ledger.sip.own.values():
            if (each.method, each.to, each.process) == ("INVITE", own.to, own.process):
                if each.provisional or each.final is not None:
                    return
                waiting += self._now - each.at < LIFE
        if waiting > UNANSWERED:
            self._judge.broken("unanswered INVITEs are bounded", f"{waiting} to {own.to[0]}, which answered none")

    def repeated(self, own: Own) -> None:
        """It goes out once more."""
        if own.copies > REPEATS.get(own.method, OTHER_REPEATS):
            self._judge.broken("repeats are bounded", f"{own.method} to {own.to[0]} goes out {own.copies} times")

    def answer_out(self, heard: Heard | None, status: int, to: Address) -> None:
        """An answer leaves."""
        if heard is None:
            return
        if to[0] != heard.source[0]:
            self._judge.broken("answers go back", f"an answer to {heard.source[0]} goes to {to[0]}")
        name = f"{heard.name} {heard.process}"
        self._answers[name] += 1
        most = heard.copies + 1 + (OTHER_REPEATS + 1 if heard.method == "INVITE" else 0)
        if self._answers[name] > most:
            self._judge.broken("repeats are bounded", f"{self._answers[name]} answers to one {heard.method}")
        if heard.method == "INVITE" and 200 <= status < 300 and self._answers[name] == 1:
            self._unacknowledged(heard)

    def _unacknowledged(self, heard: Heard) -> None:
        waiting = 0
        for each in self._judge.ledger.sip.heard.values():
            if each.method == "INVITE" and each.source == heard.source and each.finals:
                if each.acknowledged:
                    return
                waiting += self._now - each.at < LIFE
        if waiting > UNACKNOWLEDGED:
            self._judge.broken("unacknowledged answers are bounded", f"{waiting} to {heard.source[0]}")

    def dialled(self, to: Address) -> None:
        """A connection is being made."""
        if to in (GATEWAY, MSRP):
            self._judge.broken("never to itself", "a connection")
        recent = self._dials.setdefault(to, deque())
        recent.append(self._now)
        while recent[0] < self._now - WINDOW:
            recent.popleft()
        made = any(link.outbound and link.remote == to for link in self._judge.ledger.msrp.links.values())
        if len(recent) > DIALS and not made:
            self._judge.broken("dials are bounded", f"{len(recent)} to {to[0]}:{to[1]} in {WINDOW:g} s")

    def stranger(self, before: dict[str, int], after: dict[str, int], what: str) -> None:
        """One sent something; these are the gateway's holdings."""
        grown = [name for name, number in after.items() if number > before[name]]
        if grown:
            self._judge.broken("strangers cost nothing", f"{what} leaves {', '.join(grown)}", what)

    def step(self) -> None:
        """Something happened."""
