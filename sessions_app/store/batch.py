"""What one transaction of the audit will write: gathered on the event loop, carried out by a lane's thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sessions_app.store.confirmations import Confirmation

Committed = Callable[[Any], object]
Then = Callable[[], object]


class Batch:
    """Rows by table. A session that is new in this batch takes its later changes into the same row."""

    __slots__ = ("callbacks", "confirmations", "events", "failures", "messages", "outcomes", "owing", "session_changes",
                 "sessions", "urgent")  # fmt: skip

    def __init__(self) -> None:
        self.sessions: dict[str, dict[str, Any]] = {}
        """New sessions by id, each with every column."""
        self.session_changes: dict[str, dict[str, Any]] = {}
        """Changed columns of sessions that are in the database."""
        self.messages: list[str] = []
        """New messages, as COPY lines."""
        self.owing: set[str] = set()
        """Sessions of the obligations among them."""
        self.outcomes: list[str] = []
        """Outcomes of messages that are in the database, as COPY lines."""
        self.failures: list[dict[str, Any]] = []
        self.events: list[str] = []
        """Steps of sessions, as COPY lines."""
        self.confirmations: list[Confirmation] = []
        """News about messages whose outcome is, or is with this batch, in the database."""
        self.callbacks: list[tuple[Committed, Any]] = []
        """Called on the loop, in order, once the transaction is committed."""
        self.urgent = False
        """Whether somebody waits for the commit."""

    def __len__(self) -> int:
        return (
            len(self.sessions)
            + len(self.session_changes)
            + len(self.messages)
            + len(self.outcomes)
            + len(self.failures)
            + len(self.events)
            + len(self.confirmations)
        )
