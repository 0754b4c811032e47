"""Failures by cause, counted where they are made: the table of tallies.

Triggers (migrations 0033 and 0038) put a row of +1 or -1 into it in the transaction that makes a failure, or makes it
none any more: a retry, a deletion; and a row for each that is acknowledged. Rows are only added, so writers never wait
for one another. The cleanup puts them together: by SLOT, and by the hour once no page looks closer. Whatever it has or
has not done, the sum over a slot is the number of its failures.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db import connection

SLOT: Final = timedelta(seconds=150)
"""As parley_slot() in the database has it; a bar of the trend of an hour."""
HOUR: Final = timedelta(hours=1)
FINE: Final = timedelta(hours=2)
"""So long slots are kept apart."""

_MERGE: Final = """
WITH loose AS (
    SELECT slot FROM sessions_app_failuretally WHERE NOT merged
    UNION
    SELECT slot FROM sessions_app_failuretally
     WHERE slot >= %(last)s AND slot < %(before)s AND slot <> date_trunc('hour', slot, 'UTC')
), slots AS MATERIALIZED (
    SELECT slot FROM loose UNION SELECT date_trunc('hour', slot, 'UTC') FROM loose WHERE slot < %(before)s
), gone AS (
    DELETE FROM sessions_app_failuretally WHERE slot IN (SELECT slot FROM slots) RETURNING *
), put AS (
    INSERT INTO sessions_app_failuretally (slot, kind, side, layer, code, what, host, number, unseen, merged)
    SELECT CASE WHEN slot < %(before)s THEN date_trunc('hour', slot, 'UTC') ELSE slot END,
           kind, side, layer, code, what, host, sum(number), sum(unseen), true
      FROM gone GROUP BY 1, 2, 3, 4, 5, 6, 7 HAVING sum(number) <> 0 OR sum(unseen) <> 0
    RETURNING 1
)
SELECT (SELECT count(*) FROM gone) - (SELECT count(*) FROM put)
"""
_LOOK_BACK: Final = timedelta(days=2)
"""Slots that are older were put together long ago, unless the cleanup stood still; then their next change does it."""


def merge(now: datetime) -> int:
    """Put the tallies together; how many rows fewer there are. In one statement, so no reader sees a part of it."""
    before = floor(now - FINE, HOUR)
    with connection.cursor() as cursor:
        cursor.execute(_MERGE, {"before": before, "last": before - _LOOK_BACK})
        row = cursor.fetchone()
    return int(row[0])


def floor(moment: datetime, step: timedelta) -> datetime:
    """The last multiple of ``step`` since 1970, in UTC."""
    seconds = step.total_seconds()
    return datetime.fromtimestamp(moment.timestamp() // seconds * seconds, UTC)


def ceiling(moment: datetime, step: timedelta) -> datetime:
    """The next multiple of ``step``, or the moment itself where it is one."""
    down = floor(moment, step)
    return down if down == moment else down + step


_COUNT: Final = """
SELECT kind, side, layer, code, what, host, floor((extract(epoch FROM at) - %(origin)s) / %(step)s)::int AS bar,
       sum(number)
  FROM (
    SELECT kind, side, layer, code, what, host, slot AS at, {column} AS number
      FROM sessions_app_failuretally WHERE slot >= %(whole)s
    UNION ALL
    SELECT 'setup', leg, layer, code, coalesce(reason, detail), parley_host(ruri), created_at, 1
      FROM sessions_app_setupfailure AS failure
     WHERE created_at >= %(since)s AND created_at < %(whole)s {unseen}
    UNION ALL
    SELECT 'message', side, layer, code, detail, parley_host(to_uri), received_at, 1
      FROM sessions_app_messagerecord AS failure
     WHERE state IN ('failed', 'expired') AND received_at >= %(since)s AND received_at < %(whole)s {unseen}
  ) AS failures
 GROUP BY 1, 2, 3, 4, 5, 6, 7 HAVING sum(number) <> 0
"""
UNSEEN: Final = "AND NOT EXISTS (SELECT FROM sessions_app_acknowledgement WHERE record = failure.id)"


def ceiling_of(length: timedelta, step: timedelta) -> timedelta:
    """The shortest multiple of ``step`` that is not shorter."""
    return -(-length // step) * step


def count(since: datetime, origin: datetime, step: timedelta, *, unseen: bool) -> list[tuple[Any, ...]]:
    """Failures since a moment by kind, side, layer, code, what, host and bar: the bars begin at ``origin``.

    Whole slots come from the tallies, where ``step`` is so coarse by the hour; what is before the first, from the
    failures themselves. Both in one statement, so that nothing is counted twice or not at all.
    """
    grain = HOUR if step % HOUR == timedelta(0) else SLOT
    query = _COUNT.format(column="unseen" if unseen else "number", unseen=UNSEEN if unseen else "")
    values = {
        "since": since,
        "whole": ceiling(since, grain),
        "origin": origin.timestamp(),
        "step": step.total_seconds(),
    }
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchall()
