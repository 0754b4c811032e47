"""A ladder for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC
from typing import Final

from sessions_app.ladder.steps import Step, gap
from sessions_app.ladder.svg import MARKS

WIDE: Final = 34
"""Characters between two columns."""
_INDENT: Final = 26


def draw(steps: Sequence[Step], names: tuple[str, str, str]) -> str:
    """A line a step, under a head with the names of the columns."""
    head = " " * _INDENT
    for name in names:
        head += name[: WIDE - 3].ljust(WIDE + 1)
    return "\n".join([head.rstrip(), *lines(steps)])


def lines(steps: Iterable[Step]) -> Iterator[str]:
    """The lines alone."""
    before = None
    for step in steps:
        at = step.at.astimezone(UTC)
        passed = "" if before is None else gap((step.at - before).total_seconds())
        before = step.at
        left, right = " " * WIDE, " " * WIDE
        text = f"{MARKS[step.tone]}{step.label}{' ↻' if step.again else ''} {step.detail}".strip()
        start = f"{at:%H:%M:%S}.{at.microsecond // 1000:03}  {passed:<{_INDENT - 15}} "
        if step.source == step.target:
            yield f"{start}|{left}| {text}"
            continue
        line = _arrow(step, text)
        if 0 in (step.source, step.target):
            left = line
        else:
            right = line
        yield f"{start}|{left}|{right}|"


def _arrow(step: Step, text: str) -> str:
    stroke = {"wait": "·", "bad": "╌"}.get(step.tone, "─")
    text = f" {text[: WIDE - 6]} "
    line = text.center(WIDE - 1, stroke)
    return f"{line}>" if step.target > step.source else f"<{line}"
