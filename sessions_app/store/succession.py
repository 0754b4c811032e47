"""A process that has died is buried by another one, which takes over what it left.

A heartbeat that does not change is only a sign of death to who has watched it the whole time: after an outage of the
database every heartbeat is old. So each process counts by its own clock, from when it first saw the value, and forgets
what it saw whenever it loses its own connection.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import psycopg

logger = logging.getLogger(__name__)

Connection = psycopg.Connection[Any]

_WITH_ESTATE = """
SELECT name, extract(epoch FROM heartbeat_at)::float FROM sessions_app_node AS node
 WHERE name <> %s AND (
       EXISTS (SELECT 1 FROM sessions_app_gatewaysession WHERE node = name AND ended_at IS NULL)
    OR EXISTS (SELECT 1 FROM sessions_app_messagerecord AS message
                 JOIN sessions_app_gatewaysession AS session ON session.id = session_id
                WHERE message.state = 'pending' AND session.node = name))
"""
_BURY = """
UPDATE sessions_app_node SET stopped_at = coalesce(stopped_at, now()), heartbeat_at = now()
 WHERE name = %s AND extract(epoch FROM heartbeat_at)::float = %s RETURNING name
"""


class Succession:
    """``timeout``: seconds without a heartbeat after which a process is dead; ``clock``: any that does not go back."""

    def __init__(self, node: str, timeout: float, clock: Callable[[], float]) -> None:
        self._node = node
        self._timeout = timeout
        self._clock = clock
        self._watched: dict[str, tuple[float, float]] = {}  # name -> heartbeat, when it was first seen

    def forget(self) -> None:
        """Our own connection was lost, and with it the right to call others dead."""
        self._watched.clear()

    def buried(self, connection: Connection) -> list[str]:
        """Processes that are dead and left something; each is ours alone to inherit."""
        now = self._clock()
        watched: dict[str, tuple[float, float]] = {}
        dead = []
        for name, heartbeat in connection.execute(_WITH_ESTATE, [self._node]).fetchall():
            known = self._watched.get(name)
            if known is None or known[0] != heartbeat:
                watched[name] = (heartbeat, now)
            elif now - known[1] < self._timeout:
                watched[name] = known
            elif connection.execute(_BURY, [name, heartbeat]).fetchone() is not None:  # else somebody was faster
                logger.warning("node %s has died, taking over what it left", name)
                dead.append(name)
        self._watched = watched
        return dead
