"""Messages on their way from MSRP to the message side: one MESSAGE at a time for each target.

    received -- row committed --> accepted (MSRP 200) --> its turn: MESSAGE --> 200: delivered, success REPORT if asked
                                                                            --> 202: accepted, no REPORT yet
                                                                            --> else: failed, failure REPORT

RFC 3428 s8: one outstanding MESSAGE for each target URI (RULEBOOK M7).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from protocols.sip.flow import Target
from protocols.sip.transaction_client import ClientTransaction, Failure, OutgoingRequest
from sessions_app.gateway.outcomes import message_refused
from sessions_app.store import message_rows

if TYPE_CHECKING:
    from protocols.msrp.incoming import IncomingMessage
    from protocols.sip.message import Response
    from sessions_app.gateway.gateway import Gateway
    from sessions_app.gateway.session import Session


class ToPage:
    """One such message, or a notice of the gateway's own (``recorded`` False).

    Call-ID, From tag and CSeq come from the id, so that a MESSAGE sent again after a restart is the same to its peer.
    """

    __slots__ = ("body", "content_type", "id", "incoming", "message_id", "received_at", "recorded", "session")

    def __init__(
        self,
        session: Session,
        content_type: str,
        body: bytes,
        received_at: float,
        *,
        identity: str | None = None,
        incoming: IncomingMessage | None = None,
        recorded: bool = True,
    ) -> None:
        self.session = session
        self.content_type = content_type
        self.body = body
        self.received_at = received_at
        self.incoming = incoming
        self.message_id = incoming.message_id if incoming is not None else ""
        self.id = identity or message_rows.new_id(received_at)
        self.recorded = recorded

    def pending_row(self) -> str:
        """The row that obliges us."""
        session = self.session
        return message_rows.message(
            self.id,
            session.to_page_head,
            "pending",
            session.to_page_parties,
            self.id,
            self.message_id,
            self.content_type,
            len(self.body),
            self.body,
            self.received_at,
            None,
            None,
            None,
            "",
        )

    def request(self) -> OutgoingRequest:
        """The MESSAGE."""
        session = self.session
        return OutgoingRequest(
            "MESSAGE",
            session.page_ruri,
            [
                ("Max-Forwards", session.max_forwards),
                ("From", f"<{session.page_from}>;tag={self.id[-12:]}"),
                ("To", f"<{session.page_to}>"),
                ("Call-ID", self.id),
                ("CSeq", "1 MESSAGE"),
                ("Content-Type", self.content_type),
            ],
            self.body,
        )


class PageSide:
    """The queues to the message side, one for each target URI; a queue exists while a MESSAGE is outstanding."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._queues: dict[str, deque[ToPage]] = {}

    def has_room(self, target: str) -> bool:
        """Whether one more message may wait for ``target``."""
        waiting = self._queues.get(target)
        return waiting is None or len(waiting) < self._gateway.config.queue_limit

    @property
    def waiting(self) -> int:
        """Messages without a final answer."""
        return sum(len(queue) + 1 for queue in self._queues.values())

    def accept(self, message: ToPage) -> None:
        """Its row is committed: answer the SEND, and deliver in turn."""
        if message.incoming is not None:
            message.incoming.respond(200)
        self.enqueue(message)

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
        if code == 202:
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
        gateway = self._gateway
        session = message.session
        if message.recorded:
            status = 200 if state == "delivered" else None
            if state == "failed":
                status = message_refused(code)
                session.undelivered += 1
            else:
                session.to_page += 1
            if message.incoming is not None and status is not None:
                message.incoming.report(status)
            session.last_message_at = now = gateway.wall()
            session.touch()
            gateway.store.finish_message(message_rows.outcome(message.id, state, now, code, status, detail))
            gateway.count(f"to_page_{state}")
        target = session.page_ruri
        waiting = self._queues[target]
        if waiting:
            self._send(waiting.popleft())
        else:
            del self._queues[target]
