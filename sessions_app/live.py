"""Events of all gateway processes, in a process that has pages open: one LISTEN, handed on to whoever is connected.

A thread waits for NOTIFYs while there is at least one :class:`Listener`; each gets the events in its own event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from typing import Any, Final

import psycopg
from django.db import close_old_connections

from sessions_app import json_text, shortage
from sessions_app.feed import CHANNEL
from sessions_app.store.database import conninfo

logger = logging.getLogger(__name__)

MOST_WAITING: Final = 1000
"""Events that may wait for one listener; when there are more, it is told how many it missed."""


class Listener:
    """Somebody who wants events; made and read in one event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(MOST_WAITING)
        self._missed = 0

    @property
    def waiting(self) -> bool:
        """Whether an event is there already."""
        return not self._queue.empty()

    async def get(self) -> dict[str, Any]:
        """The next event."""
        if self._missed and self._queue.empty():
            missed, self._missed = self._missed, 0
            return {"event": "skipped", "number": missed}
        return await self._queue.get()

    def put(self, found: list[dict[str, Any]]) -> None:
        """Called by the thread that listens."""
        with contextlib.suppress(RuntimeError):  # its loop has ended
            self._loop.call_soon_threadsafe(self._put, found)

    def _put(self, found: list[dict[str, Any]]) -> None:
        for event in found:
            try:
                self._queue.put_nowait(event)
            except asyncio.QueueFull:
                self._missed += 1


class Hub:
    """The one of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: set[Listener] = set()
        self._thread: threading.Thread | None = None

    def add(self, listener: Listener) -> None:
        """Begin to tell it."""
        with self._lock:
            self._listeners.add(listener)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="live", daemon=True)
                self._thread.start()

    def drop(self, listener: Listener) -> None:
        """Tell it nothing more; the thread ends when nobody is left."""
        with self._lock:
            self._listeners.discard(listener)

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            try:
                with psycopg.connect(conninfo(), autocommit=True, connect_timeout=5) as connection:
                    close_old_connections()
                    connection.execute(f"LISTEN {CHANNEL}")
                    while self._wanted():
                        for notice in connection.notifies(timeout=1.0):
                            self._hand_on(notice.payload)
                return
            except Exception as error:
                logger.warning("live events: %s", shortage.words(error))
                pause.wait(2.0)
                if not self._wanted():
                    return

    def _wanted(self) -> bool:
        with self._lock:
            if not self._listeners:
                self._thread = None
                return False
            return True

    def _hand_on(self, payload: str) -> None:
        try:
            found = json_text.read(payload)
        except ValueError:
            return
        if not isinstance(found, list):
            return
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener.put(found)


hub = Hub()


@contextlib.contextmanager
def listening() -> Any:
    """A listener while the block lasts."""
    listener = Listener()
    hub.add(listener)
    try:
        yield listener
    finally:
        hub.drop(listener)
