"""A message on its way from the message side to MSRP: from its MESSAGE to the answer that the MESSAGE gets.

    waiting ----------- SEND 200 -----------> delivered   200, row delivered
       |  \\------------ refused, lost -------> failed      mapped error, row failed
       | answer_wait
       v
    kept (row pending, committed: 202) ------> delivered; or failed, expired: told by IMDN or a notice

Behind a relay the SEND's 200 is only the relay's, so the peer's success REPORT is waited for (RFC 4975 s5.3). Every
message leaves by exactly one of :meth:`ToMsrp.delivered`, :meth:`passed_on`, :meth:`failed` and :meth:`expire`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from protocols.msrp.ids import derived_message_id
from protocols.sip import timing
from protocols.sip.matching import merge_identity
from sessions_app.cause import NO_CAUSE, Cause, Side
from sessions_app.gateway import content, telling
from sessions_app.gateway.carried import OF_NOTIFICATION, Carried
from sessions_app.gateway.life import Event
from sessions_app.gateway.notices import AUTO_SUBMITTED, is_automatic
from sessions_app.gateway.outcomes import EXPIRED, Answer

if TYPE_CHECKING:
    from protocols.payload.cpim import CpimMessage
    from protocols.sip.message import Request
    from protocols.sip.transaction_server import ServerTransaction
    from protocols.timers import Timer
    from sessions_app.gateway.session import Session
    from sessions_app.store.estate import Owed
    from sessions_app.store.writer import Obligation


class ToMsrp(Carried):
    """One such message. ``transaction`` is the MESSAGE's until it has its final answer.

    The Message-ID follows from Call-ID, From tag and CSeq. So the MSRP peer knows a SEND again that a repeat of the
    MESSAGE to a restarted gateway, or a new connection, brings about (RULEBOOK S5, S18).
    """

    __slots__ = ("_expiry", "chain", "may_have_arrived", "moved", "overdue", "transaction", "whole")

    direction = "to_msrp"

    def __init__(
        self,
        session: Session,
        content_type: str,
        body: bytes,
        call_id: str,
        message_id: str,
        cpim: CpimMessage | None = None,
    ) -> None:
        super().__init__(session, content_type, body, call_id, message_id, cpim)
        self.transaction: ServerTransaction | None = None
        self.whole = False
        """Whether it went out as the CPIM message that it came as, so that the peer itself answers for it by IMDN."""
        self.moved = False
        """Whether its session was lost and another one carries it."""
        self.may_have_arrived = False
        """Whether it went out on another session or connection, or from an earlier process, and had no answer there."""
        self.overdue = False
        """Whether its answer is due and nothing can be promised: it has its outcome on its way, and no time to wait."""
        self.chain = 0
        """How many times in a row its sender has followed a notice of ours at once (:class:`Notices`)."""
        self._expiry: Timer | None = None

    @classmethod
    def of_request(
        cls, session: Session, transaction: ServerTransaction, content_type: str, body: bytes, cpim: CpimMessage | None
    ) -> ToMsrp:
        """A MESSAGE that wants its answer."""
        request = transaction.request
        message = cls(session, content_type, body, request.call_id, message_id_of(request), cpim)
        message.transaction = transaction
        headers = request.headers
        gateway = session.gateway
        message.chain = gateway.notices.chain_of(session)
        if AUTO_SUBMITTED in headers and is_automatic(request):
            message.notify |= OF_NOTIFICATION
        if "subject" in headers and not message.subject:
            message.subject = request.first("subject") or ""
        if "expires" in headers:
            message.expires_at = _validity(request, message.received_at)
            if message.expires_at is not None:
                left = message.expires_at - message.received_at
                message._expiry = gateway.wheel.start(max(0.0, left), message._look_at_validity)
        wait = gateway.config.answer_wait
        if wait > timing.TRYING_AFTER:
            message._timer = gateway.wheel.start(timing.TRYING_AFTER, message._trying)
        else:
            message._timer = gateway.wheel.start(wait, message._keep)
        return message

    @classmethod
    def of_row(cls, session: Session, owed: Owed, obligation: Obligation) -> ToMsrp:
        """A message that an earlier process promised by 202 and did not deliver."""
        held = content.read_again(owed.content_type, owed.body)
        message = cls(session, owed.content_type, owed.body, owed.call_id, owed.message_id, held)
        message.take_over(owed, obligation)
        message.may_have_arrived = True
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

        Where nothing can be promised the sender hears the outcome, if that comes before their Timer F; one that is
        not even on its way is given back.
        """
        if not self.session.gateway.config.promises:
            self._timer = None
            self.overdue = True
            if self.session.withdraw(self):
                cause = Cause(Side.GATEWAY, "policy", "bodies are not kept")
                self.failed(Answer(480, "Not delivered in time", 30), None, cause)
            return
        self.keep_or_wait(self._promise)

    def waits_again(self) -> None:
        """It is in the queue once more, after it went out and had no answer."""
        self.may_have_arrived = True
        if self.overdue:
            self._keep(None)

    def _promise(self, _: object) -> None:
        transaction, self.transaction = self.transaction, None
        if transaction is not None:
            transaction.respond(202)

    def _look_at_validity(self, _: object) -> None:
        """Expires is over: where it still waits it goes nowhere (RFC 3428 s4, RULEBOOK M9)."""
        self._expiry = None
        if self.session.withdraw(self):
            self.expire()

    # ------------------------------------------------------------------------- outcomes

    def delivered(self) -> None:
        """The MSRP peer took it."""
        self._left(Event.TAKEN, 200, NO_CAUSE)

    def passed_on(self, said: Cause) -> None:
        """A relay took it, and what became of it behind that is not known; ``said`` is a remark on it."""
        self._left(Event.PASSED_ON, 202, said)

    def _left(self, event: Event, code: int, said: Cause) -> None:
        """It is out of our hands, and its MESSAGE is answered ``code``."""
        transaction = self._over()
        if transaction is not None:
            transaction.respond(code)
        self.session.to_msrp += 1
        self.record(event, code, 200, said)

    def failed(
        self,
        answer: Answer,
        msrp_code: int | None,
        cause: Cause,
        *,
        tell: bool = True,
        after: Callable[[], object] | None = None,
    ) -> None:
        """It was not delivered, for this cause. What was promised and meets a planned stop stays pending.

        ``tell`` False: whoever calls tells its sender. ``after`` is called once it is answered.
        """
        self._lost(Event.REFUSED, answer, msrp_code, cause, tell, after)

    @property
    def is_owed(self) -> bool:
        """Whether it was answered 202: its sender hears of its failure by no answer any more."""
        return self.promised and self.transaction is None

    def expire(self) -> None:
        """Its validity ended before it was on its way."""
        self._lost(Event.EXPIRED, EXPIRED, None, Cause(Side.GATEWAY, "expiry", "expired"))

    def _lost(
        self,
        event: Event,
        answer: Answer,
        msrp_code: int | None,
        cause: Cause,
        tell: bool = True,
        after: Callable[[], object] | None = None,
    ) -> None:
        session = self.session
        if self.promised and session.gateway.draining:
            return  # the next start delivers it
        told = self.is_owed
        say = self._answering(answer)
        session.undelivered += 1
        if told and tell:
            telling.not_delivered(self, cause)  # kept in the transaction that ends this message, so never without it
        self.record(event, answer.code, msrp_code, cause, tell=say if after is None else partial(_both, say, after))

    def _over(self) -> ServerTransaction | None:
        """It waits for nothing any more. The transaction of its MESSAGE, None where that has its answer."""
        self.leave()
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        transaction, self.transaction = self.transaction, None
        return transaction

    def _answering(self, answer: Answer) -> Callable[[], object] | None:
        """It is over. What answers its MESSAGE so, None where that has its answer."""
        transaction = self._over()
        if transaction is None:
            return None
        headers = []
        if answer.retry_after:
            headers.append(("Retry-After", str(answer.retry_after)))
        if answer.code == 415:
            headers.append(("Accept", self.session.accepts))
        return partial(transaction.respond, answer.code, answer.reason, headers=headers)


def _both(say: Callable[[], object] | None, after: Callable[[], object]) -> None:
    if say is not None:
        say()
    after()


def message_id_of(request: Request) -> str:
    """The Message-ID of the SEND that a MESSAGE becomes."""
    return derived_message_id(merge_identity(request))


def _validity(request: Request, received_at: float) -> float | None:
    """The moment that Expires names, from Date where there is one (RFC 3428 s4); None for what cannot be read."""
    lasts = request.expires
    if lasts is None:
        return None
    date = request.date
    return (received_at if date is None else date.timestamp()) + lasts
