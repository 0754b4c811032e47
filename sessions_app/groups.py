"""Failures grouped by cause, with their trend: one query for failed set-ups, one for undelivered messages."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django.db import connection

from sessions_app.causes import Cause, Told, tell

BARS: Final = 24
"""Bars of a trend."""
MOST: Final = 40
"""Groups that are shown."""

_SETUPS: Final = """
SELECT leg, layer, code, coalesce(reason, detail) AS what,
       substring(ruri from '^[a-zA-Z]+:(?:[^@]*@)?(\\[[^]]*\\]|[^;:?>]*)') AS peer,
       width_bucket(extract(epoch FROM created_at), %(start)s, %(end)s, %(bars)s) AS bar,
       count(*), max(created_at), max(id::text)
  FROM sessions_app_setupfailure AS failure
 WHERE created_at >= %(since)s AND created_at < %(until)s {unseen}
 GROUP BY 1, 2, 3, 4, 5, 6
"""
_MESSAGES: Final = """
SELECT direction, state, detail, NULL::int AS code,
       substring(to_uri from '^[a-zA-Z]+:(?:[^@]*@)?(\\[[^]]*\\]|[^;:?>]*)') AS peer,
       width_bucket(extract(epoch FROM received_at), %(start)s, %(end)s, %(bars)s) AS bar,
       count(*), max(received_at), max(id::text)
  FROM sessions_app_messagerecord AS failure
 WHERE state IN ('failed', 'expired') AND received_at >= %(since)s AND received_at < %(until)s {unseen}
 GROUP BY 1, 2, 3, 4, 5, 6
"""
_UNSEEN: Final = "AND NOT EXISTS (SELECT FROM sessions_app_acknowledgement WHERE record = failure.id)"


@dataclass(slots=True)
class Group:
    """Failures with one cause."""

    kind: str
    """``setup`` or ``message``."""
    cause: Cause
    what: str
    """Reason phrase or detail."""
    peer: str
    count: int = 0
    latest: datetime | None = None
    latest_id: Any = None
    bars: list[int] = field(default_factory=lambda: [0] * BARS)
    query: dict[str, Any] = field(default_factory=dict)

    @property
    def told(self) -> Told:
        """In words."""
        return tell(self.cause)

    @property
    def address(self) -> str:
        """The query of the list that shows these rows."""
        return urlencode(self.query)

    @property
    def heights(self) -> list[tuple[int, int, int]]:
        """The trend: for each bar its place, its height out of 20, and its number."""
        most = max(self.bars) or 1
        return [
            (place, round(number / most * 19) + 1 if number else 0, number) for place, number in enumerate(self.bars)
        ]


def groups(since: timedelta, now: datetime, *, unseen: bool) -> list[Group]:
    """Groups of the time ``since`` before ``now``, the largest first; ``unseen`` leaves acknowledged rows out."""
    until = now
    values = {
        "since": now - since,
        "until": until,
        "start": (now - since).timestamp(),
        "end": until.timestamp(),
        "bars": BARS,
    }
    extra = _UNSEEN if unseen else ""
    found: dict[tuple[Any, ...], Group] = {}
    after = values["since"].isoformat(timespec="seconds").replace("+00:00", "Z")
    with connection.cursor() as cursor:
        cursor.execute(_SETUPS.format(unseen=extra), values)
        for leg, layer, code, what, peer, bar, number, latest, identity in cursor.fetchall():
            group = found.get(("setup", leg, layer, code, what, peer))
            if group is None:
                query: dict[str, Any] = {"leg": leg, "layer": layer, "host": peer or "", "created_after": after}
                query.update({"code": code} if code is not None else {"code__isnull": "true", "detail": what})
                group = Group("setup", Cause(leg, layer, code, what), what, peer or "", query=query)
                found["setup", leg, layer, code, what, peer] = group
            _add(group, bar, number, latest, identity)
        cursor.execute(_MESSAGES.format(unseen=extra), values)
        for direction, state, detail, _, peer, bar, number, latest, identity in cursor.fetchall():
            key = ("message", direction, state, detail, peer)
            group = found.get(key)
            if group is None:
                cause = _cause(state, detail)
                query = {
                    "state": state,
                    "direction": direction,
                    "detail": detail,
                    "host": peer or "",
                    "received_after": after,
                }
                group = found[key] = Group("message", cause, cause.detail, peer or "", query=query)
            _add(group, bar, number, latest, identity)
    return sorted(found.values(), key=lambda group: -group.count)


def _cause(state: str, detail: str) -> Cause:
    from sessions_app.causes import of_message
    from sessions_app.models import MessageRecord

    return of_message(MessageRecord(state=state, detail=detail))


def _add(group: Group, bar: int, number: int, latest: datetime, identity: Any) -> None:
    group.count += number
    group.bars[min(max(bar, 1), BARS) - 1] += number
    if group.latest is None or latest > group.latest:
        group.latest, group.latest_id = latest, identity
