"""A short run of the kill test; the long one is `make killtest ARGS='--kills 200'`."""

from __future__ import annotations

import asyncio

from tests.kill.run import run
from tests.kill.schedule import WAYS, Schedule


def test_nothing_is_lost_doubled_reordered_or_told_falsely_when_the_gateway_and_its_database_are_killed():
    schedule = Schedule(seed=13, kills=2, database_kills=1, rate=150, conversations=40, refused=0.02)
    outcome = asyncio.run(run(schedule))
    verdict = outcome.verdict
    assert outcome.clean, f"{verdict}\n{outcome.traces()}\n" + "\n".join(outcome.internal_errors)
    assert sorted(outage.victim for outage in outcome.ledger.outages) == ["database", "gateway", "gateway"]
    for way in WAYS:
        assert verdict.table[way]["delivered"] > 100
        assert verdict.table[way]["refused by receiver"] > 0
        assert verdict.table[way]["repeats after a kill"] > 0, "or the kills met nothing under way"
