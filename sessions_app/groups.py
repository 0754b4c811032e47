"""Failures grouped by cause, with their trend and the latest of each: by the tallies, not by all of the failures."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django.db import connection
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from sessions_app import tally
from sessions_app.cause import Cause, Side
from sessions_app.causes import Told, tell

BARS: Final = 25
"""Bars of a trend: 24 steps from the whole hour, or slot, in which its time begins, to the one that is not over."""
MOST: Final = 40
"""Groups that are shown."""

# With a reply its reason is the cause, without one the detail.
_LATEST_SETUP: Final = """
(SELECT %s AS place, id, created_at FROM sessions_app_setupfailure AS failure
  WHERE leg = %s AND layer = %s AND code IS NOT DISTINCT FROM %s
    AND CASE WHEN code IS NULL THEN detail ELSE reason END = %s AND parley_host(ruri) = %s
    AND created_at >= %s {unseen} ORDER BY created_at DESC, id DESC LIMIT 1)
"""
_LATEST_MESSAGE: Final = """
(SELECT %s AS place, id, received_at FROM sessions_app_messagerecord AS failure
  WHERE state IN ('failed', 'expired') AND side = %s AND layer = %s AND code IS NOT DISTINCT FROM %s AND detail = %s
    AND parley_host(to_uri) = %s AND received_at >= %s {unseen} ORDER BY received_at DESC, id DESC LIMIT 1)
"""


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
    key: tuple[Any, ...] = ()
    """Side, layer, code, what and host, as the tallies have them."""

    @property
    def told(self) -> Told:
        """In words."""
        return tell(self.cause)

    @property
    def address(self) -> str:
        """The query of the list that shows these rows."""
        return urlencode(self.query, doseq=True)

    @property
    def numbers(self) -> str:
        """The trend for who hears it."""
        return ", ".join(map(str, self.bars))

    @property
    def drawn(self) -> SafeString:
        """The trend's bars, each 4 wide and at most 20 high."""
        most = max(self.bars) or 1
        heights = [round(number / most * 19) + 1 if number > 0 else 0 for number in self.bars]
        rows = ((4 * place, 20 - height, height) for place, height in enumerate(heights) if height)
        return format_html_join("", '<rect x="{}" y="{}" width="3" height="{}"/>', rows)


def groups(since: timedelta, now: datetime, *, unseen: bool, most: int = MOST) -> list[Group]:
    """Groups of the time ``since`` before ``now``, the largest first; ``unseen`` leaves acknowledged rows out.

    The ``most`` largest know their latest failure.
    """
    begin = now - since
    grain = tally.SLOT if since <= tally.HOUR else tally.HOUR
    step = max(grain, tally.ceiling_of(since / (BARS - 1), grain))
    origin = tally.floor(begin, grain)
    after = begin.isoformat().replace("+00:00", "Z")
    found: dict[tuple[Any, ...], Group] = {}
    for kind, side, layer, code, what, host, bar, number in tally.count(begin, origin, step, unseen=unseen):
        group = found.get((kind, side, layer, code, what, host))
        if group is None:
            make = _setups if kind == "setup" else _messages
            group = found[kind, side, layer, code, what, host] = make(side, layer, code, what, host, after)
            group.key = (side, layer, code, what, host)
            if unseen:
                group.query["acknowledged"] = "false"
        group.count += number
        group.bars[min(max(bar, 0), BARS - 1)] += number
    largest = sorted((group for group in found.values() if group.count > 0), key=lambda group: -group.count)
    _find_latest(largest[:most], begin, unseen=unseen)
    return largest


def _setups(leg: str, layer: str, code: int | None, what: str, host: str, after: str) -> Group:
    query: dict[str, Any] = {"leg": leg, "layer": layer, "host": host, "created_after": after}
    query.update({"code": code} if code is not None else {"code__isnull": "true", "detail": what})
    return Group("setup", Cause(Side(leg), layer, what, code), what, host, query=query)


def _messages(side: str, layer: str, code: int | None, detail: str, host: str, after: str) -> Group:
    query: dict[str, Any] = {"state": ["failed", "expired"], "side": side, "layer": layer, "detail": detail}
    query.update({"host": host, "received_after": after})
    query.update({"code": code} if code is not None else {"code__isnull": "true"})
    return Group("message", Cause(Side(side), layer, detail, code), detail, host, query=query)


def _find_latest(largest: list[Group], since: datetime, *, unseen: bool) -> None:
    """One query, in which each cause is a constant, so that each has its partial index."""
    if not largest:
        return
    parts, values = [], []
    for place, group in enumerate(largest):
        side, layer, code, what, host = group.key
        parts.append(_LATEST_SETUP if group.kind == "setup" else _LATEST_MESSAGE)
        values += [place, side, layer, code, what, host, since]
    query = "UNION ALL".join(parts).format(unseen=tally.UNSEEN if unseen else "")
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        for place, identity, at in cursor.fetchall():  # none where it was retried since it was counted
            largest[place].latest_id, largest[place].latest = identity, at
