"""The ladder of a session in the records: what is asked of the database, and what is told when there are no frames."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sessions_app.ladder import svg, text
from sessions_app.ladder.steps import GATEWAY, Step, of_frames, of_records
from sessions_app.models import GatewaySession, SetupFailure, TraceFrame

MOST: Final = 300
"""Frames, messages and events of one ladder, the newest."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """``framed``: drawn from frames; ``more``: there are older ones that it leaves out."""

    steps: list[Step]
    names: tuple[str, str, str]
    framed: bool
    more: bool
    title: str

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


def _left_out(session: GatewaySession, first: Any, *, more: bool) -> list[Step]:
    """A note where the ladder does not begin with the session, and why."""
    if more:
        why = f"older frames are left out: the newest {MOST} only"
    elif first.at - session.created_at > LATE:
        why = "what came before is not on record: frames were cut at their bounds, or not stored then"
    else:
        return []
    return [Step(first.at, GATEWAY, GATEWAY, "cut", "note", why)]


def of_session(session: GatewaySession) -> Ladder:
    """Three queries."""
    frames = list(session.frames.order_by("-at", "-id")[: MOST + 1])
    events = list(session.events.order_by("-at", "-id")[:MOST])
    more = len(frames) > MOST
    if frames:
        steps = of_frames(reversed(frames[:MOST]), reversed(events))
        if more:
            steps = [step for step in steps if step.at >= frames[MOST - 1].at]
        steps = _left_out(session, frames[:MOST][-1], more=more) + steps
    else:
        messages = list(session.messages.defer("body").order_by("-received_at", "-id")[: MOST + 1])
        more = len(messages) > MOST
        steps = of_records(messages[:MOST], reversed(events))
    sides = session.from_uri, session.to_uri
    if session.initiator == "msrp":
        sides = sides[1], sides[0]
    title = f"Ladder of {session.from_uri} to {session.to_uri}"
    return Ladder(steps, (sides[0], session.node, sides[1]), bool(frames), more, title)
