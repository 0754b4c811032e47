"""The ladder of a session in the records: what is asked of the database, and what is told when there are no frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sessions_app.ladder import svg, text
from sessions_app.ladder.steps import Step, of_frames, of_records
from sessions_app.models import GatewaySession

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


def of_session(session: GatewaySession) -> Ladder:
    """Three queries."""
    frames = list(session.frames.order_by("-at", "-id")[: MOST + 1])
    events = list(session.events.order_by("-at", "-id")[:MOST])
    more = len(frames) > MOST
    if frames:
        steps = of_frames(reversed(frames[:MOST]), reversed(events))
        if more:
            steps = [step for step in steps if step.at >= frames[MOST - 1].at]
    else:
        messages = list(session.messages.defer("body").order_by("-received_at", "-id")[: MOST + 1])
        more = len(messages) > MOST
        steps = of_records(messages[:MOST], reversed(events))
    sides = session.from_uri, session.to_uri
    if session.initiator == "msrp":
        sides = sides[1], sides[0]
    title = f"Ladder of {session.from_uri} to {session.to_uri}"
    return Ladder(steps, (sides[0], session.node, sides[1]), bool(frames), more, title)
