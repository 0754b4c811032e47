"""Server transactions: RFC 3261 s17.2 with RFC 6026 (Accepted) and RFC 4320 (no 408, 100 only when due).

One transaction is one request and the answers it gets. The transaction user answers through :meth:`respond`; repeats
of the request never reach it.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING

from protocols.sip import timing
from protocols.sip.builder import build_response
from protocols.sip.ids import new_tag

if TYPE_CHECKING:
    from protocols.sip.flow import Flow
    from protocols.sip.message import Request
    from protocols.sip.transaction_layer import TransactionLayer
    from protocols.timers import Timer


class State(Enum):
    """States of figures 7 and 8, and of RFC 6026 s7.1."""

    TRYING = "Trying"
    PROCEEDING = "Proceeding"
    ACCEPTED = "Accepted"
    COMPLETED = "Completed"
    CONFIRMED = "Confirmed"
    TERMINATED = "Terminated"


class ServerTransaction:
    """A non-INVITE request that wants one final answer (s17.2.2).

    ``reply_to`` is where answers go (s18.2.2, RFC 3581 s4). ``context`` is the user's own.
    """

    __slots__ = ("context", "flow", "key", "layer", "reply_to", "request", "response", "source", "state", "to_tag")

    def __init__(
        self,
        layer: TransactionLayer,
        key: str,
        request: Request,
        flow: Flow,
        source: tuple[str, int],
        reply_to: tuple[str, int],
    ) -> None:
        self.layer = layer
        self.key = key
        self.request = request
        self.flow = flow
        self.source = source
        self.reply_to = reply_to
        self.state = State.TRYING
        self.response: bytes | None = None
        self.to_tag: str | None = None
        self.context: object = None

    def respond(
        self, status: int, reason: str | None = None, *, headers: Sequence[tuple[str, str]] = (), body: bytes = b""
    ) -> None:
        """Answer. A second final answer is discarded (s17.2.2).

        Raises ValueError for what must never be said to a non-INVITE request: a provisional answer other than 100, and
        408 (RFC 4320 s4.1, s4.2, RULEBOOK M14).
        """
        if self.state is State.COMPLETED or self.state is State.TERMINATED:
            return
        if 100 < status < 200 or status == 408:
            raise ValueError(f"{status} to {self.request.method}")
        tag = self.to_tag
        if tag is None and status > 100:
            tag = self.to_tag = new_tag()
        data = build_response(self.request, status, reason, to_tag=tag, headers=headers, body=body)
        self.layer.reply(self, data)
        if status < 200:
            self.state = State.PROCEEDING
            self.response = data
        else:
            self.state = State.COMPLETED
            self.layer.finish(self, data)

    def ignore(self) -> None:
        """Answer nothing, ever; its repeats find no transaction and are ignored anew."""
        self.state = State.TERMINATED
        self.layer.ignore_server(self)

    def refuse_once(self, status: int, reason: str | None = None, *, retry_after: int = 5) -> None:
        """For overload: answer, and do no more; the answer is not repeated of itself, so it is no load of its own."""
        self.layer.refuse_once(self, status, reason, (("Retry-After", str(retry_after)),))

    def try_100(self) -> None:
        """Say 100 if nothing was said; call it at :data:`timing.TRYING_AFTER` (RFC 4320 s4.1)."""
        if self.state is State.TRYING:
            self.respond(100)

    def repeat(self) -> None:
        """The request came again."""
        if self.response is not None:
            self.layer.reply(self, self.response)


class InviteServerTransaction(ServerTransaction):
    """An INVITE: provisional answers, then one final, then its ACK (s17.2.1, RFC 6026 s7.1)."""

    __slots__ = ("_interval", "_resend", "_stop", "settled")

    def __init__(
        self,
        layer: TransactionLayer,
        key: str,
        request: Request,
        flow: Flow,
        source: tuple[str, int],
        reply_to: tuple[str, int],
    ) -> None:
        super().__init__(layer, key, request, flow, source, reply_to)
        self.state = State.PROCEEDING
        self.settled = False
        """Whether its ACK is waited for no longer."""
        self._interval = timing.T1
        self._resend: Timer | None = None
        self._stop: Timer | None = None

    def respond(
        self, status: int, reason: str | None = None, *, headers: Sequence[tuple[str, str]] = (), body: bytes = b""
    ) -> None:
        """Answer. After a 2xx the user repeats it by :meth:`repeat_2xx` until the ACK comes (s13.3.1.4)."""
        if self.state is not State.PROCEEDING:
            return
        self._cancel_timers()
        if self.to_tag is None and status > 100:
            self.to_tag = new_tag()
        self.response = build_response(
            self.request, status, reason, to_tag=self.to_tag if status > 100 else None, headers=headers, body=body
        )
        self.layer.reply(self, self.response)
        if status < 200:
            return
        start = self.layer.wheel.start
        if status < 300:
            self.state = State.ACCEPTED
            self._stop = start(timing.TIMER_L, self._terminate)
            return
        self.state = State.COMPLETED
        self._stop = start(timing.TIMER_H, self._terminate)
        if not self.flow.reliable:
            self._resend = start(self._interval, self._timer_g)

    def expect_answer(self) -> None:
        """The user has the request. If it has not answered in 200 ms, 100 keeps the peer from repeating (s17.2.1)."""
        if self.state is State.PROCEEDING and self.response is None:
            self._resend = self.layer.wheel.start(timing.INVITE_TRYING_AFTER, self._say_100)

    def _say_100(self, _: object) -> None:
        self.respond(100)

    def ignore(self) -> None:
        """Answer nothing, ever; its repeats find no transaction and are ignored anew."""
        self._cancel_timers()
        super().ignore()

    def repeat_2xx(self) -> None:
        """Send the 2xx again, as the user must until it sees the ACK."""
        if self.state is State.ACCEPTED and self.response is not None:
            self.layer.reply(self, self.response)

    def repeat(self) -> None:
        """The INVITE came again: the last answer, except after a 2xx, which its user repeats (RFC 6026 s7.1)."""
        if self.response is not None and self.state in (State.PROCEEDING, State.COMPLETED):
            self.layer.reply(self, self.response)

    def ack(self) -> bool:
        """An ACK with this branch. True if it belongs to the user, being for a 2xx of an RFC 2543 peer."""
        if self.state is State.COMPLETED:
            self.state = State.CONFIRMED
            self.layer.acknowledged(self)
            self._cancel_timers()
            if self.flow.reliable:
                self._terminate(None)
            else:
                self._stop = self.layer.wheel.start(timing.TIMER_I, self._terminate)
        return self.state is State.ACCEPTED

    def _timer_g(self, _: object) -> None:
        if self.state is State.COMPLETED and self.response is not None:
            self.layer.reply(self, self.response)
            self._interval = min(2 * self._interval, timing.T2)
            self._resend = self.layer.wheel.start(self._interval, self._timer_g)

    def _terminate(self, _: object) -> None:
        self._cancel_timers()
        self.state = State.TERMINATED
        self.layer.forget_server(self)

    def _cancel_timers(self) -> None:
        if self._resend is not None:
            self._resend.cancel()
        if self._stop is not None:
            self._stop.cancel()
