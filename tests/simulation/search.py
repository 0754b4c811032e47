"""Looks for violations in many runs, and makes small what it finds. A run may break several rules; each is one find."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.simulation.run import Run
from tests.simulation.schedule import Behave, Network, Schedule, Step, Wait, schedules


@dataclass(slots=True)
class Finds:
    """What a search saw."""

    runs: int = 0
    steps: int = 0
    seconds: float = 0.0
    """Of the worlds' time."""
    events: int = 0
    broken: dict[str, int] = field(default_factory=dict)
    """Runs in which a rule was broken, by kind of violation."""
    shortest: dict[str, Schedule] = field(default_factory=dict)

    def add(self, other: Finds) -> None:
        """Those of another search as well."""
        self.runs += other.runs
        self.steps += other.steps
        self.seconds += other.seconds
        self.events += other.events
        for kind, times in other.broken.items():
            self.broken[kind] = self.broken.get(kind, 0) + times
            known = self.shortest.get(kind)
            if known is None or len(other.shortest[kind].steps) < len(known.steps):
                self.shortest[kind] = other.shortest[kind]


def search(examples: int, start: int, most_steps: int, tell: Callable[[Finds, Schedule, Run], object]) -> Finds:
    """Run so many schedules that hypothesis makes from the seed ``start``."""
    finds = Finds()

    @seed(start)
    @settings(
        max_examples=examples, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(schedules(most_steps, most_steps // 3))
    def look(schedule: Schedule) -> None:
        run = Run(schedule)()
        finds.runs += 1
        finds.steps += len(schedule.steps)
        finds.seconds += run.seconds
        finds.events += run.world.events
        for kind in run.found:
            finds.broken[kind] = finds.broken.get(kind, 0) + 1
            known = finds.shortest.get(kind)
            if known is None or len(schedule.steps) < len(known.steps):
                finds.shortest[kind] = schedule
        tell(finds, schedule, run)

    look()
    return finds


def breaks(schedule: Schedule, kind: str) -> bool:
    """Whether a run of it has a violation of this kind."""
    return kind in Run(schedule)().found


def shrink(schedule: Schedule, still: Callable[[Schedule], bool]) -> Schedule:
    """A smaller schedule for which ``still`` holds as well: fewer steps, fewer options, simpler steps."""
    size = max(1, len(schedule.steps) // 2)
    while size:
        at = 0
        while at < len(schedule.steps):
            shorter = schedule.shorter(schedule.steps[:at] + schedule.steps[at + size :])
            if still(shorter):
                schedule = shorter
            else:
                at += size
        size //= 2
    progress = True
    while progress:
        progress = False
        for simpler in _simpler(schedule):
            if still(simpler):
                schedule, progress = simpler, True
                break
    return schedule


def _simpler(schedule: Schedule) -> Iterator[Schedule]:
    for name in schedule.options:
        yield replace(schedule, options={key: value for key, value in schedule.options.items() if key != name})
    if schedule.seed:
        yield replace(schedule, seed=0)
    for at, step in enumerate(schedule.steps):
        yield schedule.shorter(schedule.steps[:at] + schedule.steps[at + 1 :])
        for simpler in _simpler_steps(step):
            yield schedule.shorter((*schedule.steps[:at], simpler, *schedule.steps[at + 1 :]))


_PLAIN = {
    "times": 1, "expires": None, "kind": "plain", "success": False, "failure": "yes", "setup": "actpass",
    "abruptly": False, "moved": False, "down": 0.1,
}  # fmt: skip
_SAFER = {"mallory": "alice", "trudy": "bob"}


def _simpler_steps(step: Step) -> Iterator[Step]:
    for name, plain in _PLAIN.items():
        if getattr(step, name, plain) != plain:
            yield replace(step, **{name: plain})
    for name in ("who", "to"):
        safer = _SAFER.get(getattr(step, name, ""))
        if safer is not None:
            yield replace(step, **{name: safer})
    pairs = "manners" if isinstance(step, Behave) else "changes" if isinstance(step, Network) else ""
    if pairs and len(getattr(step, pairs)) > 1:
        for at in range(len(getattr(step, pairs))):
            values = getattr(step, pairs)
            yield replace(step, **{pairs: values[:at] + values[at + 1 :]})
    if isinstance(step, Wait):
        for seconds in (0.03, 0.1, 0.4, 1.0, 4.0, 11.0):
            if seconds < step.seconds:
                yield Wait(seconds)
