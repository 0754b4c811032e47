"""What a message has in common whichever way it goes: its life, its row, the obligation that it may become."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from sessions_app.cause import NO_CAUSE, Cause
from sessions_app.gateway import content
from sessions_app.gateway.life import Event, State, after
from sessions_app.store import message_rows

if TYPE_CHECKING:
    from protocols.payload.cpim import CpimMessage
    from protocols.timers import Timer
    from sessions_app.gateway.session import Session
    from sessions_app.store.estate import Owed
    from sessions_app.store.writer import Obligation

LONGEST_IMDN_ID = 128
"""A longer one has no room in the row by which its notifications are found again."""
NOTHING: frozenset[str] = frozenset()
NOBODY = "nobody"
"""In place of notifications: nobody is told what becomes of the message, being a notification or an automatic one."""
OF_NOTIFICATION: frozenset[str] = frozenset({NOBODY})


class Carried:
    """A message in the gateway. ``direction`` is that of the records."""

    __slots__ = (
        "_held",
        "_obligation",
        "_timer",
        "body",
        "call_id",
        "content_type",
        "cpim",
        "expires_at",
        "id",
        "imdn_id",
        "message_id",
        "notify",
        "received_at",
        "session",
        "since",
        "state",
        "subject",
    )

    direction = ""

    def __init__(
        self,
        session: Session,
        content_type: str,
        body: bytes,
        call_id: str,
        message_id: str,
        cpim: CpimMessage | None = None,
    ) -> None:
        self.session = session
        self.content_type = content_type
        self.body = body
        self.call_id = call_id
        self.message_id = message_id
        self.cpim = cpim
        """The message as CPIM, where it came so."""
        gateway = session.gateway
        self.received_at = gateway.wall()
        self.since = gateway.wheel.now
        """From when its wait counts: from its coming, or from when somebody wanted it tried again."""
        self.id = message_rows.new_id(self.received_at)
        self.state = State.RECEIVED
        self.subject = ""
        self.notify = NOTHING
        """Notifications that its sender asked for (RFC 5438 s6.2)."""
        self.imdn_id = ""
        """IMDN Message-ID that they name it by."""
        self.expires_at: float | None = None
        """End of its validity, seconds since 1970."""
        if cpim is not None:
            self.subject = cpim.subject
        if not content.ordinary(content_type) and self.is_notification:
            self.notify = OF_NOTIFICATION
        elif cpim is not None:
            self.notify = cpim.notify
            name = cpim.imdn_message_id
            self.imdn_id = name if len(name) <= LONGEST_IMDN_ID else ""
        self._held = len(body)
        gateway.held.add(self._held)
        self._obligation: Obligation | None = None
        self._timer: Timer | None = None

    def take_over(self, owed: Owed, obligation: Obligation) -> None:
        """Be the message that an earlier process kept and did not deliver."""
        self.id, self.received_at = owed.id, owed.received_at
        gateway = self.session.gateway
        self.since = gateway.wheel.now - max(0.0, gateway.wall() - owed.received_at)
        self.call_id, self.message_id = owed.call_id, owed.message_id
        self.subject, self.expires_at = owed.subject, owed.expires_at
        self.notify = frozenset(owed.notify.split())
        self.imdn_id = owed.imdn_id
        self.state = State.PENDING
        self._obligation = obligation

    @property
    def is_notification(self) -> bool:
        """Whether it is an IMDN, about which nobody is notified (RFC 5438 s7.2.1.1)."""
        return content.essence_within(self.content_type, self.cpim) == content.IMDN

    @property
    def promised(self) -> bool:
        """Whether its row is, or will be, an obligation to somebody."""
        return self._obligation is not None

    @property
    def is_settled(self) -> bool:
        """Whether it has its outcome. There is one only: what else comes of it is no news, or that of its denial."""
        return self.state not in (State.RECEIVED, State.PENDING)

    @property
    def expired(self) -> bool:
        """Whether its validity, or the longest wait that the operator allows, is over."""
        gateway = self.session.gateway
        ttl = gateway.config.queue_ttl
        if ttl and gateway.wheel.now - self.since >= ttl:
            return True
        return self.expires_at is not None and gateway.wall() >= self.expires_at  # a time of day (RFC 3428 s4)

    def leave(self) -> None:
        """It is over: wait for nothing any more, hold no octets."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.session.gateway.held.add(-self._held)
        self._held = 0

    def keep_or_wait(self, promise: Callable[[Any], object]) -> None:
        """Make it an obligation and call ``promise`` once it is kept; where nothing can be kept now, in its turn."""
        self._timer = None
        self.session.gateway.database_away.keep_in_turn(self, promise)

    def owe(self, promise: Callable[[Any], object], *, with_audit: bool = False) -> None:
        """Make it an obligation and call ``promise`` once it is kept.

        ``with_audit``: in the same transaction as the outcomes that are written now.
        """
        self.state = after(self.state, Event.KEPT)
        line = self._row(None, None, None, NO_CAUSE, self.body)
        store = self.session.gateway.store
        self._obligation = store.keep_message(self.session.id, line, promise, None, with_audit=with_audit)

    def record(
        self,
        event: Event,
        sip_code: int | None,
        msrp_code: int | None,
        cause: Cause,
        *,
        tell: Callable[[], object] | None = None,
    ) -> None:
        """Its outcome, for the records; ``tell`` says it to its sender.

        Of what is owed that is not said before it is in the database: after a crash in between it would be delivered.
        """
        self.state = after(self.state, event)
        session = self.session
        session.touch()
        gateway = session.gateway
        now = gateway.wall()
        state = self.state
        if self._obligation is not None:
            outcome = message_rows.outcome(self.id, state, now, sip_code, msrp_code, cause)
            gateway.store.finish_message(self._obligation, outcome, tell)
        else:
            if tell is not None:
                tell()
            body = self.body if state in gateway.bodies_kept else None
            gateway.store.new_message(self._row(now, sip_code, msrp_code, cause, body))
        gateway.count(f"{self.direction}_{state}")
        if gateway.observe is not None:
            gateway.observe(self, state, now, sip_code, msrp_code)

    def _row(
        self, finished_at: float | None, sip_code: int | None, msrp_code: int | None, cause: Cause, body: bytes | None
    ) -> str:
        head, parties = self.session.rows[self.direction]
        rest = message_rows.NOTHING_MORE
        if self.subject or self.imdn_id or self.notify or self.expires_at is not None:
            rest = message_rows.more(self.subject, self.imdn_id, " ".join(sorted(self.notify)), "", self.expires_at)
        return message_rows.message(
            self.id,
            head,
            self.state,
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
            cause,
            sha256(self.body).digest(),
            rest,
        )
