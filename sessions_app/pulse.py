"""The process takes its own pulse: twice a second the lag of its loop and its queues, every ten seconds a row."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

import psycopg

from sessions_app import metering
from sessions_app.store.batch import Batch

logger = logging.getLogger(__name__)

BEAT: Final = 0.5
"""Seconds between two looks."""
WRITTEN_EVERY: Final = 20
"""Looks between two rows."""


class Pulse:
    """``clock`` is the loop's; ``gateway`` and ``store`` are looked at, not changed."""

    def __init__(self, conninfo: str, node: str, gateway: Any, store: Any, clock: Callable[[], float]) -> None:
        self.meters = metering.Meters(node)
        self._conninfo = conninfo
        self._gateway = gateway
        self._store = store
        self._clock = clock

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
