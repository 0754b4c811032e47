"""What a message has in common whichever way it goes: its row, and the obligation that it may become."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from sessions_app.store import message_rows

if TYPE_CHECKING:
    from protocols.timers import Timer
    from sessions_app.gateway.session import Session
    from sessions_app.store.owed import Owed
    from sessions_app.store.writer import Obligation


class Carried:
    """A message in the gateway. ``direction`` is that of the records."""

    __slots__ = (
        "_obligation",
        "_timer",
        "body",
        "call_id",
        "content_type",
        "id",
        "message_id",
        "received_at",
        "session",
    )

    direction = ""

    def __init__(self, session: Session, content_type: str, body: bytes, call_id: str, message_id: str) -> None:
        self.session = session
        self.content_type = content_type
        self.body = body
        self.call_id = call_id
        self.message_id = message_id
        self.received_at = session.gateway.wall()
        self.id = message_rows.new_id(self.received_at)
        self._obligation: Obligation | None = None
        self._timer: Timer | None = None

    def take_over(self, owed: Owed, obligation: Obligation) -> None:
        """Be the message that an earlier process kept and did not deliver."""
        self.id, self.received_at = owed.id, owed.received_at
        self.call_id, self.message_id = owed.call_id, owed.message_id
        self._obligation = obligation

    @property
    def promised(self) -> bool:
        """Whether its row is, or will be, an obligation to somebody."""
        return self._obligation is not None

    def stop_timer(self) -> None:
        """Wait for nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def keep_or_retry(self, retry: Callable[[object], object], promise: Callable[[Any], object]) -> None:
        """Make it an obligation and call ``promise`` once it is kept; where nothing can be kept, ``retry`` in 1 s."""
        gateway = self.session.gateway
        store = gateway.store
        if store.full or not store.healthy:
            self._timer = gateway.wheel.start(1.0, retry)
            return
        self._timer = None
        line = self._row("pending", None, None, None, "", self.body)
        self._obligation = store.keep_message(self.session.id, line, promise, None)

    def record(self, state: str, sip_code: int | None, msrp_code: int | None, detail: str) -> None:
        """Its outcome, for the records."""
        session = self.session
        session.touch()
        gateway = session.gateway
        now = gateway.wall()
        if self._obligation is not None:
            outcome = message_rows.outcome(self.id, state, now, sip_code, msrp_code, detail)
            gateway.store.finish_message(self._obligation, outcome)
        else:
            gateway.store.new_message(self._row(state, now, sip_code, msrp_code, detail, None))
        gateway.count(f"{self.direction}_{state}")
        if gateway.observe is not None:
            gateway.observe(self, state, now, sip_code, msrp_code)

    def _row(
        self,
        state: str,
        finished_at: float | None,
        sip_code: int | None,
        msrp_code: int | None,
        detail: str,
        body: bytes | None,
    ) -> str:
        head, parties = self.session.rows[self.direction]
        return message_rows.message(
            self.id,
            head,
            state,
            parties,
            self.call_id,
            self.message_id,
            self.content_type,
            len(self.body),
            body,
            self.received_at,
            finished_at,
            sip_code,
            msrp_code,
            detail,
            sha256(self.body).digest(),
        )
