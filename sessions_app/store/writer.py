"""Group commit: while one transaction is on its way, what arrives gathers for the next.

Two kinds of rows have a lane each. *Obligations*, messages that somebody is told we have, are committed as soon as
their lane is free, by one COPY, so that the telling is not late. The *audit*, all the rest, gathers for
:data:`LINGER` seconds and is one larger transaction.

An obligation is of use after a crash only with its session's row, so it goes with that where it is not written yet.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

from sessions_app.store import transaction
from sessions_app.store.batch import Batch, Committed, Then
from sessions_app.store.confirmations import Confirmation
from sessions_app.store.lane import Lane

logger = logging.getLogger(__name__)

LINGER: Final = 0.2
"""Seconds that the audit may gather."""
MANY: Final = 2000
"""Rows at which it does not."""
MOST: Final = 100_000
"""Rows kept while the database is away; then nothing more is promised."""


class Obligation:
    """A message that is owed to somebody: its row, and what is to happen once it is committed."""

    __slots__ = ("_committed", "_context", "_outcome", "_then", "kept", "line")

    def __init__(self, line: str, committed: Committed, context: Any) -> None:
        self.line = line
        self.kept = False
        """Whether the row is committed."""
        self._committed = committed
        self._context = context
        self._outcome: str | None = None
        self._then: Then | None = None

    @classmethod
    def of_row(cls) -> Obligation:
        """One whose row is in the database from before this process."""
        obligation = cls("", _nothing_more, None)
        obligation.kept = True
        return obligation

    def settle(self, writer: Writer) -> None:
        """The row is committed."""
        self.kept = True
        self._committed(self._context)
        if self._outcome is not None:
            writer.finish_message(self, self._outcome, self._then)

    def ended_early(self, outcome: str, then: Then | None) -> None:
        """The outcome came before the commit; it must not be written before the row is."""
        self._outcome, self._then = outcome, then


def _nothing_more(_: Any) -> None:
    """Whoever was told, was told before."""


def _call(then: Then) -> None:
    then()


class Writer:
    """The one writer of a gateway process; all of it is called on the event loop."""

    def __init__(self, conninfo: str, *, bodies_kept: Iterable[str] = ()) -> None:
        """``bodies_kept``: outcomes after which a body stays in its row."""
        self._loop = asyncio.get_running_loop()
        self._audit = Batch()
        self._audit_lane = Lane("store-audit", conninfo, partial(transaction.prepare, bodies_kept=bodies_kept))
        self._audit_busy = False
        self._linger: asyncio.TimerHandle | None = None
        self._soon = False
        # Sessions whose row is not committed, or an obligation of which is on its way with the audit: what they owe
        # goes there too, or the later one could be committed first, and alone be there after a crash.
        self._unwritten: set[str] = set()
        self._owed: list[Obligation] = []
        self._owed_lane = Lane("store-owed", conninfo)
        self._owed_busy = 0
        self._owed_soon = False
        self._progress = asyncio.Event()
        self.observer: Callable[[Batch], object] | None = None
        """Told of each batch of the audit once it is committed."""
        self.batches = 0
        """Transactions committed."""
        self.rows = 0
        """Rows committed."""

    # ------------------------------------------------------------------------ obligations

    def keep_message(
        self, session: str, line: str, committed: Committed, context: Any, *, with_audit: bool = False
    ) -> Obligation:
        """A message that is owed, as its COPY line. ``committed(context)`` is called once it is kept.

        ``with_audit``: in one transaction with what else is written in this turn of the loop.
        """
        obligation = Obligation(line, committed, context)
        if with_audit or session in self._unwritten:
            self._audit.messages.append(line)
            self._audit.owing.add(session)
            self._unwritten.add(session)
            self._audit.callbacks.append((obligation.settle, self))
            self._audit.urgent = True
            self._touch()
            return obligation
        self._owed.append(obligation)
        if not self._owed_soon and not self._owed_busy:
            self._owed_soon = True
            self._loop.call_soon(self._submit_owed)  # with all else that this turn of the loop brings
        return obligation

    def _submit_owed(self) -> None:
        self._owed_soon = False
        if not self._owed or self._owed_busy:
            return
        owed, self._owed = self._owed, []
        self._owed_busy = len(owed)
        lines = [obligation.line for obligation in owed]
        self._owed_lane.submit(
            lambda connection: transaction.keep(connection, lines), lambda: self._owed_committed(owed)
        )

    def _owed_committed(self, owed: list[Obligation]) -> None:
        self._owed_busy = 0
        self._submit_owed()
        self._count(len(owed))
        self._tell([(obligation.settle, self) for obligation in owed])

    # ------------------------------------------------------------------------------ audit

    def new_session(self, values: dict[str, Any]) -> None:
        """A session with its columns."""
        self._audit.sessions[values["id"]] = values
        self._unwritten.add(values["id"])
        self._touch()

    def change_session(self, identity: str, changes: dict[str, Any]) -> None:
        """Columns of :data:`columns.SESSION_CHANGE` that have new values."""
        batch = self._audit
        known = batch.sessions.get(identity) or batch.session_changes.get(identity)
        if known is not None:
            known.update(changes)
            return
        batch.session_changes[identity] = changes
        self._touch()

    def new_message(self, line: str) -> None:
        """A message that nobody is owed any more, as its COPY line."""
        self._audit.messages.append(line)
        self._touch()

    def finish_message(self, obligation: Obligation, outcome: str, then: Then | None = None) -> None:
        """The outcome of a message that was owed, as a COPY line; ``then`` is called once it is in the database."""
        if not obligation.kept:
            obligation.ended_early(outcome, then)
            return
        self._audit.outcomes.append(outcome)
        if then is not None:
            self._audit.callbacks.append((_call, then))
            self._audit.urgent = True
        self._touch()

    def confirm(self, news: Confirmation) -> None:
        """News about a message after its outcome."""
        self._audit.confirmations.append(news)
        self._touch()

    def setup_failure(self, values: dict[str, Any], committed: Committed | None = None) -> None:
        """A failed set-up; ``committed`` gets ``values`` once it is in the database."""
        self._audit.failures.append(values)
        if committed is not None:
            self._audit.callbacks.append((committed, values))
        self._touch()

    def event(self, line: str) -> None:
        """A step in a session's life, as its COPY line."""
        self._audit.events.append(line)
        self._touch()

    def _touch(self) -> None:
        if self._audit_busy or self._soon:
            return
        batch = self._audit
        if batch.urgent or len(batch.messages) + len(batch.outcomes) > MANY:
            self._soon = True
            self._loop.call_soon(self._submit_audit)
        elif self._linger is None:
            self._linger = self._loop.call_later(LINGER, self._submit_audit)

    def _submit_audit(self) -> None:
        self._soon = False
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        batch = self._audit
        if self._audit_busy or not len(batch):
            return
        self._audit = Batch()
        self._audit_busy = True
        self._audit_lane.submit(
            lambda connection: transaction.write(connection, batch), lambda: self._audit_committed(batch)
        )

    def _audit_committed(self, batch: Batch) -> None:
        self._audit_busy = False
        self._unwritten.difference_update(batch.sessions)
        self._unwritten.difference_update(batch.owing)
        self._unwritten.update(self._audit.owing)
        self._count(len(batch))
        self._tell(batch.callbacks)
        if self.observer is not None:
            self.observer(batch)
        if len(self._audit):
            self._touch()

    # ------------------------------------------------------------------------------- both

    def _tell(self, callbacks: list[tuple[Committed, Any]]) -> None:
        for committed, context in callbacks:
            try:
                committed(context)
            except Exception:
                logger.exception("a commit callback failed")

    def _count(self, rows: int) -> None:
        self.batches += 1
        self.rows += rows
        self._progress.set()

    @property
    def healthy(self) -> bool:
        """Whether the database takes rows."""
        return self._owed_lane.healthy and self._audit_lane.healthy

    @property
    def waiting(self) -> int:
        """Rows that are not committed, less those of the audit that are on their way."""
        return len(self._audit) + len(self._owed) + self._owed_busy

    @property
    def full(self) -> bool:
        """Whether so much waits for the database that nothing more should be promised."""
        return len(self._audit.messages) + len(self._audit.outcomes) + len(self._owed) > MOST

    async def flush(self, timeout: float) -> bool:
        """Write all there is; False if the database did not take it within ``timeout`` seconds."""
        try:
            async with asyncio.timeout(timeout):
                while self._audit_busy or self.waiting:
                    self._progress.clear()
                    self._submit_owed()
                    self._submit_audit()
                    await self._progress.wait()
        except TimeoutError:
            return False
        return True

    def stop(self) -> None:
        """End the lanes after what they have in hand."""
        self._owed_lane.stop()
        self._audit_lane.stop()
