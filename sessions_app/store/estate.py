"""What a process left when it stopped: sessions that were open, messages that it owed, messages it had just seen.

Read at boot for this process's own past, and later for another process that has died, whose estate becomes ours.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import psycopg
from psycopg.rows import class_row

REMEMBER: Final = 120.0
"""Seconds before the last sign of a process whose messages are remembered: a sender repeats for 32 s (Timer F), or
comes back on a new connection."""
MOST_REMEMBERED: Final = 200_000
"""Messages remembered at most."""

_SEEN = """
SELECT direction, key, message.message_id, message.state, coalesce(sip_code, 0)
  FROM sessions_app_messagerecord AS message JOIN sessions_app_gatewaysession AS session ON session.id = session_id
 WHERE node = %(node)s AND received_at > (
       SELECT max(received_at) FROM sessions_app_messagerecord) - make_interval(secs => %(seconds)s)
 ORDER BY received_at DESC LIMIT %(most)s
"""
_CLAIM = """
UPDATE sessions_app_gatewaysession SET node = %(heir)s WHERE id IN (
       SELECT id FROM sessions_app_gatewaysession WHERE node = %(node)s AND ended_at IS NULL
        UNION
       SELECT session_id FROM sessions_app_messagerecord AS message
         JOIN sessions_app_gatewaysession AS session ON session.id = session_id
        WHERE message.state = 'pending' AND session.node = %(node)s)
RETURNING id
"""
_END_UNANSWERED = """
WITH ended AS (
    UPDATE sessions_app_gatewaysession SET state = 'failed', ended_at = now(), end_reason = %(why)s
     WHERE ended_at IS NULL AND id = ANY(%(ids)s) AND NOT dialog ? 'call_id'
 RETURNING id
)
INSERT INTO sessions_app_sessionevent (session_id, at, kind, detail) SELECT id, now(), 'failed', %(why)s FROM ended
"""
_GHOSTS = """
SELECT id::text AS session, key, initiator, from_uri, to_uri, ruri, content_types, next_hop, back_hop, route, source,
       dialog, state, extract(epoch FROM created_at)::float AS created_at, to_msrp, to_page, undelivered
  FROM sessions_app_gatewaysession WHERE ended_at IS NULL AND id = ANY(%(ids)s) ORDER BY id
"""
OWED: Final = """
SELECT message.id::text, direction, message.call_id, message.message_id, content_type, body, subject, imdn_id, notify,
       extract(epoch FROM received_at)::float AS received_at, extract(epoch FROM expires_at)::float AS expires_at,
       session_id::text AS session, key, initiator, session.from_uri, session.to_uri, session.ruri, content_types,
       next_hop, back_hop, route, source, to_msrp, to_page, undelivered
  FROM sessions_app_messagerecord AS message JOIN sessions_app_gatewaysession AS session ON session.id = session_id
"""
"""The columns of :class:`Owed`, up to the condition."""
_OWED = f"""{OWED}
 WHERE message.state = 'pending' AND body IS NOT NULL AND session_id = ANY(%(ids)s)
 ORDER BY message.id
"""
STOPPED = "the gateway stopped without ending it"


@dataclass(frozen=True, slots=True)
class Past:
    """What a session's row says of how its messages travel."""

    session: str
    key: str
    initiator: str
    from_uri: str
    to_uri: str
    ruri: str
    content_types: str
    next_hop: str
    back_hop: str
    route: str
    source: str
    to_msrp: int
    to_page: int
    undelivered: int


@dataclass(frozen=True, slots=True)
class Owed(Past):
    """A message that was promised to somebody and has no outcome yet."""

    id: str
    direction: str
    call_id: str
    message_id: str
    content_type: str
    body: bytes
    subject: str
    imdn_id: str
    notify: str
    received_at: float
    expires_at: float | None


@dataclass(frozen=True, slots=True)
class Ghost(Past):
    """A session that was open, with its dialog: its peer still believes in it."""

    dialog: dict[str, Any]
    state: str
    created_at: float


@dataclass(slots=True)
class Estate:
    """All of it."""

    ghosts: list[Ghost] = field(default_factory=list)
    owed: list[Owed] = field(default_factory=list)
    """Oldest first."""
    seen: list[tuple[str, str, str, str, int]] = field(default_factory=list)
    """Direction, session key, Message-ID, state and SIP code of what came in its last minutes, newest first."""

    def __bool__(self) -> bool:
        return bool(self.ghosts or self.owed or self.seen)


def take_over(conninfo: str, node: str, heir: str) -> Estate:
    """The estate of ``node``, which is dead, or is ``heir`` itself before it stopped; its rows are the heir's now.

    Sessions that no answer had made a dialog of end here: there is nobody to say good-bye to.
    """
    with psycopg.connect(conninfo) as connection:
        values = {"node": node, "heir": heir, "seconds": REMEMBER, "most": MOST_REMEMBERED, "why": STOPPED}
        # Two heirs, or an heir and the node itself that comes back, must not both have it.
        connection.execute("SELECT pg_advisory_xact_lock(hashtext('parley estate'), hashtext(%(node)s))", values)
        estate = Estate(seen=connection.execute(_SEEN, values).fetchall())
        values["ids"] = [row[0] for row in connection.execute(_CLAIM, values).fetchall()]
        connection.execute(_END_UNANSWERED, values)
        with connection.cursor(row_factory=class_row(Ghost)) as cursor:
            estate.ghosts = cursor.execute(_GHOSTS, values).fetchall()
        with connection.cursor(row_factory=class_row(Owed)) as cursor:
            estate.owed = cursor.execute(_OWED, values).fetchall()
        return estate
