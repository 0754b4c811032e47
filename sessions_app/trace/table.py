"""The table of frames: written by COPY, held within its bounds of days and octets."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from sessions_app.feed import CHANNEL
from sessions_app.store import columns
from sessions_app.store.transaction import copy
from sessions_app.trace.frames import Frame, mask

TABLE: Final = "sessions_app_traceframe"
ROW: Final = 200
"""Octets that a row takes beside its frame."""
TOLD: Final = 50
"""Sessions named by one NOTIFY, and by one batch."""


def line(frame: Frame, session: str, leg: str, *, keep_bodies: bool) -> str:
    """A frame as its COPY line."""
    link = frame.link
    data = frame.data if keep_bodies else mask(link.protocol, frame.data)
    local, remote = _end(link.local), _end(frame.remote)
    return columns.row(
        columns.TRACE_FRAME,
        {
            "session_id": session,
            "at": frame.at,
            "leg": leg,
            "direction": "out" if frame.out else "in",
            "protocol": link.protocol,
            "transport": link.transport,
            "source": local if frame.out else remote,
            "destination": remote if frame.out else local,
            "data": data,
            "masked": "t" if data is not frame.data and data != frame.data else "f",
        },
    )


def _end(end: tuple[str, int]) -> str:
    return f"[{end[0]}]:{end[1]}" if ":" in end[0] else f"{end[0]}:{end[1]}"


def write(connection: Any, lines: Iterable[str], sessions: set[str]) -> None:
    """Commit rows, and tell the pages that are open of whom there is something new."""
    copy(connection, TABLE, columns.TRACE_FRAME, lines)
    told = [{"event": "frames", "session": session} for session in list(sessions)[:TOLD]]
    if told:
        connection.execute("SELECT pg_notify(%s, %s)", [CHANNEL, json.dumps(told)])


_OVER: Final = f"""
SELECT id FROM (SELECT id, sum(octet_length(data) + {ROW}) OVER (ORDER BY id DESC) AS total FROM {TABLE}) AS newest
 WHERE total > %s ORDER BY id DESC LIMIT 1
"""  # noqa: S608 - constants


def hold(execute: Any, limit: int) -> int:
    """Delete the oldest frames until all take at most ``limit`` octets; how many went."""
    row = execute(_OVER, [limit]).fetchone()
    if row is None:
        return 0
    return int(execute(f"DELETE FROM {TABLE} WHERE id <= %s", [row[0]]).rowcount)  # noqa: S608 - a constant
