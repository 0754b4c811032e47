"""A thread with a database connection that carries out one piece of work after the other, and does not give up.

Work is a callable that gets the connection and is one transaction. While the database is away it is tried again until
the lane is stopped; what it must not be is half done, so it is tried on a new connection from the start. Whatever else
keeps it from being done, a lack of descriptors or a mistake of ours, is no reason to give up either: a lane that is
gone would leave everybody who waits for it without an answer.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from typing import Any

import psycopg

from sessions_app.shortage import words

logger = logging.getLogger(__name__)

LONGEST_PAUSE = 0.5
"""Seconds between two tries while the database is away: promises, and MESSAGEs that are repeated, wait for the one that
succeeds."""

Connection = psycopg.Connection[Any]
Work = Callable[[Connection], object]
Done = Callable[[], object]


class Lane:
    """``done`` of each piece of work is called on the event loop, in order, after its transaction is committed."""

    def __init__(self, name: str, conninfo: str, prepare: Work | None = None) -> None:
        self._conninfo = conninfo
        self._prepare = prepare
        self._queue: queue.SimpleQueue[tuple[Work, Done] | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.healthy = True
        """Whether the last try reached the database."""
        self._thread.start()

    def submit(self, work: Work, done: Done) -> None:
        """Do it after what was submitted before."""
        self._queue.put((work, done))

    def stop(self) -> None:
        """End the thread. Work that waits for the database is dropped, and its ``done`` never called."""
        self._stopping.set()
        self._queue.put(None)
        self._thread.join(timeout=5)

    def _run(self) -> None:
        connection: Connection | None = None
        while (item := self._queue.get()) is not None:
            work, done = item
            pause = 0.1
            while not self._stopping.is_set() or self.healthy:
                try:
                    connection = connection or self._connect()
                    work(connection)
                except Exception as error:
                    self._report(error)
                    if connection is not None:
                        connection.close()
                        connection = None
                    self._stopping.wait(pause)
                    pause = min(2 * pause, LONGEST_PAUSE)
                else:
                    if not self.healthy:
                        self.healthy = True
                        logger.warning("the database takes rows again")
                    self._loop.call_soon_threadsafe(done)
                    break
        if connection is not None:
            connection.close()

    def _connect(self) -> Connection:
        connection = psycopg.connect(self._conninfo, autocommit=True, connect_timeout=5)
        if self._prepare is not None:
            self._prepare(connection)
        return connection

    def _report(self, error: Exception) -> None:
        if self.healthy:
            ours = not isinstance(error, psycopg.Error | OSError)
            logger.error("the database does not take rows, trying again: %s", words(error), exc_info=ours)
        self.healthy = False
