"""Group commit: while one transaction is on its way, what arrives gathers for the next.

The loop fills a :class:`Batch`, a thread of its own writes it, and the callbacks come back to the loop. A batch that
somebody waits for is written at once, any other within :data:`LINGER` seconds. While the database is away the batch is
kept and tried again; :attr:`Writer.full` tells the gateway to take on no more.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from typing import Any, Final

import psycopg

from sessions_app.store import columns, transaction
from sessions_app.store.batch import Batch, Committed

logger = logging.getLogger(__name__)

LINGER: Final = 0.2
"""Seconds that rows nobody waits for may gather."""
MANY: Final = 2000
"""Rows at which they do not."""
MOST: Final = 100_000
"""Rows kept while the database is away."""


class Writer:
    """The one writer of a gateway process. All methods but the thread's are called on the event loop."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._batch = Batch()
        self._busy = False
        self._linger: asyncio.TimerHandle | None = None
        self._soon = False
        self._queue: queue.SimpleQueue[Batch | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._idle = asyncio.Event()
        self._idle.set()
        self.healthy = True
        """Whether the last transaction reached the database."""
        self._stopping = False
        self.batches = 0
        self.rows = 0
        self._thread.start()

    # --------------------------------------------------------------------- filling

    def new_session(self, values: dict[str, Any]) -> None:
        """A session with all its columns."""
        self._batch.sessions[values["id"]] = values
        self._touch()

    def change_session(self, identity: str, changes: dict[str, Any]) -> None:
        """Columns of :data:`columns.SESSION_CHANGE` that have new values."""
        batch = self._batch
        known = batch.sessions.get(identity)
        if known is not None:
            known.update(changes)
            return
        known = batch.session_changes.get(identity)
        if known is not None:
            known.update(changes)
        else:
            batch.session_changes[identity] = changes
        self._touch()

    def new_message(self, identity: str, line: str, committed: Committed | None = None, context: Any = None) -> None:
        """A message as its COPY line. ``committed(context)`` is called once it is in the database."""
        self._batch.messages[identity] = line
        self._touch(committed, context)

    def finish_message(self, line: str) -> None:
        """The outcome of a message that was given to :meth:`new_message` before, as a COPY line."""
        self._batch.outcomes.append(line)
        self._touch()

    def setup_failure(self, values: dict[str, Any], committed: Committed | None = None) -> None:
        """A failed set-up; ``committed`` gets ``values`` once it is in the database."""
        self._batch.failures.append(values)
        self._touch(committed, values)

    def event(self, session: str, at: float, kind: str, detail: str = "") -> None:
        """A step in a session's life."""
        self._batch.events.append(
            columns.row(columns.SESSION_EVENT, {"session_id": session, "at": at, "kind": kind, "detail": detail})
        )
        self._touch()

    @property
    def full(self) -> bool:
        """Whether so much waits for the database that nothing more should be promised."""
        return len(self._batch) > MOST

    @property
    def waiting(self) -> int:
        """Rows that are not yet on their way."""
        return len(self._batch)

    def _touch(self, committed: Committed | None = None, context: Any = None) -> None:
        batch = self._batch
        if committed is not None:
            batch.callbacks.append((committed, context))
            batch.durable = True
            if not self._busy and not self._soon:
                self._soon = True
                self._loop.call_soon(self._submit)  # with all else that this turn of the loop brings
        elif self._linger is None and not self._busy:
            self._linger = self._loop.call_later(LINGER, self._submit)
        elif not self._busy and not self._soon and len(batch.messages) > MANY:
            self._soon = True
            self._loop.call_soon(self._submit)

    def _submit(self) -> None:
        self._soon = False
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        if self._busy or not len(self._batch):
            return
        batch, self._batch = self._batch, Batch()
        self._busy = True
        self._idle.clear()
        self._queue.put(batch)

    def _committed(self, batch: Batch) -> None:
        self._busy = False
        self.batches += 1
        self.rows += len(batch)
        for committed, context in batch.callbacks:
            try:
                committed(context)
            except Exception:
                logger.exception("a commit callback failed")
        if self._batch.durable or len(self._batch) > MANY:
            self._submit()
        elif len(self._batch) and self._linger is None:
            self._linger = self._loop.call_later(LINGER, self._submit)
        if not self._busy:
            self._idle.set()

    async def flush(self, timeout: float) -> bool:
        """Write all there is; False if the database did not take it within ``timeout`` seconds."""
        try:
            async with asyncio.timeout(timeout):
                while self._busy or len(self._batch):
                    self._submit()
                    await self._idle.wait()
        except TimeoutError:
            return False
        return True

    def stop(self) -> None:
        """End the thread after what it has in hand."""
        self._stopping = True
        self._queue.put(None)
        self._thread.join(timeout=5)

    # ------------------------------------------------------------------ the thread

    def _run(self) -> None:
        connection: transaction.Connection | None = None
        while (batch := self._queue.get()) is not None:
            pause = 0.1
            while True:
                try:
                    if connection is None:
                        connection = psycopg.connect(self._conninfo, connect_timeout=5)
                        transaction.prepare(connection)
                    transaction.write(connection, batch)
                    break
                except psycopg.Error as error:
                    if self.healthy:
                        logger.error("the database does not take rows, trying again: %s", str(error).strip())
                    self.healthy = False
                    if connection is not None:
                        connection.close()
                        connection = None
                    if self._stopping:
                        return  # without the callbacks: nothing was kept, so nothing may be promised
                    time.sleep(pause)
                    pause = min(2 * pause, 2.0)
            if connection is not None and not self.healthy:
                self.healthy = True
                logger.warning("the database takes rows again")
            self._loop.call_soon_threadsafe(self._committed, batch)
        if connection is not None:
            connection.close()
