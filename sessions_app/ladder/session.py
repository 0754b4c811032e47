"""The ladder of a session in the records: what is asked of the database, and what is told when there are no frames."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sessions_app.ladder import svg, text
from sessions_app.ladder.steps import GATEWAY, Step, of_frames, of_records
from sessions_app.models import GatewaySession, SetupFailure, TraceFrame

MOST: Final = 300
"""Steps of one ladder, the newest, and frames, messages or events that are read for it."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """``framed``: drawn from frames; ``more``: there are older ones that it leaves out."""

    steps: list[Step]
    names: tuple[str, str, str]
    framed: bool
    more: bool
    title: str

    @property
    def begin(self) -> datetime | None:
        """The time of its first step: older ones are before it."""
        return self.steps[0].at if self.steps else None

    def svg(self, link: Any = lambda _: "", *, alone: bool = False) -> str:
        """As a picture."""
        return svg.draw(self.steps, self.names, title=self.title, link=link, alone=alone)

    def text(self) -> str:
        """For a terminal."""
        return text.draw(self.steps, self.names)


LATE: Final = timedelta(seconds=1)
"""So long after a session's beginning its first frame may come."""


def of_failure(failure: SetupFailure) -> Ladder:
    """Of a request that was refused before there was a session."""
    frames = list(TraceFrame.objects.filter(session_id=failure.pk).order_by("at", "id")[:MOST])
    title = f"Ladder of {failure.from_uri} to {failure.to_uri}"
    sides = failure.from_uri, failure.to_uri
    if frames and frames[0].leg == "msrp":
        sides = sides[1], sides[0]
    return Ladder(of_frames(frames, []), (sides[0], failure.node, sides[1]), bool(frames), False, title)


def _left_out(session: GatewaySession, first: datetime, most: int, *, more: bool) -> list[Step]:
    """A note where the ladder does not begin with the session, and why."""
    if more:
        why = f"older frames are left out: {most} are shown at once"
    elif first - session.created_at > LATE:
        why = "what came before is not on record: frames were cut at their bounds, or not stored then"
    else:
        return []
    return [Step(first, GATEWAY, GATEWAY, "cut", "note", why)]


def of_session(session: GatewaySession, most: int = MOST, before: datetime | None = None) -> Ladder:
    """The newest ``most`` steps, or those before a moment. Three queries, each of no more rows than that."""
    earlier = {} if before is None else {"at__lt": before}
    frames = list(session.frames.filter(**earlier).order_by("-at", "-id")[: most + 1])
    events = list(session.events.filter(**earlier).order_by("-at", "-id")[:most])
    more = len(frames) > most
    if frames:
        steps = of_frames(reversed(frames[:most]), reversed(events))
        if more:
            steps = [step for step in steps if step.at >= frames[most - 1].at]
        steps, cut = _newest(steps, most)
        more = more or cut
        steps = _left_out(session, steps[0].at if more else frames[-1].at, most, more=more) + steps
    else:
        earlier = {} if before is None else {"received_at__lt": before}
        messages = list(session.messages.defer("body").filter(**earlier).order_by("-received_at", "-id")[: most + 1])
        steps = of_records(messages[:most], reversed(events))
        if before is not None:
            steps = [step for step in steps if step.at < before]
        steps, more = _newest(steps, most)
    sides = session.from_uri, session.to_uri
    if session.initiator == "msrp":
        sides = sides[1], sides[0]
    title = f"Ladder of {session.from_uri} to {session.to_uri}"
    return Ladder(steps, (sides[0], session.node, sides[1]), bool(frames), more, title)


def _newest(steps: list[Step], most: int) -> tuple[list[Step], bool]:
    """The last ``most`` steps, and whether that left some out. Steps of one moment stay together."""
    if len(steps) <= most:
        return steps, False
    first = steps[-most].at
    if steps[-most - 1].at == first and steps[-1].at > first:
        return [step for step in steps if step.at > first], True
    return steps[-most:], True
