"""The table: what was acknowledged, delivered, duplicated, reordered, told falsely or never, each by the ledger alone.

    lost            acknowledged (200, 202, MSRP 200, success REPORT), never seen, and the sender not told of a failure
    false success   told delivered (200, success REPORT), never seen
    false failure   told failed (SIP or MSRP error, failure REPORT), and seen
    duplicated      seen under two identities, so that no receiver could know it again
    reordered       seen for the first time after a later one of its conversation
    limbo           the sender was told nothing at all, though one of its tries met a gateway that was up
    left pending    at the end a row says that the message is owed still
    repeats         seen again under the same identity: known again by the receiver, allowed by the standard where there
                    was a reason to send again (a kill, a lost session)

A message that its receiver refused after it had been acknowledged counts as told where a REPORT or a notice said so,
and else as `told by its row`, which must say failed: a sender whose session is gone gets no REPORT (RFC 4975 s7.1.2).
Where the receiver says 482 to the repeat of what it had refused, nobody can know: the row must say accepted, no more,
and may be missing only where a kill came between the answer and the commit that follows it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.kill.ledger import ACCEPTED, DELIVERED, FAILED, SILENCE, Entry, Ledger
from tests.kill.schedule import WAYS
from tests.kill.victim import Records

VIOLATIONS = (
    "lost", "false success", "false failure", "duplicated", "reordered", "limbo", "repeats unexplained",
    "report missing", "record wrong", "left pending",
)  # fmt: skip
"""Columns that must be 0."""
FIGURES = (
    "sent", "acknowledged", "delivered", "told failed", "refused by receiver", "told by a notice", "told twice",
    "told by its row", "refused, then 482",
    "repeats after a kill", "repeats after a lost session", "report not possible", "Timer F in outages",
)  # fmt: skip
AROUND = 0.25
"""Seconds by which the test's own readings may be late: a datagram waits in its socket while the machine is busy."""
ANSWER = 1.0
"""Seconds that a gateway has to be up, before and after a request comes, for its answer to be expected."""
AUDIT = 1.0
"""Seconds after an answer in which the row that follows it is committed: 0.2, and what a busy machine takes."""
REPORT_WAIT = 1.0
"""Seconds after its MSRP 200 and its arrival in which a success REPORT comes, if nobody is killed."""
_NAMES = {"to-msrp": "to_msrp", "to-page": "to_page"}


@dataclass(slots=True)
class Violation:
    """One message that breaks the promise."""

    column: str
    entry: Entry
    detail: str
    other: Entry | None = None
    """The message that it has to do with."""
    rows: Sequence[str] = ()
    """What its rows say, but for those that say delivered."""
    events: Sequence[tuple[float, str]] = ()
    """What happened in the sessions of those rows, as the gateway tells it."""

    def trace(self, ledger: Ledger) -> str:
        """What happened to it, in order, with the kills around it."""
        entry = self.entry
        steps = [(entry.sent_at, f"sent as {entry.identity}")]
        steps += [(told.at, f"sender told {told.what} ({told.code})") for told in entry.told]
        steps += [(seen.at, f"{'seen again' if seen.repeat else 'seen'} as {seen.identity}") for seen in entry.seen]
        steps += [(at, "answered 482 by the receiver") for at in entry.merged]
        steps += [(at, f"refused by the receiver ({code})") for at, code in entry.refused]
        if self.other is not None:
            other = self.other
            steps += [(other.sent_at, f"[{other.number}] sent as {other.identity}")]
            steps += [(told.at, f"[{other.number}] sender told {told.what} ({told.code})") for told in other.told]
            steps += [(seen.at, f"[{other.number}] seen as {seen.identity}") for seen in other.seen]
        first, last = min(steps)[0] - 1, max(steps)[0] + 1
        steps += [(at, f"gateway: {what}") for at, what in self.events if first < at < last]
        for outage in ledger.outages:
            if outage.until > first and outage.at < last:
                steps += [(outage.at, f"-- {outage.victim} killed"), (outage.until, f"-- {outage.victim} ready")]
        steps += [
            (at, f"MSRP side: {what}")
            for at, what in ledger.steps.get((entry.way, entry.conversation), ())
            if first < at < last
        ]
        lines = [f"{self.column}: {entry.key}: {self.detail}", *(f"    row  {row}" for row in self.rows)]
        lines += [f"    {at - entry.sent_at:+8.3f}  {what}" for at, what in sorted(steps)]
        return "\n".join(lines)


@dataclass(slots=True)
class Verdict:
    """``table`` has a Counter of columns for each way."""

    table: dict[str, Counter[str]]
    rows: dict[tuple[str, str], int]
    failures: Counter[str]
    """What senders were told of failures, by way and code."""
    violations: list[Violation] = field(default_factory=list)
    anomalies: list[str] = field(default_factory=list)
    pending: int = 0
    """Rows that say that a message is owed still."""

    @property
    def clean(self) -> bool:
        return not (self.violations or self.anomalies or self.pending)

    def __str__(self) -> str:
        lines = [f"{'':32}{''.join(f'{way:>12}' for way in self.table)}"]
        for name in (*FIGURES, *VIOLATIONS):
            mark = "!" if name in VIOLATIONS and any(column[name] for column in self.table.values()) else " "
            lines.append(f"{mark} {name:30}{''.join(f'{column[name]:12,}' for column in self.table.values())}")
        for state in sorted({state for _, state in self.rows}):
            counts = "".join(f"{self.rows.get((_NAMES[way], state), 0):12,}" for way in self.table)
            lines.append(f"{'!' if state == 'pending' and self.pending else ' '} {'rows ' + state:30}{counts}")
        lines += [f"  told: {what} {number:,} times" for what, number in sorted(self.failures.items())]
        lines += [f"! {each}" for each in self.anomalies[:20]]
        return "\n".join(lines)


def judge(ledger: Ledger, records: Records) -> Verdict:
    """Go through every message."""
    verdict = Verdict(
        {way: Counter() for way in WAYS},
        records.by_state,
        Counter(),
        anomalies=ledger.anomalies,
        pending=records.pending,
    )
    notices = Counter(ledger.notices)
    told_failed = Counter(
        (entry.way, entry.conversation) for entry in ledger.entries.values() if entry.refused and entry.heard(FAILED)
    )
    for entry in ledger.entries.values():
        _judge_entry(entry, ledger, records, notices, verdict)
    for (way, conversation), number in notices.items():
        # After a kill the 202 may not have been heard, and the repeat is told what became of the message meanwhile.
        twice = min(number, told_failed[way, conversation])
        verdict.table[way]["told twice"] += twice
        if number > twice:
            verdict.anomalies.append(f"{number - twice} notices of a failure in {way}/{conversation} that was none")
    _judge_order(ledger, verdict)
    return verdict


def _judge_entry(
    entry: Entry, ledger: Ledger, records: Records, notices: Counter[tuple[str, int]], verdict: Verdict
) -> None:
    column = verdict.table[entry.way]

    def violates(name: str, detail: str) -> None:
        column[name] += 1
        events = [
            event
            for session in dict.fromkeys(records.sessions.get(entry.sha256, ()))
            for event in records.events.get(session, ())
        ]
        verdict.violations.append(
            Violation(name, entry, detail, rows=records.said.get(entry.sha256, ()), events=events)
        )

    column["sent"] += 1
    success, failure = entry.heard(DELIVERED), entry.heard(FAILED)
    acknowledged = success or entry.heard(ACCEPTED)
    column["acknowledged"] += bool(acknowledged)
    column["delivered"] += bool(entry.seen)
    column["refused by receiver"] += bool(entry.refused)
    if failure:
        column["told failed"] += 1
        verdict.failures[f"{entry.way} {failure.code}"] += 1
    states = records.states.get(entry.sha256, [])

    if acknowledged and not entry.seen and not failure:
        conversation = (entry.way, entry.conversation)
        if entry.refused and not success and "failed" in states and not {"delivered", "pending"} & set(states):
            noticed = notices[conversation] > 0
            notices[conversation] -= noticed
            column["told by a notice" if noticed else "told by its row"] += 1
        elif entry.refused and entry.merged and not success and _may_say_accepted(ledger, acknowledged.at, states):
            column["refused, then 482"] += 1
        else:
            violates("lost", f"acknowledged {acknowledged.code}, never seen; its rows: {states or 'none'}")
    if success and not entry.seen:
        violates("false success", f"told {success.code}, never seen; its rows: {states or 'none'}")
    if failure and entry.seen:
        violates("false failure", f"told {failure.code}, and seen; its rows: {states or 'none'}")
    if all(told.what == SILENCE for told in entry.told):
        if entry.told and not _heard(ledger, entry):
            column["Timer F in outages"] += 1
        else:
            violates("limbo", f"told nothing, {'seen' if entry.seen else 'not seen'}; its rows: {states or 'none'}")
    if "pending" in states:
        violates("left pending", f"{'seen' if entry.seen else 'not seen'}; its rows: {states}")
    if "delivered" in states and not entry.seen:
        violates("record wrong", "its row says delivered, it was never seen")
    if entry.seen and "failed" in states and "delivered" not in states and "pending" not in states:
        violates("record wrong", f"it was seen, its rows say {states}")
    _judge_sightings(entry, ledger, column, violates)
    if entry.way == "to-page" and entry.seen and acknowledged and not success and not failure:
        since, until = acknowledged.at - AROUND, max(acknowledged.at, entry.seen[-1].at) + REPORT_WAIT
        # Where would it go, or what would it say?
        if entry.merged or _killed(ledger, since, until) or _broken(ledger, entry, since, until):
            column["report not possible"] += 1
        else:
            violates("report missing", "no success REPORT though its session lived")


def _may_say_accepted(ledger: Ledger, told_at: float, states: list[str]) -> bool:
    """Whether rows say accepted, or had no time to: they follow the answer (docs/delivery.md)."""
    return set(states) == {"accepted"} or (not states and _killed(ledger, told_at - AROUND, told_at + AUDIT))


def _heard(ledger: Ledger, entry: Entry) -> bool:
    """Whether one of its tries met a gateway that was up, and up long enough to answer while its sender waited.

    The last one by Timer E goes out half a second before Timer F ends the waiting (RFC 3261 s17.1.2.2).
    """
    gave_up = entry.told[0].at
    return any(
        at + ANSWER <= gave_up
        and not any(outage.at < at + ANSWER and outage.until > at - ANSWER for outage in ledger.outages)
        for at in entry.tries
    )


def _judge_sightings(entry: Entry, ledger: Ledger, column: Counter[str], violates) -> None:
    before: dict[str, float] = {}
    for sighting in entry.seen:
        if sighting.identity not in before:
            if before:
                violates("duplicated", f"seen as {sighting.identity} as well")
        elif _killed(ledger, before[sighting.identity] - AROUND, sighting.at):
            column["repeats after a kill"] += 1
        elif _broken(ledger, entry, entry.sent_at, sighting.at):  # its sender had reason to send it again
            column["repeats after a lost session"] += 1
        else:
            violates("repeats unexplained", f"seen again as {sighting.identity}")
        before[sighting.identity] = sighting.at


def _killed(ledger: Ledger, since: float, until: float) -> bool:
    """Whether the gateway was killed between the two."""
    return any(outage.victim == "gateway" and since <= outage.at <= until for outage in ledger.outages)


def _broken(ledger: Ledger, entry: Entry, since: float, until: float) -> bool:
    """Whether a session of its conversation was lost between the two."""
    return any(since <= at <= until for at in ledger.breaks.get((entry.way, entry.conversation), ()))


def _judge_order(ledger: Ledger, verdict: Verdict) -> None:
    conversations: dict[tuple[str, int], list[Entry]] = {}
    for entry in ledger.entries.values():
        if entry.seen:
            conversations.setdefault((entry.way, entry.conversation), []).append(entry)
    for (way, _), entries in conversations.items():
        entries.sort(key=lambda entry: entry.seen[0].at)
        furthest = entries[0]
        for entry in entries:
            if entry.number < furthest.number:
                verdict.table[way]["reordered"] += 1
                detail = f"first seen {entry.seen[0].at - furthest.seen[0].at:.3f} s after number {furthest.number}"
                verdict.violations.append(Violation("reordered", entry, detail, furthest))
            else:
                furthest = entry
