"""What a stop left owed: messages that were promised to somebody and have no outcome yet, read at boot."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
from psycopg.rows import class_row

_OWED = """
SELECT message.id::text, direction, message.call_id, message.message_id, content_type, body,
       extract(epoch FROM received_at)::float AS received_at, session_id::text AS session, key, initiator,
       session.from_uri, session.to_uri, session.ruri, content_types, next_hop, back_hop, route, source
  FROM sessions_app_messagerecord AS message JOIN sessions_app_gatewaysession AS session ON session.id = session_id
 WHERE message.state = 'pending' AND body IS NOT NULL AND node = %(node)s
 ORDER BY message.id
"""


@dataclass(frozen=True, slots=True)
class Owed:
    """One such message, with what its session's row says of how it travels."""

    id: str
    direction: str
    call_id: str
    message_id: str
    content_type: str
    body: bytes
    received_at: float
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


def owed_messages(conninfo: str, node: str) -> list[Owed]:
    """Messages of this node that are owed, oldest first."""
    with psycopg.connect(conninfo, row_factory=class_row(Owed)) as connection:
        return connection.execute(_OWED, {"node": node}).fetchall()
