"""A database of dictionaries: transactions that take their time, that never come while it is away, that die with us.

What is committed outlives the gateway's process; what is not is lost with it, except that of a transaction under way
nobody knows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.simulation.world import World

Row = dict[str, Any]
Work = Callable[["Database"], object]

TRY_AGAIN = 0.5
"""Seconds between two tries while it is away."""
REMEMBER = 120.0
"""Seconds whose messages a successor is told of."""
FINAL = frozenset({"state", "ended_at", "end_reason"})
"""Columns of a session that nobody changes once it has ended."""


class Database:
    """``kept`` is told of each message row that is committed as owed."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.delay = 0.002
        """Seconds that a transaction takes."""
        self.away = False
        self.sessions: dict[str, Row] = {}
        self.messages: dict[str, Row] = {}
        self.failures: list[Row] = []
        self.kept: Callable[[Row], object] = lambda _: None

    # -------------------------------------------------------------------------- writing

    def insert_message(self, row: Row) -> None:
        """A new row; one that is there stays."""
        if row["id"] not in self.messages:
            self.messages[row["id"]] = row
            if row["state"] == "pending":
                self.kept(row)

    def insert_session(self, row: Row) -> None:
        """A new row. The newest session of a key is the only open one."""
        for other in self.sessions.values():
            if other["key"] == row["key"] and other.get("ended_at") is None and row.get("ended_at") is None:
                other["state"] = "ended" if other["state"] == "live" else "failed"
                other["ended_at"] = self.world.now
        self.sessions[row["id"]] = dict(row)

    def change_session(self, identity: str, changes: Row) -> None:
        """Columns with new values; None is as it was."""
        row = self.sessions.get(identity)
        if row is None:
            return
        ended = row.get("ended_at") is not None
        row.update(
            {name: value for name, value in changes.items() if value is not None and not (ended and name in FINAL)}
        )

    def outcome(self, changes: Row) -> None:
        """What became of a message; its body is no longer wanted."""
        row = self.messages.get(changes["id"])
        if row is not None:
            row.update(changes)
            row["body"] = None

    def confirm(
        self, which: Callable[[Row], bool], before: tuple[str, ...], state: str, text: str
    ) -> list[tuple[Row, bool]]:
        """News about messages after their outcome; those rows, and whether it changed their state."""
        found = []
        for row in self.messages.values():
            if which(row):
                changed = row["state"] in before
                row["confirmation"] = text
                if changed:
                    row["state"] = state
                found.append((row, changed))
        return found

    # -------------------------------------------------------------------------- reading

    def owed(self) -> list[Row]:
        """Message rows that somebody is owed, oldest first, each with its session's columns under ``session``."""
        rows = [row for row in self.messages.values() if row["state"] == "pending" and row["body"] is not None]
        return [
            {**row, "session": self.sessions[row["session_id"]]}
            for row in sorted(rows, key=lambda row: row["id"])
            if row["session_id"] in self.sessions
        ]

    def ghosts(self) -> list[Row]:
        """Sessions that are open and have a dialog; those that have none end here."""
        found = []
        for row in self.sessions.values():
            if row.get("ended_at") is None:
                if "call_id" in (row["dialog"] or {}):
                    found.append(row)
                else:
                    row["state"], row["ended_at"] = "failed", self.world.now
        return sorted(found, key=lambda row: row["id"])

    def seen(self) -> list[Row]:
        """Messages of the last minutes, newest first, each with its session's key under ``key``."""
        if not self.messages:
            return []
        since = max(row["received_at"] for row in self.messages.values()) - REMEMBER
        rows = [
            row for row in self.messages.values() if row["received_at"] > since and row["session_id"] in self.sessions
        ]
        rows.sort(key=lambda row: -row["received_at"])
        return [{**row, "key": self.sessions[row["session_id"]]["key"]} for row in rows]


class Lane:
    """One connection to it: a piece of work after the other, each tried until it is done (``store.lane.Lane``)."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queue: deque[tuple[Work, Callable[[], object]]] = deque()
        self._dead = self._busy = False
        self.healthy = True

    def submit(self, work: Work, done: Callable[[], object]) -> None:
        """Do it after what was submitted before."""
        self._queue.append((work, done))
        self._begin()

    def _begin(self) -> None:
        if self._queue and not self._busy:
            self._busy = True
            self._database.world.at(self._database.delay, self._try)

    def _try(self) -> None:
        if self._dead:
            return
        database = self._database
        if database.away:
            self.healthy = False
            database.world.at(TRY_AGAIN, self._try)
            return
        self.healthy = True
        work, done = self._queue.popleft()
        work(database)
        self._busy = False
        done()
        self._begin()

    def stop(self) -> None:
        """End it in order: nothing is under way."""
        self._dead = True

    def die(self) -> None:
        """End it with its process: whether what is under way was committed is the database's secret."""
        if not self._dead and self._queue and not self._database.away and self._database.world.random.random() < 0.5:
            self._queue[0][0](self._database)
        self._dead = True
