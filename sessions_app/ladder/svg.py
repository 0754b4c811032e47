"""A ladder as SVG: as a part of a page, where the style sheet has its colours, or as a file that brings its own.

No outcome is told by colour alone: a request has a full line and a full head, a provisional answer a dotted line and an
open head, a success a tick, a refusal a broken line and a cross.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC
from html import escape
from typing import Any, Final

from sessions_app.ladder.steps import GATEWAY, Step, gap

COLUMNS: Final = (180, 425, 670)
WIDTH: Final = 770
HEAD: Final = 58
ROW: Final = 36
MARKS: Final = {"ask": "", "wait": "… ", "fine": "✓ ", "bad": "✕ ", "note": ""}
STYLE: Final = """
svg.ladder { --ground:#fff; --ink:#16202a; --soft:#55626e; --line:#c3cad1; --accent:#0b6b74;
--good:#14663a; --wait:#7a4d00; --bad:#a3231b; --past-ground:#e8ecef;
background:var(--ground); font:13px system-ui,sans-serif }
@media (prefers-color-scheme: dark) { svg.ladder { --ground:#1a2128; --ink:#e4e9ee; --soft:#9eacb8; --line:#45525e;
--accent:#5cc5cf; --good:#86dba8; --wait:#f2c26b; --bad:#ff9c92; --past-ground:#2b343d } }
"""
DRAWN: Final = """
.ladder .life { stroke:var(--line); stroke-width:2 } .ladder text { fill:var(--ink) } .ladder .who { font-weight:600 }
.ladder .soft { fill:var(--soft); font-size:11px } .ladder .shaft { stroke:currentColor; stroke-width:1.6; fill:none }
.ladder .tip { stroke:currentColor; stroke-width:1.6; fill:currentColor } .ladder .ask { color:var(--accent) }
.ladder .fine { color:var(--good) } .ladder .wait { color:var(--wait) } .ladder .wait .tip { fill:none }
.ladder .bad { color:var(--bad) } .ladder .said { fill:currentColor; font-weight:600 }
.ladder .wait .shaft { stroke-dasharray:2 4 } .ladder .bad .shaft { stroke-dasharray:8 4 }
.ladder .again .shaft { stroke-width:1 } .ladder .box { fill:var(--past-ground) } .ladder .note { color:var(--ink) }
"""
"""The rest of the style; pages.css has the same under the page's own colours."""


def draw(
    steps: Sequence[Step],
    names: tuple[str, str, str],
    *,
    title: str,
    link: Callable[[Any], str] = lambda _: "",
    alone: bool = False,
) -> str:
    """``names``: who stands in the columns; ``link``: address of a frame; ``alone``: a file of its own."""
    height = HEAD + ROW * max(len(steps), 1) + 16
    begin = "<?xml version='1.0' encoding='UTF-8'?>\n" if alone else ""
    out = [
        f'{begin}<svg class="ladder" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
        f' width="{WIDTH}" height="{height}" role="group" aria-labelledby="ladder-title ladder-desc">',
        f'<title id="ladder-title">{escape(title)}</title>',
        f'<desc id="ladder-desc">{len(steps)} steps between {escape(", ".join(names))}, in the order of time.</desc>',
    ]
    if alone:
        out.append(f"<style>{STYLE}{DRAWN}</style>")
    for x, role, name in zip(COLUMNS, ("Message side", "Gateway", "MSRP side"), names, strict=True):
        out.append(f'<line class="life" x1="{x}" y1="{HEAD - 10}" x2="{x}" y2="{height - 6}"/>')
        out.append(f'<text class="who" x="{x}" y="18" text-anchor="middle">{role}</text>')
        out.append(f'<text class="soft" x="{x}" y="35" text-anchor="middle">{escape(_short(name))}</text>')
    before = None
    for number, step in enumerate(steps):
        y = HEAD + ROW * number + 22
        at = step.at.astimezone(UTC)
        passed = "" if before is None else gap((step.at - before).total_seconds())
        before = step.at
        clock = f"{at:%H:%M:%S}.{at.microsecond // 1000:03}"
        out.append(f'<text class="soft" x="8" y="{y}" data-at="{at.isoformat()}">{clock}</text>')
        if passed:
            out.append(f'<text class="soft" x="72" y="{y + 13}" text-anchor="end">{passed}</text>')
        out.append(_note(step, y) if step.source == step.target else _arrow(step, y, clock, link))
    out.append("</svg>")
    return "\n".join(out)


def _arrow(step: Step, y: int, clock: str, link: Callable[[Any], str]) -> str:
    start, end = COLUMNS[step.source], COLUMNS[step.target]
    way = 1 if end > start else -1
    start, end, middle = start + way * 5, end - way * 5, (start + end) // 2
    label = f"{MARKS[step.tone]}{step.label}{' ↻ again' if step.again else ''}"
    shown = f"{label} {step.detail}".strip()
    spoken = f"{shown}, {clock}, {_names(step)}{', sent again' if step.again else ''}"
    cross = ""
    if step.tone == "bad":
        x = end - way * 26
        cross = f'<path class="shaft" stroke-dasharray="none" d="M{x - 5} {y - 5}l10 10m0 -10l-10 10"/>'
    detail = f' <tspan class="soft" dx="3">{escape(step.detail)}</tspan>' if step.detail else ""
    body = (
        f'<line class="shaft" x1="{start}" y1="{y}" x2="{end}" y2="{y}"/>'
        f'<path class="tip" d="M{end} {y}l{-way * 9} -5v10z"/>{cross}'
        f'<text class="said" x="{middle}" y="{y - 6}" text-anchor="middle">{escape(label)}{detail}</text>'
    )
    kind = f"{step.tone} again" if step.again else step.tone
    address = link(step.frame) if step.frame is not None else ""
    if address:
        return f'<a class="{kind}" href="{escape(address)}" aria-label="{escape(spoken)}">{body}</a>'
    return f'<g class="{kind}"><title>{escape(spoken)}</title>{body}</g>'


def _note(step: Step, y: int) -> str:
    x = COLUMNS[GATEWAY]
    text = f"{MARKS[step.tone]}{step.label}{': ' + step.detail if step.detail else ''}"
    short = _short(text, 62)
    wide = 8 * len(short) + 24
    return (
        f'<g class="{step.tone}"><title>{escape(text)}</title>'
        f'<rect class="box" x="{x - wide // 2}" y="{y - 16}" width="{wide}" height="22" rx="11"/>'
        f'<text class="said" x="{x}" y="{y - 1}" text-anchor="middle">{escape(short)}</text></g>'
    )


def _names(step: Step) -> str:
    names = ("message side", "gateway", "MSRP side")
    return f"{names[step.source]} to {names[step.target]}"


def _short(text: str, limit: int = 34) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
