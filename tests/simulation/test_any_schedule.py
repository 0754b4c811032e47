"""Whatever two honest and two hostile ends do, and the network and the database between them: the rules hold.

``python -m tests.simulation`` does the same for as long as you like.
"""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings

from tests.simulation.run import Run
from tests.simulation.schedule import Schedule, schedules

steady = settings(
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def broken(schedule: Schedule) -> list[str]:
    """What a run of it breaks."""
    return [str(found) for found in Run(schedule)().found.values()]


@settings(steady, max_examples=1000)
@given(schedules(most=8))
def test_short_schedules(schedule: Schedule) -> None:
    assert broken(schedule) == []


@settings(steady, max_examples=500)
@given(schedules(most=30, least=10))
def test_long_schedules(schedule: Schedule) -> None:
    assert broken(schedule) == []
