"""This process among the gateway's processes: its row and heartbeat, and the commands that come to it.

A command is a row and a NOTIFY. The NOTIFY wakes, the row survives: what was asked while the process was away or
the connection down is found when it is back.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any, Final

import psycopg

from sessions_app import __version__
from sessions_app.shortage import words
from sessions_app.store.succession import Succession

logger = logging.getLogger(__name__)

COMMANDS: Final = "parley_command"
ROUTES: Final = "parley_routes"
HEARTBEAT: Final = 5.0
"""Seconds between two heartbeats, and between two looks for commands whose NOTIFY was lost."""


def _nothing(*_: object) -> None:
    """Where nobody asked."""


def mark_draining(conninfo: str, node: str, wish: bool) -> None:
    """Say in the node's row whether it takes new sessions."""
    with psycopg.connect(conninfo) as connection:
        connection.execute(
            "UPDATE sessions_app_node SET draining_since = CASE WHEN %s THEN coalesce(draining_since, now()) END"
            " WHERE name = %s",
            [wish, node],
        )


class NodeLink:
    """A thread with a connection of its own that listens.

    ``on_command(verb, session id or None, by, argument)`` carries a command out and says what came of it;
    ``on_routes()`` is told that the routes or peers changed; ``on_heritage(node)`` that this process inherits from a
    dead one; ``on_buried()`` that another one took this process for dead and inherits from it. All are called in this
    thread.
    """

    def __init__(
        self,
        conninfo: str,
        node: str,
        listeners: list[str],
        *,
        on_command: Callable[[str, str | None, str, dict[str, Any]], str],
        on_routes: Callable[[], object],
        on_heritage: Callable[[str], object] = _nothing,
        on_buried: Callable[[], object] = _nothing,
        timeout: float = 30.0,
    ) -> None:
        self._conninfo = conninfo
        self._node = node
        self._listeners = listeners
        self._on_command = on_command
        self._on_routes = on_routes
        self._on_heritage = on_heritage
        self._on_buried = on_buried
        self._succession = Succession(node, timeout, time.monotonic)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="node-link", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Say that this node is gone."""
        self._stopping.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        pause = 0.5
        first = True
        while not self._stopping.is_set():
            try:
                with psycopg.connect(self._conninfo, autocommit=True, connect_timeout=5) as connection:
                    if not first:
                        self._succession.forget()
                        self._look_for_our_grave(connection)
                    self._register(connection)
                    connection.execute(f"LISTEN {COMMANDS}")
                    connection.execute(f"LISTEN {ROUTES}")
                    if not first:
                        self._on_routes()  # they may have changed while nobody listened
                    first = False
                    pause = 0.5
                    self._listen(connection)
            except Exception as error:
                if not self._stopping.is_set():
                    ours = not isinstance(error, psycopg.Error | OSError)
                    logger.error("lost touch with the database: %s", words(error), exc_info=ours)
                    self._stopping.wait(pause)
                    pause = min(2 * pause, 10)

    def _listen(self, connection: psycopg.Connection[Any]) -> None:
        self._commands(connection)
        beat = time.monotonic() + HEARTBEAT
        while True:
            # As a list: the connection is locked while it is asked for notices, and commands need it.
            for notice in list(connection.notifies(timeout=0.5, stop_after=1)):
                if notice.channel == ROUTES:
                    self._on_routes()
                elif notice.payload in ("", self._node):
                    self._commands(connection)
            if self._stopping.is_set():
                connection.execute(
                    "UPDATE sessions_app_node SET stopped_at = now(), heartbeat_at = now() WHERE name = %s",
                    [self._node],
                )
                return
            if time.monotonic() >= beat:
                beat = time.monotonic() + HEARTBEAT
                self._look_for_our_grave(connection)
                connection.execute("UPDATE sessions_app_node SET heartbeat_at = now() WHERE name = %s", [self._node])
                self._commands(connection)
                for dead in self._succession.buried(connection):
                    self._on_heritage(dead)

    def _look_for_our_grave(self, connection: psycopg.Connection[Any]) -> None:
        row = connection.execute(
            "UPDATE sessions_app_node AS node SET stopped_at = NULL FROM sessions_app_node AS before"
            " WHERE node.name = %s AND before.name = node.name RETURNING before.stopped_at",
            [self._node],
        ).fetchone()
        if row is not None and row[0] is not None:
            self._on_buried()

    def _register(self, connection: psycopg.Connection[Any]) -> None:
        connection.execute(
            "INSERT INTO sessions_app_node (name, version, pid, listeners, started_at, heartbeat_at)"
            " VALUES (%s, %s, %s, %s, now(), now())"
            " ON CONFLICT (name) DO UPDATE SET version = excluded.version, pid = excluded.pid,"
            " listeners = excluded.listeners, started_at = excluded.started_at,"
            " heartbeat_at = excluded.heartbeat_at, stopped_at = NULL",
            [self._node, __version__, os.getpid(), json.dumps(self._listeners)],
        )

    def _commands(self, connection: psycopg.Connection[Any]) -> None:
        rows = connection.execute(
            "SELECT id, verb, session_id::text, by, argument FROM sessions_app_nodecommand"
            " WHERE node = %s AND done_at IS NULL ORDER BY id LIMIT 1000",
            [self._node],
        ).fetchall()
        for identity, verb, session, by, argument in rows:
            try:
                result = self._on_command(verb, session, by, argument)
            except Exception as error:
                logger.exception("command %s failed", identity)
                result = f"failed: {error}"
            connection.execute(
                "UPDATE sessions_app_nodecommand SET done_at = now(), result = %s WHERE id = %s",
                [result[:255], identity],
            )
