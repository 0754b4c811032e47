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
from sessions_app.gateway.carried import Carried
from sessions_app.gateway.outcomes import Answer

if TYPE_CHECKING:
    from protocols.sip.transaction_server import ServerTransaction
    from sessions_app.gateway.session import Session
    from sessions_app.store.owed import Owed
    from sessions_app.store.writer import Obligation


class ToMsrp(Carried):
    """One such message. ``transaction`` is the MESSAGE's until it has its final answer."""

    __slots__ = ("transaction",)

    direction = "to_msrp"

    def __init__(self, session: Session, content_type: str, body: bytes, call_id: str) -> None:
        super().__init__(session, content_type, body, call_id, new_message_id())
        self.transaction: ServerTransaction | None = None

    @classmethod
    def of_request(cls, session: Session, transaction: ServerTransaction, content_type: str) -> ToMsrp:
        """A MESSAGE that wants its answer."""
        request = transaction.request
        message = cls(session, content_type, request.body, request.call_id)
        message.transaction = transaction
        gateway = session.gateway
        wait = gateway.config.answer_wait
        if wait > timing.TRYING_AFTER:
            message._timer = gateway.wheel.start(timing.TRYING_AFTER, message._trying)
        else:
            message._timer = gateway.wheel.start(wait, message._keep)
        return message

    @classmethod
    def of_row(cls, session: Session, owed: Owed, obligation: Obligation) -> ToMsrp:
        """A message that an earlier process promised by 202 and did not deliver."""
        message = cls(session, owed.content_type, owed.body, owed.call_id)
        message.take_over(owed, obligation)
        return message

    def _trying(self, _: object) -> None:
        """RFC 4320 s4.1: the sender's Timer E has reached T2 and there is no answer yet."""
        transaction = self.transaction
        if transaction is not None:
            transaction.try_100()
        gateway = self.session.gateway
        self._timer = gateway.wheel.start(gateway.config.answer_wait - timing.TRYING_AFTER, self._keep)

    def _keep(self, _: object) -> None:
        """The outcome takes long: keep the message, and once it is kept say 202.

        Where nothing can be promised the sender hears the outcome, if that comes before their Timer F.
        """
        self.keep_or_retry(self._keep, self._promise)

    def _promise(self, _: object) -> None:
        transaction, self.transaction = self.transaction, None
        if transaction is not None:
            transaction.respond(202)

    def delivered(self) -> None:
        """The MSRP peer took it."""
        self._answer(Answer(200))
        self.session.to_msrp += 1
        self.record("delivered", 200, 200, "")

    def failed(self, answer: Answer, msrp_code: int | None, detail: str) -> None:
        """It was not delivered; ``detail`` says why. What was promised and meets a planned stop stays pending."""
        if self.promised and self.session.gateway.draining:
            return  # the next start delivers it
        self._answer(answer)
        self.session.undelivered += 1
        self.record("failed", answer.code, msrp_code, detail)

    def _answer(self, answer: Answer) -> None:
        self.stop_timer()
        transaction, self.transaction = self.transaction, None
        if transaction is None:
            return
        headers = []
        if answer.retry_after:
            headers.append(("Retry-After", str(answer.retry_after)))
        if answer.code == 415:
            headers.append(("Accept", self.session.accepts))
        transaction.respond(answer.code, answer.reason, headers=headers)
