"""Taking up a message that failed: its row becomes pending again, in the same transaction that reads it."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.rows import dict_row

from sessions_app.store.estate import OWED, Owed

_STATE = "SELECT state, body IS NOT NULL AS kept FROM sessions_app_messagerecord WHERE id = %(id)s FOR UPDATE"
_CLAIM = """
UPDATE sessions_app_messagerecord
   SET state = 'pending', finished_at = NULL, sip_code = NULL, msrp_code = NULL, side = '', layer = '', code = NULL,
       lost_with = '', detail = '', expires_at = NULL
 WHERE id = %(id)s
"""
_UNCOUNT = """
UPDATE sessions_app_gatewaysession SET undelivered = greatest(undelivered - 1, 0)
 WHERE id = (SELECT session_id FROM sessions_app_messagerecord WHERE id = %(id)s) AND ended_at IS NOT NULL
"""
_READ = f"{OWED} WHERE message.id = %(id)s"


class NotClaimed(Exception):
    """The message cannot be taken up; the text says why."""


def claim(conninfo: str, message: str) -> Owed:
    """Make a failed or expired message owed again. Raises NotClaimed where it has not failed or its body is gone."""
    which = {"id": message}
    with psycopg.connect(conninfo, row_factory=dict_row) as connection:
        row = connection.execute(_STATE, which).fetchone()
        if row is None:
            raise NotClaimed("there is no such message")
        if row["state"] not in ("failed", "expired"):
            raise NotClaimed(f"it is {row['state']}, not failed")
        if not row["kept"]:
            raise NotClaimed("its body is not kept any more (GATEWAY_STORE_BODIES)")
        connection.execute(_CLAIM, which)
        connection.execute(_UNCOUNT, which)
        found: dict[str, Any] | None = connection.execute(_READ, which).fetchone()
        if found is None:
            connection.rollback()
            raise NotClaimed("its session is not on record any more")
    return Owed(**found)
