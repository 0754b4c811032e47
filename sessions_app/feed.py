"""Tells the world what has happened, after it is committed: signals, NOTIFY, webhooks, UDP subscribers.

A thread with a connection of its own, so that the event loop only puts a batch into a queue. NOTIFY carries the events
to whichever process has a page, a WebSocket or a stream open (:mod:`sessions_app.live`); at most MOST_TOLD of a batch,
the rest as a number.
"""

from __future__ import annotations

import json
import logging
import queue
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any, Final

import psycopg

from sessions_app import events, journal, shortage, signals
from sessions_app.opensips_events import UDP_NAMES, datagram
from sessions_app.store.batch import Batch

logger = logging.getLogger(__name__)

CHANNEL: Final = "parley_event"
MOST_TOLD: Final = 100
"""Events of messages that one batch may NOTIFY; a batch is 0.2 s."""
LARGEST: Final = 7000
"""Octets of a NOTIFY; PostgreSQL takes 8000."""
MOST_WAITING: Final = 200
"""Batches that may wait; older ones are dropped, and that is said."""
ASKED_EVERY: Final = 2.0
"""Seconds between two looks for webhooks and subscriptions."""


class Feed:
    """Made and stopped on the event loop; :meth:`committed` is the writer's observer."""

    def __init__(self, conninfo: str, node: str) -> None:
        self._conninfo = conninfo
        self._node = node
        self._queue: queue.Queue[Batch | None] = queue.Queue(MOST_WAITING)
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)
        self._webhooks: list[tuple[str, frozenset[str]]] = []
        self._sockets: dict[str, list[tuple[str, int]]] = {}
        self._asked = 0.0
        self._udp: socket.socket | None = None
        self._thread.start()

    def committed(self, batch: Batch) -> None:
        """A batch is in the database."""
        try:
            self._queue.put_nowait(batch)
        except queue.Full:
            logger.warning("events of %d rows are told to nobody: the feed is behind", len(batch))

    def stop(self) -> None:
        """Tell what is waiting, then end."""
        self._queue.put(None)
        self._thread.join(timeout=5)

    def _run(self) -> None:
        connection: psycopg.Connection[Any] | None = None
        while (batch := self._queue.get()) is not None:
            try:
                if connection is None or connection.closed:
                    connection = psycopg.connect(self._conninfo, autocommit=True, connect_timeout=5)
                self._tell(connection, batch)
            except (psycopg.Error, OSError) as error:
                logger.warning("events were not told: %s", shortage.words(error))
                connection = None
            except Exception:
                logger.exception("events were not told")
        if connection is not None:
            connection.close()
        if self._udp is not None:
            self._udp.close()

    def _tell(self, connection: psycopg.Connection[Any], batch: Batch) -> None:
        if time.monotonic() - self._asked > ASKED_EVERY:
            self._ask(connection)
        found = list(events.of_batch(batch, self._node, None if self._wants_messages() else MOST_TOLD))
        if not found:
            return
        found = events.complete(connection, found)
        events.name_sessions(connection, found)
        journal.write(found)
        for payload in payloads(found):
            connection.execute("SELECT pg_notify(%s, %s)", [CHANNEL, payload])
        if self._webhooks:
            self._enqueue(connection, found)
        if self._sockets:
            self._send(found)
        signals.send(found)

    def _wants_messages(self) -> bool:
        """Whether somebody must be told of every delivered message."""
        return (
            any("message_delivered" in names for _, names in self._webhooks)
            or UDP_NAMES["message_delivered"] in self._sockets
            or signals.wanted()
        )

    # ------------------------------------------------------------------------ webhooks and UDP

    def _ask(self, connection: psycopg.Connection[Any]) -> None:
        from sessions_app.subscriptions import may_be_told

        self._asked = time.monotonic()
        rows = connection.execute("SELECT id::text, events FROM sessions_app_webhook WHERE enabled").fetchall()
        self._webhooks = [(identity, frozenset(names)) for identity, names in rows]
        self._sockets = {}
        for event, host, port in connection.execute(
            "SELECT event, host, port FROM sessions_app_eventsubscription"
            " WHERE expires_at IS NULL OR expires_at > now()"
        ):
            if not may_be_told(host):  # of a time when the networks were others
                continue
            self._sockets.setdefault(event, []).append((host, port))

    def _enqueue(self, connection: psycopg.Connection[Any], found: list[dict[str, Any]]) -> None:
        from sessions_app.webhooks import enqueue

        enqueue(connection, self._webhooks, found)

    def _send(self, found: list[dict[str, Any]]) -> None:
        if self._udp is None:
            self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for event in found:
            name = UDP_NAMES.get(event["event"], "")
            for address in self._sockets.get(name, ()):
                try:
                    self._udp.sendto(datagram(name, event), address)
                except OSError as error:
                    logger.info("event subscriber %s:%d: %s", *address, error)


def payloads(found: list[dict[str, Any]]) -> Iterator[str]:
    """JSON arrays that fit into a NOTIFY; a last one says how many events were left out."""
    told, left = [], 0
    messages = 0
    for event in found:
        if event["event"] == "skipped":
            left += event["number"]
            continue
        if event["event"].startswith("message"):
            messages += 1
            if messages > MOST_TOLD:
                left += 1
                continue
        told.append(json.dumps({name: value for name, value in event.items() if name != "incomplete"}))
    if left:
        told.append(json.dumps({"event": "skipped", "number": left}))
    piece: list[str] = []
    size = 2
    for text in told:
        if size + len(text) + 1 > LARGEST and piece:
            yield f"[{','.join(piece)}]"
            piece, size = [], 2
        piece.append(text)
        size += len(text.encode()) + 1
    if piece:
        yield f"[{','.join(piece)}]"
