"""The process takes its own pulse: twice a second the lag of its loop and its queues, every ten seconds a row.

Once a minute it asks the next hops of the routes whether they are there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

import psycopg

from sessions_app import metering
from sessions_app.gateway.reachability import Seen, ping
from sessions_app.store.batch import Batch

logger = logging.getLogger(__name__)

ASKED_EVERY: Final = 120
"""Looks between two rounds of OPTIONS."""
BEAT: Final = 0.5
"""Seconds between two looks."""
WRITTEN_EVERY: Final = 20
"""Looks between two rows."""


MOST_HOPS: Final = 200
_HOPS: Final = """
SELECT DISTINCT hop FROM sessions_app_route, unnest(ARRAY[next_hop, back_hop]) AS hop
 WHERE enabled AND hop <> '' ORDER BY hop LIMIT %(most)s
"""
_FORGET: Final = "DELETE FROM sessions_app_peercheck WHERE node = %(node)s AND NOT target = ANY(%(hops)s)"
_SEEN: Final = """
INSERT INTO sessions_app_peercheck AS c (node, target, at, reachable, code, milliseconds, detail, changed_at)
VALUES (%s, %s, now(), %s, %s, %s, %s, now())
ON CONFLICT (node, target) DO UPDATE SET at = now(), reachable = excluded.reachable, code = excluded.code,
    milliseconds = excluded.milliseconds, detail = excluded.detail,
    changed_at = CASE WHEN c.reachable = excluded.reachable THEN c.changed_at ELSE now() END
"""


class Pulse:
    """``clock`` is the loop's; ``gateway`` and ``store`` are looked at, not changed."""

    def __init__(self, conninfo: str, node: str, gateway: Any, store: Any, clock: Callable[[], float]) -> None:
        self.meters = metering.Meters(node)
        self._conninfo = conninfo
        self._gateway = gateway
        self._store = store
        self._clock = clock
        self._writing: set[asyncio.Future[None]] = set()

    def committed(self, batch: Batch) -> None:
        """A batch of the audit is in the database."""
        metering.BATCHES.observe(len(batch))

    async def run(self) -> None:
        """Until cancelled."""
        beats = 0
        while True:
            due = self._clock() + BEAT
            await asyncio.sleep(BEAT)
            self.meters.look(self._gateway, self._store, max(0.0, self._clock() - due))
            beats += 1
            if beats % WRITTEN_EVERY == 0:
                await self.write()
            if beats % ASKED_EVERY == ASKED_EVERY // 10:
                await self._ask()

    async def _ask(self) -> None:
        """OPTIONS to every next hop of the routes; what comes of it into its row."""
        try:
            targets = await asyncio.to_thread(self._targets)
        except psycopg.Error as error:
            logger.warning("next hops are not asked: %s", str(error).strip())
            return
        ping(self._gateway, targets, self._seen)

    def _targets(self) -> list[str]:
        with psycopg.connect(self._conninfo, connect_timeout=5) as connection:
            rows = connection.execute(_HOPS, {"most": MOST_HOPS}).fetchall()
            hops = [row[0] for row in rows]
            connection.execute(_FORGET, {"node": self.meters.node, "hops": hops})
        return hops

    def _seen(self, seen: Seen) -> None:
        task = asyncio.ensure_future(asyncio.to_thread(self._record, seen))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    def _record(self, seen: Seen) -> None:
        took = None if seen.seconds is None else 1000 * seen.seconds
        try:
            with psycopg.connect(self._conninfo, connect_timeout=5) as connection:
                connection.execute(
                    _SEEN, [self.meters.node, seen.target, seen.reachable, seen.code, took, seen.detail[:255]]
                )
        except psycopg.Error as error:
            logger.warning("reachability of %s is not recorded: %s", seen.target, str(error).strip())

    async def write(self) -> None:
        """Write what was counted. What cannot be written is lost, and said so: it is no record."""
        tally, at = self.meters.take(), self._gateway.wall()
        try:
            await asyncio.to_thread(self._write, at, tally)
        except psycopg.Error as error:
            logger.warning("ten seconds of traffic are not in the charts: %s", str(error).strip())

    def _write(self, at: float, tally: dict[str, Any]) -> None:
        with psycopg.connect(self._conninfo, connect_timeout=5) as connection:
            metering.write(connection, self.meters.node, at, tally)
