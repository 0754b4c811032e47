"""The tracer: a thread that keeps the tape's newest entries and stores what belongs to a session that is of interest.

With ``failures`` entries lie in a ring, unread, until a set-up or a message fails; then the ring is split into frames
once, and those of the failed session go into the table, as do what follow within AFTER seconds. With ``all``, and while
something is captured or exported by HEP, every entry is read as it comes. What a session's frames are named by, its
Call-ID, its MSRP session-id and the Call-IDs of its messages, is learned from its rows after they are committed.

A thread with a connection of its own. What the database does not take is dropped: a trace is no promise.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final

import psycopg

from sessions_app import journal, shortage
from sessions_app.conf import GatewayConfig
from sessions_app.metering import TRACE_LOST as LOST
from sessions_app.store import columns, message_rows
from sessions_app.store.batch import Batch
from sessions_app.store.transaction import EVENT_TABLE, copy
from sessions_app.trace import refusals, table
from sessions_app.trace.export import Exporter
from sessions_app.trace.frames import Frame, Splitter, session_id
from sessions_app.trace.refusals import Refusals
from sessions_app.trace.tape import Stretch, Tape

logger = logging.getLogger(__name__)

ROUND: Final = 0.25
"""Seconds between two looks at the tape."""
AFTER: Final = 4.0
"""Seconds after a failure in which the frames of its session are stored: its last answers, its BYE."""
OLDEST: Final = 60.0
"""Seconds that an entry stays in the ring at the most; an INVITE rings for 40."""
MOST_FAILED: Final = 50
"""Failed sessions that are looked for at once; of more the frames are not stored."""
MOST_SAID: Final = 200
"""Failed sessions of one round which are told that they have no frames."""
ROUNDS_BACK: Final = 4
"""Rounds in which the request of a refusal is looked for: it is answered at once."""
MOST_CALLS: Final = 200
"""Messages of a session whose frames are looked for, the newest."""
LEARNED: Final = 100_000
"""Names of one generation where everything is stored."""
_MESSAGE: Final = tuple(columns.MESSAGE)
_AT = {name: place for place, name in enumerate(_MESSAGE)}
_FAILED: Final = frozenset({"failed", "expired"})

_NAMES: Final = """
SELECT id::text, call_id, local_path,
       ARRAY(SELECT call_id FROM sessions_app_messagerecord AS message WHERE message.session_id = session.id
              AND received_at > now() - interval '2 minutes' ORDER BY received_at DESC LIMIT %s)
  FROM sessions_app_gatewaysession AS session WHERE id = ANY(%s::uuid[])
"""
_MISSED: Final = "Too many sessions failed at once: no frames of this failure are on record."
_CALLS: Final = "SELECT session_id::text, call_id FROM sessions_app_messagerecord WHERE id = ANY(%s::uuid[])"


class _Segment:
    """Entries of one round; frames by name once they were split."""

    __slots__ = ("at", "entries", "frames", "size")

    def __init__(self, stretch: Stretch, at: float) -> None:
        self.entries: list[Any] | None = stretch.entries
        self.at = at
        self.size = stretch.size
        self.frames: dict[str, list[Frame]] = {}


def _failed_messages(batches: Iterable[Batch]) -> list[list[str]]:
    """Rows of messages that came and failed within a batch, as far as their Call-ID."""
    last = _AT["call_id"] + 1
    lines = (line for batch in batches for line in batch.messages)
    return [row for line in lines if (row := line.split("\t", last))[_AT["state"]] in _FAILED]


def _lost(what: str, number: int) -> None:
    LOST.labels(what).inc(number)


class Tracer:
    """Made on the event loop; everything but :meth:`committed`, :meth:`capture` and :meth:`stop` is its thread's."""

    def __init__(self, conninfo: str, config: GatewayConfig, tape: Tape, trusts: Callable[[str], bool]) -> None:
        self._conninfo = conninfo
        self._config = config
        self._tape = tape
        self._keep = config.trace_bodies == "keep"
        self._all = config.trace == "all"
        self._failures = config.trace == "failures"
        self._hep = Exporter(config) if config.hep else None
        tape.on = self._always = config.trace != "off" or self._hep is not None
        self._queue: queue.SimpleQueue[Batch | tuple[str, float] | None] = queue.SimpleQueue()
        self._ring: deque[_Segment] = deque()
        self._size = 0
        self._splitter = Splitter()
        self._wanted: dict[str, float] = {}
        self._known: list[dict[str, tuple[str, str]]] = [{}, {}]
        self._written = 0
        self._connection: psycopg.Connection[Any] | None = None
        self._refusals = Refusals(trusts, _lost)
        self._recent: deque[Stretch] = deque(maxlen=ROUNDS_BACK)
        self._tape_lost = 0
        self._thread = threading.Thread(target=self._run, name="tracer", daemon=True)
        self._thread.start()

    def committed(self, batch: Batch) -> None:
        """A batch of the audit is in the database."""
        if self._tape.on:
            self._queue.put(batch)

    def capture(self, session: str, seconds: float) -> str:
        """Store the frames of a session for so long, and those of it that are still in the ring."""
        self._tape.on = True
        self._queue.put((session, seconds))
        return f"captured for {seconds:g} s"

    def stop(self) -> None:
        """Store what is wanted, then end."""
        self._queue.put(None)
        self._thread.join(timeout=5)

    # ------------------------------------------------------------------------------ thread

    def _run(self) -> None:
        stopping = False
        due = time.monotonic()
        while not stopping:
            due = max(due + ROUND, time.monotonic())
            batches: list[Batch] = []
            while True:
                try:
                    item = self._queue.get(timeout=max(0.0, due - time.monotonic()))
                except queue.Empty:
                    break
                if item is None:
                    stopping = True
                    break
                if isinstance(item, Batch):
                    batches.append(item)
                else:
                    self._wanted[item[0]] = max(self._wanted.get(item[0], 0.0), time.time() + item[1])
            try:
                self._round(batches)
            except (psycopg.Error, OSError) as error:
                logger.warning("frames were not stored: %s", shortage.words(error))
                _lost("rounds", 1)
                self._connection = None
            except Exception:
                logger.exception("the tracer lost a round")
        if self._connection is not None:
            self._connection.close()

    def _round(self, batches: list[Batch]) -> None:
        now = time.time()
        taken = self._tape.take()
        if taken.entries:
            self._recent.append(taken)
            while len(self._recent) > 1 and sum(each.size for each in self._recent) > self._config.trace_ring:
                self._recent.popleft()  # they are of the ring's octets, and must not outlive them there
            self._ring.append(_Segment(taken, now))
            self._size += taken.size
        if self._tape.lost > self._tape_lost:
            _lost("entries", self._tape.lost - self._tape_lost)
            self._tape_lost = self._tape.lost
        if self._failures or self._all:
            lost = _failed_messages(batches)
            if self._failures:
                self._note_failures(batches, lost, now)
            self._note_refusals(taken.entries, batches, lost, now)
        if self._all or self._hep is not None or self._wanted:
            fresh = self._split()
            if self._hep is not None:
                for frame in fresh:
                    self._hep.send(frame)
        rows: list[tuple[Frame, str, str]] = []
        if self._all:
            self._learn(batches)
            rows += self._resolve()
        if self._wanted:
            rows += self._harvest()
            self._wanted = {session: until for session, until in self._wanted.items() if until > now}
            if not self._wanted and not self._always:
                self._tape.on = False
        self._evict(now)
        if rows:
            self._write(rows)

    def _split(self) -> list[Frame]:
        fresh: list[Frame] = []
        for segment in self._ring:
            if segment.entries is not None:
                for frame in self._splitter.expand(segment.entries):
                    segment.frames.setdefault(frame.name, []).append(frame)
                    fresh.append(frame)
                segment.entries = None
        return fresh

    def _evict(self, now: float) -> None:
        ring = self._ring
        while ring and (self._size > self._config.trace_ring or ring[0].at < now - OLDEST):
            gone = ring.popleft()
            self._size -= gone.size
            if gone.entries is not None:
                self._splitter.forget()

    # -- whose they are

    def _note_failures(self, batches: Iterable[Batch], lost: list[list[str]], now: float) -> None:
        failed = {row[_AT["session_id"]] for row in lost}
        late: list[str] = []
        missed: list[str] = []
        for batch in batches:
            failed.update(each["session_id"] for each in batch.failures if each["session_id"] is not None)
            late += [row[0] for line in batch.outcomes if (row := line.split("\t", 2))[1] in _FAILED]
        if late:
            found = self._ask(_CALLS, [late[:1000]])
            failed.update(session for session, _ in found)
            self._refusals.on_record(call_id for _, call_id in found)
        for session in failed:
            if session in self._wanted or len(self._wanted) < MOST_FAILED:
                self._wanted[session] = max(self._wanted.get(session, 0.0), now + AFTER)
            else:
                missed.append(session)
        if missed:
            _lost("sessions", len(missed))
            self._say_missed(missed[:MOST_SAID], now)

    def _say_missed(self, sessions: list[str], now: float) -> None:
        """A step of each session that says why it has no frames."""
        lines = [message_rows.event(session, now, "frames_missing", _MISSED) for session in sessions]
        copy(self._connected(), EVENT_TABLE, columns.SESSION_EVENT, lines)

    def _note_refusals(self, entries: list[Any], batches: Iterable[Batch], lost: list[list[str]], now: float) -> None:
        for batch in batches:
            self._refusals.failed(each for each in batch.failures if each["session_id"] is None)
            self._refusals.on_record(values["call_id"] for values in batch.sessions.values())
        self._refusals.on_record(row[_AT["call_id"]] for row in lost)
        self._refusals.look(entries, [each.entries for each in reversed(self._recent)], now)
        for refused in self._refusals.due(now):
            identity = self._refusals.row_of(refused)
            if identity is None:
                row = refusals.write(self._connected(), refused, self._config.node_name)
                journal.refused(row)
                identity = row["id"]
            self._write([(each, identity, refused.leg) for each in (refused.request, refused.answer)])

    def _harvest(self) -> list[tuple[Frame, str, str]]:
        """Frames in the ring of those who are wanted."""
        found = []
        for session, call_id, path, calls in self._ask(_NAMES, [MOST_CALLS, list(self._wanted)]):
            ours = session_id(path)
            for name in {call_id, ours, *calls} - {""}:
                leg = "msrp" if name in (call_id, ours) else "message"
                for segment in self._ring:
                    for frame in segment.frames.get(name, ()):
                        if not frame.stored:
                            frame.stored = True
                            found.append((frame, session, leg))
        return found

    def _learn(self, batches: Iterable[Batch]) -> None:
        """Names of whoever is new, where everything is stored."""
        if len(self._known[0]) > LEARNED:
            self._known = [{}, self._known[0]]
        known = self._known[0]
        late: list[str] = []
        for batch in batches:
            for values in batch.sessions.values():
                known[values["call_id"]] = values["id"], "msrp"
                known[session_id(values["local_path"])] = values["id"], "msrp"
            for identity, changes in batch.session_changes.items():
                if "local_path" in changes:
                    known[session_id(changes["local_path"])] = identity, "msrp"
            for line in batch.messages:
                row = line.split("\t", 7)
                known[row[_AT["call_id"]]] = row[_AT["session_id"]], "message"
            late += [line.partition("\t")[0] for line in batch.outcomes]
        if late:
            for session, call_id in self._ask(_CALLS, [late]):
                known[call_id] = session, "message"

    def _resolve(self) -> list[tuple[Frame, str, str]]:
        """Frames whose session is known by now. One that is not yet stays in the ring and is asked about again."""
        found = []
        newest, older = self._known
        for segment in self._ring:
            frames = segment.frames
            for name in list(frames):
                whose = newest.get(name) or older.get(name)
                if whose is not None:
                    for frame in frames.pop(name):
                        if not frame.stored:
                            frame.stored = True
                            found.append((frame, *whose))
        return found

    # -- database

    def _ask(self, query: str, values: list[Any]) -> list[Any]:
        return self._connected().execute(query, values).fetchall()

    def _connected(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self._conninfo, autocommit=True, connect_timeout=5)
        return self._connection

    def _write(self, rows: list[tuple[Frame, str, str]]) -> None:
        rows.sort(key=lambda row: row[0].at)
        lines = [table.line(*row, keep_bodies=self._keep) for row in rows]
        connection = self._connected()
        with connection.transaction():
            table.write(connection, lines, {session for _, session, _ in rows})
        self._written += sum(len(frame.data) + table.ROW for frame, _, _ in rows)
        if self._written > self._config.trace_bytes // 10:  # between two cleanups the table may not grow without bound
            self._written = 0
            table.hold(connection.execute, self._config.trace_bytes)
