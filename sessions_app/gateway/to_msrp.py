"""A message on its way from the message side to MSRP: from its MESSAGE to the answer that the MESSAGE gets.

    waiting ----------- SEND 200 -----------> delivered   200, row delivered
       |  \\------------ refused, lost -------> failed      mapped error, row failed
       | answer_wait
       v
    kept (row pending, committed: 202) ------> delivered / failed, told by the row

Every message leaves by exactly one of :meth:`ToMsrp.delivered` and :meth:`ToMsrp.failed`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.msrp.ids import new_message_id
from protocols.sip import timing
from sessions_app.gateway.outcomes import Answer
from sessions_app.store import message_rows

if TYPE_CHECKING:
    from protocols.sip.transaction_server import ServerTransaction
    from protocols.timers import Timer
    from sessions_app.gateway.session import Session
    from sessions_app.store.owed import Owed
    from sessions_app.store.writer import Obligation


class ToMsrp:
    """One such message."""

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
        "transaction",
    )

    def __init__(self, session: Session, transaction: ServerTransaction, content_type: str, body: bytes) -> None:
        gateway = session.gateway
        self.session = session
        self.transaction: ServerTransaction | None = transaction
        self.content_type = content_type
        self.body = body
        self.call_id = transaction.request.call_id
        self.message_id = new_message_id()
        self.received_at = gateway.wall()
        self.id = message_rows.new_id(self.received_at)
        self._obligation: Obligation | None = None
        wait = gateway.config.answer_wait
        if wait > timing.TRYING_AFTER:
            self._timer: Timer | None = gateway.wheel.start(timing.TRYING_AFTER, self._trying)
        else:
            self._timer = gateway.wheel.start(wait, self._keep)

    @classmethod
    def of_row(cls, session: Session, owed: Owed, obligation: Obligation) -> ToMsrp:
        """A message that an earlier process promised by 202 and did not deliver."""
        message = cls.__new__(cls)
        message.session = session
        message.transaction = None
        message.content_type, message.body = owed.content_type, owed.body
        message.call_id, message.message_id = owed.call_id, owed.message_id
        message.id, message.received_at = owed.id, owed.received_at
        message._obligation = obligation
        message._timer = None
        return message

    def _trying(self, _: object) -> None:
        """RFC 4320 s4.1: the sender's Timer E has reached T2 and there is no answer yet."""
        transaction = self.transaction
        if transaction is not None:
            transaction.try_100()
        gateway = self.session.gateway
        self._timer = gateway.wheel.start(gateway.config.answer_wait - timing.TRYING_AFTER, self._keep)

    def _keep(self, _: object) -> None:
        """The outcome takes long: keep the message, and once it is kept say 202."""
        self._timer = None
        store = self.session.gateway.store
        if store.full or not store.healthy:
            # Nothing can be promised. The sender hears the outcome, if it comes before their Timer F.
            self._timer = self.session.gateway.wheel.start(1.0, self._keep)
            return
        self._obligation = store.keep_message(
            self.session.id, self._row("pending", None, None, None, "", self.body), self._promise, None
        )

    def _promise(self, _: object) -> None:
        transaction, self.transaction = self.transaction, None
        if transaction is not None:
            transaction.respond(202)

    def delivered(self) -> None:
        """The MSRP peer took it."""
        self._answer(Answer(200))
        self.session.to_msrp += 1
        self._record("delivered", 200, 200, "")

    def failed(self, answer: Answer, msrp_code: int | None, detail: str) -> None:
        """It was not delivered; ``detail`` says why. What was promised and meets a planned stop stays pending."""
        if self._obligation is not None and self.session.gateway.draining:
            return  # the next start delivers it
        self._answer(answer)
        self.session.undelivered += 1
        self._record("failed", answer.code, msrp_code, detail)

    def _answer(self, answer: Answer) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        transaction, self.transaction = self.transaction, None
        if transaction is None:
            return
        headers = []
        if answer.retry_after:
            headers.append(("Retry-After", str(answer.retry_after)))
        if answer.code == 415:
            headers.append(("Accept", self.session.accepts))
        transaction.respond(answer.code, answer.reason, headers=headers)

    def _record(self, state: str, sip_code: int, msrp_code: int | None, detail: str) -> None:
        session = self.session
        session.touch()
        gateway = session.gateway
        now = gateway.wall()
        if self._obligation is not None:
            outcome = message_rows.outcome(self.id, state, now, sip_code, msrp_code, detail)
            gateway.store.finish_message(self._obligation, outcome)
        else:
            gateway.store.new_message(self._row(state, now, sip_code, msrp_code, detail, None))
        gateway.count(f"to_msrp_{state}")

    def _row(
        self,
        state: str,
        finished_at: float | None,
        sip_code: int | None,
        msrp_code: int | None,
        detail: str,
        body: bytes | None,
    ) -> str:
        session = self.session
        return message_rows.message(
            self.id,
            session.to_msrp_head,
            state,
            session.to_msrp_parties,
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
        )
