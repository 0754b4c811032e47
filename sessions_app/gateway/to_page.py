"""Messages on their way from MSRP to the message side: one MESSAGE at a time for each target.

    received --> its turn: MESSAGE --- 200, 202, a refusal within keep_after --> the SEND is answered with what happened
        |                                                                      (200, or the mapped error), one row
        | no final answer within keep_after
        v
    kept (row pending, committed: MSRP 200) --> 200: delivered, success REPORT if asked
                                            --> 202: accepted, no REPORT yet
                                            --> else: failed, failure REPORT

So the MSRP 200 means delivered or kept, never less. One MESSAGE is outstanding for each target URI (RFC 3428 s8,
RULEBOOK M7).
"""

from __future__ import annotations

from collections import deque
from hashlib import blake2b
from typing import TYPE_CHECKING

from protocols.sip.flow import Target
from protocols.sip.transaction_client import ClientTransaction, Failure, OutgoingRequest
from sessions_app.gateway.carried import Carried
from sessions_app.gateway.outcomes import message_refused

if TYPE_CHECKING:
    from protocols.msrp.incoming import IncomingMessage
    from protocols.sip.message import Response
    from sessions_app.gateway.gateway import Gateway
    from sessions_app.gateway.session import Session
    from sessions_app.store.owed import Owed
    from sessions_app.store.writer import Obligation


class ToPage(Carried):
    """One such message, or a notice of the gateway's own (``recorded`` False).

    Call-ID, From tag and CSeq follow from the session key and the Message-ID, so that a MESSAGE which is sent again, by
    a restarted gateway or for a sender that did not get its 200, is the same to a peer that looks for duplicates.
    """

    __slots__ = ("incoming", "recorded", "resent")

    direction = "to_page"

    def __init__(
        self,
        session: Session,
        content_type: str,
        body: bytes,
        *,
        message_id: str,
        incoming: IncomingMessage | None = None,
        recorded: bool = True,
    ) -> None:
        call_id = blake2b(f"{session.key}\n{message_id}".encode("utf-8", "replace"), digest_size=16).hexdigest()
        super().__init__(session, content_type, body, call_id, message_id)
        self.incoming = incoming
        self.recorded = recorded
        self.resent = False
        """Whether an earlier process may have sent it already."""
        if incoming is not None:
            gateway = session.gateway
            self._timer = gateway.wheel.start(gateway.config.keep_after, self._keep)

    @classmethod
    def of_row(cls, session: Session, owed: Owed, obligation: Obligation) -> ToPage:
        """A message that an earlier process kept and did not deliver."""
        message = cls(session, owed.content_type, owed.body, message_id=owed.message_id)
        message.take_over(owed, obligation)
        message.resent = True
        return message

    def request(self) -> OutgoingRequest:
        """The MESSAGE."""
        session = self.session
        return OutgoingRequest(
            "MESSAGE",
            session.page_ruri,
            [
                ("Max-Forwards", session.max_forwards),
                ("From", f"<{session.page_from}>;tag={self.call_id[:16]}"),
                ("To", f"<{session.page_to}>"),
                ("Call-ID", self.call_id),
                ("CSeq", "1 MESSAGE"),
                ("Content-Type", self.content_type),
            ],
            self.body,
        )

    def _keep(self, _: object) -> None:
        """The outcome takes longer than the sender should wait: keep the message, then acknowledge it.

        Where nothing can be promised the sender waits for the outcome, or for its own timer.
        """
        self.keep_or_retry(self._keep, self._promise)

    def _promise(self, _: object) -> None:
        if self.incoming is not None:
            self.incoming.respond(200)

    def finished(self, state: str, code: int | None, detail: str) -> None:
        """The MESSAGE has its final answer, ``code``, or never gets one: ``delivered``, ``accepted`` or ``failed``."""
        self.stop_timer()
        if not self.recorded:
            return
        session = self.session
        status = message_refused(code) if state == "failed" else 200
        if state == "failed":
            session.undelivered += 1
        else:
            session.to_page += 1
        incoming = self.incoming
        if incoming is not None and not incoming.respond(status) and state == "failed":
            incoming.report(status)
        if incoming is not None and state == "delivered":
            incoming.report(200)
        session.last_message_at = session.gateway.wall()
        self.record(state, code, None if state == "accepted" else status, detail)


class PageSide:
    """The queues to the message side, one for each target URI; a queue exists while a MESSAGE is outstanding."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._queues: dict[str, deque[ToPage]] = {}

    def has_room(self, target: str) -> bool:
        """Whether one more message may wait for ``target``."""
        waiting = self._queues.get(target)
        return waiting is None or len(waiting) < self._gateway.config.page_queue_limit

    @property
    def waiting(self) -> int:
        """Messages without a final answer."""
        return sum(len(queue) + 1 for queue in self._queues.values())

    def enqueue(self, message: ToPage) -> None:
        """Send when its turn comes."""
        target = message.session.page_ruri
        waiting = self._queues.get(target)
        if waiting is None:
            self._queues[target] = deque()
            self._send(message)
        else:
            waiting.append(message)

    def _send(self, message: ToPage) -> None:
        session = message.session
        if session.page_target is not None:
            self._send_to(message, session.page_target)
            return
        self._gateway.agent.locator.locate(
            session.page_hop or session.page_ruri, lambda found: self._located(message, found)
        )

    def _located(self, message: ToPage, found: Target | Failure) -> None:
        if isinstance(found, Failure):
            self._finish(message, "failed", None, f"message side, {found.layer}: {found.detail}")
            return
        message.session.page_target = found
        self._send_to(message, found)

    def _send_to(self, message: ToPage, target: Target) -> None:
        self._gateway.agent.layer.request(message.request(), target, self._answered, self._failed, context=message)

    def _answered(self, transaction: ClientTransaction, response: Response) -> None:
        message = transaction.context
        assert isinstance(message, ToPage)
        code = response.status
        if code == 482 and message.resent:
            # It knows the request from before the restart, and so has the message (RFC 3261 s8.2.2.2).
            self._finish(message, "delivered", code, "message side, sip: 482, it had come before the restart")
        elif code == 202:
            self._finish(message, "accepted", code, "")
        elif code < 300:
            self._finish(message, "delivered", code, "")
        else:
            self._finish(message, "failed", code, f"message side, sip: {code} {response.reason}")

    def _failed(self, transaction: ClientTransaction, failure: Failure) -> None:
        message = transaction.context
        assert isinstance(message, ToPage)
        message.session.page_target = None  # ask again where it is
        self._finish(message, "failed", None, f"message side, {failure.layer}: {failure.detail}")

    def _finish(self, message: ToPage, state: str, code: int | None, detail: str) -> None:
        message.finished(state, code, detail)
        target = message.session.page_ruri
        waiting = self._queues[target]
        if waiting:
            self._send(waiting.popleft())
        else:
            del self._queues[target]
