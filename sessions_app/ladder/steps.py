"""What a ladder shows: arrows and notes in the order of time, made of frames, or of records where there are no frames.

Pure: the rows of the records come in, steps come out; drawing is done elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sessions_app.trace.frames import LARGEST

MESSAGE_SIDE, GATEWAY, MSRP_SIDE = 0, 1, 2
"""The columns."""
COLUMN_NAMES: Final = ("message_side", "gateway", "msrp_side")
_CSEQ: Final = re.compile(rb"\n(?:cseq)[ \t]*:[ \t]*\d+[ \t]+(\S+)", re.IGNORECASE)
_STATUS: Final = re.compile(rb"\nStatus:[ \t]*\d+[ \t]+(\d{3})")
_RANGE: Final = re.compile(rb"\nByte-Range:[ \t]*(\S+)")
_SHOWN_WITH_FRAMES: Final = frozenset({"live", "ended", "failed", "offered_anew", "renegotiated", "way_back",
                                       "failure_report", "frames_missing"})  # fmt: skip
"""Events that say something which no frame says."""


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a ladder."""

    at: datetime
    source: int
    """Column it comes from; the same as ``target`` for a note."""
    target: int
    label: str
    tone: str
    """``ask`` a request, ``wait`` provisional, ``fine`` success, ``bad`` refused or failed, ``note``."""
    detail: str = ""
    again: bool = False
    """Whether the same octets had gone the same way before."""
    frame: Any = None
    """Id of the frame; None where it was drawn from the records."""

    def document(self) -> dict[str, Any]:
        """For programs: the columns by name."""
        return {
            "at": self.at,
            "from": COLUMN_NAMES[self.source],
            "to": COLUMN_NAMES[self.target],
            "label": self.label,
            "tone": self.tone,
            "detail": self.detail,
            "again": self.again,
            "frame": self.frame,
        }


def of_frames(frames: Iterable[Any], events: Iterable[Any]) -> list[Step]:
    """Steps of rows of TraceFrame, with the events that no frame shows."""
    steps = [
        Step(event.at, GATEWAY, GATEWAY, event.kind.replace("_", " "), "note", event.detail)
        for event in events
        if event.kind in _SHOWN_WITH_FRAMES
    ]
    seen: set[tuple[str, str, bytes]] = set()
    for frame in frames:
        data = bytes(frame.data)
        label, tone, detail = told(frame.protocol, data)
        if len(data) >= LARGEST:
            detail = f"{detail}, cut at {LARGEST // 1024} KiB".removeprefix(", ")
        peer = MESSAGE_SIDE if frame.leg == "message" else MSRP_SIDE
        source, target = (GATEWAY, peer) if frame.direction == "out" else (peer, GATEWAY)
        key = frame.source, frame.destination, data
        again = frame.transport == "udp" and key in seen
        seen.add(key)
        steps.append(Step(frame.at, source, target, label, tone, detail, again, frame.pk))
    return sorted(steps, key=lambda step: step.at)


def of_records(messages: Iterable[Any], events: Iterable[Any]) -> list[Step]:
    """Steps of what the records alone tell: each message, its outcome, each event."""
    steps = [Step(event.at, GATEWAY, GATEWAY, event.kind.replace("_", " "), "note", event.detail) for event in events]
    for message in messages:
        to_msrp = message.direction == "to_msrp"
        near, far = (MESSAGE_SIDE, MSRP_SIDE) if to_msrp else (MSRP_SIDE, MESSAGE_SIDE)
        asked, passed = ("MESSAGE", "SEND") if to_msrp else ("SEND", "MESSAGE")
        size = f"{message.size} octets"
        steps.append(Step(message.received_at, near, GATEWAY, asked, "ask", size))
        if message.finished_at is None:
            continue
        answer, outcome = (message.sip_code, message.msrp_code) if to_msrp else (message.msrp_code, message.sip_code)
        if outcome is not None:
            steps.append(Step(message.finished_at, GATEWAY, far, passed, "ask", size))
            steps.append(Step(message.finished_at, far, GATEWAY, str(outcome), _tone(outcome), f"of {passed}"))
        if answer is not None:
            steps.append(Step(message.finished_at, GATEWAY, near, str(answer), _tone(answer), f"of {asked}"))
        if message.state in ("failed", "expired"):
            steps.append(Step(message.finished_at, GATEWAY, GATEWAY, message.state, "bad", str(message.cause)))
    return sorted(steps, key=lambda step: step.at)


def told(protocol: str, data: bytes) -> tuple[str, str, str]:
    """Label, tone and detail of a frame."""
    line = data.partition(b"\r\n")[0].decode("utf-8", "replace")
    words = line.split(" ", 2)
    if protocol == "msrp":
        return _msrp(words, data)
    if words[0] != "SIP/2.0":
        body = len(data) - data.find(b"\r\n\r\n") - 4
        return words[0][:20], "ask", f"{body} octets" if body > 0 and words[0] == "MESSAGE" else ""
    code, reason = (words[1] if len(words) > 1 else ""), (words[2] if len(words) > 2 else "")
    method = _CSEQ.search(data)
    about = f"of {method[1].decode('ascii', 'replace')}" if method else ""
    return f"{code} {reason}".strip()[:40], _tone(int(code)) if code.isdigit() else "bad", about


def _msrp(words: list[str], data: bytes) -> tuple[str, str, str]:
    what = words[2] if len(words) > 2 else ""
    if what[:3].isdigit():
        return what[:40], _tone(int(what[:3])), "MSRP"
    if what == "REPORT":
        status = _STATUS.search(data)
        code = int(status[1]) if status else 0
        return f"REPORT {code or ''}".strip(), "fine" if code == 200 else "bad", "MSRP"
    octets = _RANGE.search(data)
    return what[:20], "ask", f"MSRP, octets {octets[1].decode('ascii', 'replace')}" if octets else "MSRP"


def _tone(code: int) -> str:
    return "wait" if code < 200 else "fine" if code < 300 else "bad"


def gap(seconds: float) -> str:
    """Time since the step before, short."""
    if seconds < 0.0005:
        return ""
    if seconds < 1:
        return f"+{seconds * 1000:.0f} ms"
    return f"+{seconds:.1f} s" if seconds < 60 else f"+{seconds / 60:.0f} min"
