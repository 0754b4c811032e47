"""Taking up a message that failed: its row becomes pending again, in the same transaction that reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row

from sessions_app.store.owed import Owed

_STATE = "SELECT state, body IS NOT NULL AS kept FROM sessions_app_messagerecord WHERE id = %(id)s FOR UPDATE"
_CLAIM = """
UPDATE sessions_app_messagerecord
   SET state = 'pending', finished_at = NULL, sip_code = NULL, msrp_code = NULL, detail = ''
 WHERE id = %(id)s
"""
_UNCOUNT = """
UPDATE sessions_app_gatewaysession SET undelivered = greatest(undelivered - 1, 0)
 WHERE id = (SELECT session_id FROM sessions_app_messagerecord WHERE id = %(id)s) AND ended_at IS NOT NULL
"""
_READ = """
SELECT message.id::text, direction, message.call_id, message.message_id, content_type, body,
       extract(epoch FROM received_at)::float AS received_at, session_id::text AS session, key, initiator,
       session.from_uri, session.to_uri, session.ruri, content_types, next_hop, back_hop, route, source,
       to_msrp, to_page, undelivered
  FROM sessions_app_messagerecord AS message JOIN sessions_app_gatewaysession AS session ON session.id = session_id
 WHERE message.id = %(id)s
"""


class NotClaimed(Exception):
    """The message cannot be taken up; the text says why."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that is owed again, with its session's counters as they stand."""

    owed: Owed
    to_msrp: int
    to_page: int
    undelivered: int


def claim(conninfo: str, message: str) -> Claimed:
    """Make a failed or expired message pending. Raises NotClaimed where it has not failed or its body is gone."""
    which = {"id": message}
    with psycopg.connect(conninfo, row_factory=dict_row) as connection:
        row = connection.execute(_STATE, which).fetchone()
        if row is None:
            raise NotClaimed("there is no such message")
        if row["state"] not in ("failed", "expired"):
            raise NotClaimed(f"it is {row['state']}, not failed")
        if not row["kept"]:
            raise NotClaimed("its body is not kept any more (GATEWAY_STORE_BODIES)")
        found: dict[str, Any] | None = connection.execute(_READ, which).fetchone()
        if found is None:
            raise NotClaimed("its session is not on record any more")
        connection.execute(_CLAIM, which)
        if connection.execute(_UNCOUNT, which).rowcount:
            found["undelivered"] = max(0, found["undelivered"] - 1)
    counters = {name: found.pop(name) for name in ("to_msrp", "to_page", "undelivered")}
    return Claimed(Owed(**found), **counters)
