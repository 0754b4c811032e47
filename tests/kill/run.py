"""One run: both far ends under load, one kill after the other, time to settle, the verdict."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.kill.ledger import Ledger
from tests.kill.pace import Pace
from tests.kill.page_agent import PageAgent
from tests.kill.schedule import TO_MSRP, TO_PAGE, Schedule
from tests.kill.session_agent import SessionAgent
from tests.kill.sip_end import PATIENCE
from tests.kill.talk import Talk
from tests.kill.verdict import Verdict, judge
from tests.kill.victim import Victim

SETTLE = PATIENCE + 28.0
"""Seconds that senders and gateway get after the last kill; no timer of either is longer."""
QUIET = 1.0
"""Seconds without anything new before the records are read: the audit follows by 0.2 s."""
LAST_LOAD = 1.0
"""Seconds of load after the last kill."""


@dataclass(slots=True)
class Outcome:
    """What a run showed, and how fast it was."""

    verdict: Verdict
    ledger: Ledger
    seconds: float
    """Of load, outages included."""
    down: float
    """Of them without a gateway."""
    internal_errors: list[str]
    repeats: int
    """SIP requests that went out again by Timer A or E at the test's ends."""

    @property
    def rate(self) -> float:
        """Messages sent a second, both ways together, while there was a gateway."""
        return self.ledger.counts["sent"] / max(0.001, self.seconds - self.down)

    @property
    def clean(self) -> bool:
        return self.verdict.clean and not self.internal_errors

    def traces(self, most: int = 20) -> str:
        """The first violations of each kind."""
        told: dict[str, int] = {}
        lines = []
        for violation in self.verdict.violations:
            told[violation.column] = told.get(violation.column, 0) + 1
            if told[violation.column] <= most:
                lines.append(violation.trace(self.ledger))
        return "\n".join(lines)


async def run(schedule: Schedule, say: Callable[[str], object] = print) -> Outcome:
    """Run it; ``say`` gets a line for each kill."""
    victim = await asyncio.to_thread(Victim)
    # The ledger grows by millions of objects, none of them garbage; to look at them all stops both ends for seconds,
    # in which the gateway is up, nothing is sent to it and nothing of it is read.
    gc.collect()
    gc.disable()
    try:
        await victim.start()
        return await _run(schedule, victim, say)
    finally:
        gc.enable()
        await asyncio.to_thread(victim.close)


async def _run(schedule: Schedule, victim: Victim, say: Callable[[str], object]) -> Outcome:
    ledger = Ledger()
    pages = PageAgent(schedule, ledger, victim.sip)
    sessions = SessionAgent(schedule, ledger, victim.sip)
    await pages.open()
    await sessions.open()
    pages.session_uri = sessions.sip.uri
    began = time.monotonic()
    try:
        pace = Pace()
        senders = [asyncio.create_task(work) for work in _conversations(schedule, pages, sessions, pace)]
        moments = schedule.moments()
        for number, kill in enumerate(moments, 1):
            await _load(kill.after, senders)
            outage = await victim.kill(kill.victim, ledger)
            say(
                f"{number:4}/{len(moments)} {kill.victim} killed after {kill.after:.2f} s, back in"
                f" {outage.until - outage.at:.2f} s; {ledger.counts['sent']:,} sent, {ledger.counts['seen']:,} seen,"
                f" {ledger.unsettled} without an answer"
            )
        await _load(LAST_LOAD, senders)
        pace.stop()
        seconds = time.monotonic() - began
        await _settle(victim, ledger, senders)
        records = await asyncio.to_thread(victim.records)
    finally:
        pages.close()
        sessions.close()
    down = sum(outage.until - outage.at for outage in ledger.outages if outage.victim == "gateway")
    return Outcome(
        judge(ledger, records), ledger, seconds, down, victim.internal_errors, pages.sip.repeats + sessions.sip.repeats
    )


def _conversations(schedule: Schedule, pages: PageAgent, sessions: SessionAgent, pace: Pace):
    """The work of every sender; makes the talks that carry it."""
    for way in (TO_MSRP, TO_PAGE):
        for conversation in range(schedule.conversations):
            people = schedule.people(way, conversation)
            user = f"bob-{people}"
            talk = sessions.talks.get(user)
            if talk is None:
                talk = sessions.talks[user] = Talk(
                    sessions, sessions.sip.uri(user), pages.sip.uri(f"alice-{people}"), window=1 if people % 2 else 4
                )
            talk.conversations.append((way, conversation))
            if way == TO_MSRP:
                yield pages.converse(conversation, pace)
            else:
                yield talk.converse(conversation, pace)


async def _load(seconds: float, senders: list[asyncio.Task[None]]) -> None:
    """Let it run; a sender that failed is a fault of the test's own."""
    await asyncio.sleep(seconds)
    for sender in senders:
        if sender.done():
            sender.result()


async def _settle(victim: Victim, ledger: Ledger, senders: list[asyncio.Task[None]]) -> None:
    """Until every sender has its answer and REPORT, nothing is owed or happens any more, or no timer could help."""
    deadline = time.monotonic() + SETTLE
    before, since = None, time.monotonic()
    while time.monotonic() < deadline:
        await asyncio.sleep(0.1)
        now = (ledger.counts["settled"], ledger.counts["seen"], len(ledger.outages))
        if now != before:
            before, since = now, time.monotonic()
        quiet = ledger.unsettled == ledger.reports_due == 0 and time.monotonic() - since > QUIET
        if quiet and await asyncio.to_thread(victim.pending) == 0:
            break
    for sender in senders:
        sender.cancel()
    for result in await asyncio.gather(*senders, return_exceptions=True):
        if isinstance(result, Exception):
            raise result
