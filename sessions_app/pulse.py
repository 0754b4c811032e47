"""The process takes its own pulse: twice a second the lag of its loop and its queues, every ten seconds a row.

Once a minute it asks the next hops of the routes whether they are there, and gives back memory that a peak has left.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

import psycopg

from protocols.tls import Tls, TlsError
from sessions_app import metering, shortage
from sessions_app.gateway.reachability import Seen, ping
from sessions_app.memory import FreedMemory
from sessions_app.store.batch import Batch

logger = logging.getLogger(__name__)

ASKED_EVERY: Final = 120
"""Looks between two rounds of OPTIONS."""
SOON: Final = 4
"""Looks before the first one, and before the next one when the routes have changed."""
BEAT: Final = 0.5
"""Seconds between two looks."""
WRITTEN_EVERY: Final = 20
"""Looks between two rows."""
GIVEN_BACK_EVERY: Final = 120
"""Looks between two at freed memory."""


MOST_HOPS: Final = 200
_HOPS: Final = """
SELECT DISTINCT hop FROM sessions_app_route, unnest(ARRAY[next_hop, back_hop]) AS hop
 WHERE enabled AND hop <> '' ORDER BY hop LIMIT %(most)s
"""
_FORGET: Final = "DELETE FROM sessions_app_peercheck WHERE node = %(node)s AND NOT target = ANY(%(hops)s)"
_OWN: Final = "UPDATE sessions_app_node SET certificate_expires = to_timestamp(%s) WHERE name = %s"
_SEEN: Final = """
INSERT INTO sessions_app_peercheck AS c
       (node, target, at, reachable, code, milliseconds, detail, certificate_expires, changed_at)
VALUES (%s, %s, now(), %s, %s, %s, %s, to_timestamp(%s), now())
ON CONFLICT (node, target) DO UPDATE SET at = now(), reachable = excluded.reachable, code = excluded.code,
    milliseconds = excluded.milliseconds, detail = excluded.detail,
    certificate_expires = coalesce(excluded.certificate_expires, c.certificate_expires),
    changed_at = CASE WHEN c.reachable = excluded.reachable THEN c.changed_at ELSE now() END
"""


class Pulse:
    """``clock`` is the loop's; ``gateway`` and ``store`` are looked at, not changed; ``tls`` is kept up to date."""

    def __init__(
        self, conninfo: str, node: str, gateway: Any, store: Any, clock: Callable[[], float], tls: Tls
    ) -> None:
        self.meters = metering.Meters(node)
        self._conninfo = conninfo
        self._gateway = gateway
        self._store = store
        self._clock = clock
        self._tls = tls
        self._ask_soon = False
        self._memory = FreedMemory()
        self._writing: set[asyncio.Future[None]] = set()

    def committed(self, batch: Batch) -> None:
        """A batch of the audit is in the database."""
        metering.BATCHES.observe(len(batch))

    async def run(self) -> None:
        """Until cancelled."""
        beats = 0
        asked = -ASKED_EVERY
        while True:
            due = self._clock() + BEAT
            await asyncio.sleep(BEAT)
            self.meters.look(self._gateway, self._store, max(0.0, self._clock() - due))
            beats += 1
            if beats % WRITTEN_EVERY == 0:
                await self.write()
            if beats % GIVEN_BACK_EVERY == 0:
                await asyncio.to_thread(self._memory.give_back)
            if beats - asked >= (SOON if self._ask_soon else ASKED_EVERY) and beats >= SOON:
                asked, self._ask_soon = beats, False
                await self._ask()

    def routes_changed(self) -> None:
        """There may be other next hops now: ask them without waiting for the minute to be over."""
        self._ask_soon = True

    async def _ask(self) -> None:
        """OPTIONS to every next hop of the routes; what comes of it into its row. A new certificate is taken over."""
        try:
            if await asyncio.to_thread(self._tls.renew):
                logger.info("the TLS certificate has been replaced")
        except TlsError as error:
            logger.error("the TLS certificate stays as it was: %s", error)
        try:
            targets = await asyncio.to_thread(self._targets)
        except (psycopg.Error, OSError) as error:
            logger.warning("next hops are not asked: %s", shortage.words(error))
            return
        metering.CERTIFICATES.clear()
        if self._tls.expires is not None:
            metering.CERTIFICATES.labels("own").set(self._tls.expires)
        ping(self._gateway, targets, self._seen)

    def _targets(self) -> list[str]:
        with psycopg.connect(self._conninfo, connect_timeout=5) as connection:
            rows = connection.execute(_HOPS, {"most": MOST_HOPS}).fetchall()
            hops = [row[0] for row in rows]
            connection.execute(_FORGET, {"node": self.meters.node, "hops": hops})
            connection.execute(_OWN, [self._tls.expires, self.meters.node])
        return hops

    def _seen(self, seen: Seen) -> None:
        if seen.certificate_expires is not None:
            metering.CERTIFICATES.labels(seen.target).set(seen.certificate_expires)
        task = asyncio.ensure_future(asyncio.to_thread(self._record, seen))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    def _record(self, seen: Seen) -> None:
        took = None if seen.seconds is None else 1000 * seen.seconds
        try:
            with psycopg.connect(self._conninfo, connect_timeout=5) as connection:
                detail, expires = seen.detail[:255], seen.certificate_expires
                connection.execute(
                    _SEEN, [self.meters.node, seen.target, seen.reachable, seen.code, took, detail, expires]
                )
        except (psycopg.Error, OSError) as error:
            logger.warning("reachability of %s is not recorded: %s", seen.target, shortage.words(error))

    async def write(self) -> None:
        """Write what was counted. What cannot be written is lost, and said so: it is no record."""
        tally, at = self.meters.take(), self._gateway.wall()
        try:
            await asyncio.to_thread(self._write, at, tally)
        except (psycopg.Error, OSError) as error:
            logger.warning("ten seconds of traffic are not in the charts: %s", shortage.words(error))

    def _write(self, at: float, tally: dict[str, Any]) -> None:
        with psycopg.connect(self._conninfo, connect_timeout=5) as connection:
            metering.write(connection, self.meters.node, at, tally)
