"""What each far end saw and was told, message by message, and when what was killed. No judgement here."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple

from tests.kill.schedule import TO_PAGE, Letter

DELIVERED = "delivered"
"""MESSAGE answered 200; success REPORT."""
ACCEPTED = "accepted"
"""MESSAGE answered 202; SEND answered 200, which says delivered or kept (docs/delivery.md)."""
FAILED = "failed"
"""MESSAGE or SEND answered with an error; failure REPORT."""
SILENCE = "silence"
"""The sender's own timer ended its waiting."""


class Told(NamedTuple):
    """Something the sender heard of its message."""

    at: float
    what: str
    code: int


class Sighting(NamedTuple):
    """The message came to its far end."""

    at: float
    identity: str
    """What the receiver recognises it by: Message-ID; Call-ID, CSeq and From tag."""
    repeat: bool
    """Whether the receiver had this identity before."""


class Outage(NamedTuple):
    """A kill, and when the gateway was ready again."""

    victim: str
    at: float
    until: float


@dataclass(slots=True)
class Entry:
    """One message."""

    way: str
    conversation: int
    number: int
    identity: str
    """The sender's own: Call-ID or Message-ID."""
    sha256: bytes
    """Of its body, by which its rows are found."""
    sent_at: float
    tries: list[float] = field(default_factory=list)
    """When its MESSAGE went out, Timer E's repeats included."""
    told: list[Told] = field(default_factory=list)
    seen: list[Sighting] = field(default_factory=list)
    merged: list[float] = field(default_factory=list)
    """When its receiver answered 482, knowing it from another way."""
    refused: list[tuple[float, int]] = field(default_factory=list)
    """The receiver said no, with this code."""

    @property
    def key(self) -> str:
        return f"{self.way}/{self.conversation}/{self.number}"

    def heard(self, what: str) -> Told | None:
        """The first time that the sender was told ``what``."""
        return next((told for told in self.told if told.what == what), None)

    @property
    def settled(self) -> bool:
        """Whether the sender waits no more."""
        return bool(self.told)


class Ledger:
    """Everything of one run. Times are seconds of the steady clock."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.outages: list[Outage] = []
        self.breaks: dict[tuple[str, int], list[float]] = {}
        """When a session of a conversation ended or was lost, as its MSRP side saw it."""
        self.steps: dict[tuple[str, int], list[tuple[float, str]]] = {}
        """What the MSRP side did for a conversation, for the traces."""
        self.notices: Counter[tuple[str, int]] = Counter()
        """Notices in words that a message had failed after 202, by conversation; they do not say which."""
        self._unreported: dict[tuple[str, int], dict[str, Entry]] = {}
        self.anomalies: list[str] = []
        """What no peer should see at all."""
        self.counts: Counter[str] = Counter()

    def sent(self, way: str, conversation: int, letter: Letter, identity: str) -> Entry:
        """A message goes out for the first time."""
        entry = Entry(way, conversation, letter.number, identity, sha256(letter.body).digest(), time.monotonic())
        self.entries[entry.key] = entry
        self.counts["sent"] += 1
        return entry

    def told(self, key: str, what: str, code: int) -> None:
        """Its sender hears of it."""
        entry = self.entries[key]
        if not entry.told:
            self.counts["settled"] += 1
        entry.told.append(Told(time.monotonic(), what, code))
        if entry.way == TO_PAGE:
            waiting = self._unreported.setdefault((entry.way, entry.conversation), {})
            if entry.heard(DELIVERED) or entry.heard(FAILED):
                waiting.pop(key, None)
            else:
                waiting[key] = entry

    def seen(self, key: str, identity: str, *, repeat: bool) -> None:
        """Its receiver has it."""
        entry = self.entries.get(key)
        if entry is None:
            self.anomaly(f"a message that nobody sent: {key[:80]!r} as {identity}")
            return
        if not entry.seen:
            self.counts["seen"] += 1
        entry.seen.append(Sighting(time.monotonic(), identity, repeat))

    def merged(self, key: str) -> None:
        """Its receiver says that it has the same request already."""
        entry = self.entries.get(key)
        if entry is not None:
            entry.merged.append(time.monotonic())
            self.counts["merged requests answered 482"] += 1

    def refused(self, key: str, code: int) -> None:
        """Its receiver says no."""
        entry = self.entries.get(key)
        if entry is None:
            self.anomaly(f"a message that nobody sent: {key[:80]!r}")
            return
        entry.refused.append((time.monotonic(), code))

    def noticed(self, way: str, conversation: int) -> None:
        """The sender in this conversation hears that a message failed."""
        self.notices[way, conversation] += 1

    def session_over(self, way_and_conversations: list[tuple[str, int]], why: str) -> None:
        """The MSRP session that carried these conversations is over."""
        for each in way_and_conversations:
            self.breaks.setdefault(each, []).append(time.monotonic())
            self._unreported.pop(each, None)
        self.step(way_and_conversations, f"session over, {why}")

    def step(self, way_and_conversations: list[tuple[str, int]], what: str) -> None:
        """Something that the MSRP side does for these conversations, for the traces."""
        for each in way_and_conversations:
            self.steps.setdefault(each, []).append((time.monotonic(), what))

    def anomaly(self, what: str) -> None:
        """Something that a conforming gateway does not do."""
        self.anomalies.append(what)

    @property
    def reports_due(self) -> int:
        """Messages that came, whose 200 came in a session that lives, and whose REPORT did not yet.

        Of what its receiver answered 482 there is none (docs/delivery.md).
        """
        return sum(
            bool(entry.seen) and not entry.merged for each in self._unreported.values() for entry in each.values()
        )

    @property
    def unsettled(self) -> int:
        """Messages whose sender still waits."""
        return self.counts["sent"] - self.counts["settled"]
