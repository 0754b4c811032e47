"""Client transactions: RFC 3261 s17.1 with RFC 6026 (Accepted).

A transaction is made by :meth:`TransactionLayer.request`, gets a flow, sends, repeats over UDP, and tells its user of
every answer that counts, or of one failure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from protocols.sip import timing
from protocols.sip.builder import build_request

if TYPE_CHECKING:
    from protocols.sip.flow import Flow, Target
    from protocols.sip.message import Response
    from protocols.sip.transaction_layer import TransactionLayer
    from protocols.timers import Timer


class Failure(NamedTuple):
    """Why a request got no final answer.

    ``layer``: ``timer``, ``tcp``, ``tls``, ``udp``, ``dns``, ``uri`` or ``sip``; or one of the policy about targets.
    """

    layer: str
    detail: str


class State(Enum):
    """States of figures 5 and 6, and of RFC 6026 s7.2; CONNECTING while a flow is being made."""

    CONNECTING = "Connecting"
    CALLING = "Calling"
    TRYING = "Trying"
    PROCEEDING = "Proceeding"
    ACCEPTED = "Accepted"
    COMPLETED = "Completed"
    TERMINATED = "Terminated"


class OutgoingRequest:
    """A request without its Via, which depends on the flow it takes. Header order is kept."""

    __slots__ = ("body", "headers", "method", "uri")

    def __init__(self, method: str, uri: str, headers: Sequence[tuple[str, str]], body: bytes = b"") -> None:
        self.method = method
        self.uri = uri
        self.headers = headers
        self.body = body

    def render(self, via: str) -> bytes:
        """The bytes, with ``via`` as the topmost header field value."""
        return build_request(self.method, self.uri, (("Via", via), *self.headers), self.body)

    def pick(self, *names: str) -> list[tuple[str, str]]:
        """Its header fields of these names, in order, as CANCEL and ACK repeat them."""
        return [header for header in self.headers if header[0] in names]


OnResponse = Callable[["ClientTransaction", "Response"], object]
OnFailure = Callable[["ClientTransaction", Failure], object]


class ClientTransaction:
    """A non-INVITE request (s17.1.2).

    After the final answer nothing is kept: repeats of it find no transaction and are dropped, which is all that the
    Completed state and Timer K are for.
    """

    __slots__ = (
        "_data",
        "_deadline",
        "_interval",
        "_timer",
        "answered",
        "branch",
        "context",
        "flow",
        "key",
        "layer",
        "on_failure",
        "on_response",
        "request",
        "retry_udp",
        "state",
        "target",
    )

    def __init__(
        self,
        layer: TransactionLayer,
        request: OutgoingRequest,
        target: Target,
        on_response: OnResponse,
        on_failure: OnFailure,
        context: object,
        branch: str | None = None,
    ) -> None:
        self.layer = layer
        self.request = request
        self.target = target
        self.on_response = on_response
        self.on_failure = on_failure
        self.context = context
        self.branch = branch or layer.branches.new()
        self.key = self.branch + request.method
        self.state = State.CONNECTING
        self.flow: Flow | None = None
        self.answered = False
        """Whether any answer has come."""
        self.retry_udp = False
        self._data = b""
        self._interval = timing.T1
        self._deadline = 0.0
        self._timer: Timer | None = None

    def flow_ready(self, flow: Flow) -> None:
        """Send on ``flow``, rendered for it."""
        if self.state is not State.CONNECTING:
            return
        via = f"SIP/2.0/{flow.transport} {flow.sent_by};branch={self.branch};rport"
        self.sent(flow, self.request.render(via))

    def sent(self, flow: Flow, data: bytes) -> None:
        """The rendered request leaves; timers start."""
        self.flow = flow
        self._data = data
        flow.send(data, self.target.address)
        self._start()

    def flow_failed(self, detail: str) -> None:
        """No connection: back to UDP if only the size had asked for TCP (s18.1.1), else a failure."""
        if self.state is not State.CONNECTING:
            return
        if self.retry_udp:
            self.retry_udp = False
            flow = self.layer.transports.udp_to(self.target.host)
            if flow is not None:
                self.target = self.target._replace(transport="UDP")
                self.flow_ready(flow)
                return
        self._fail(Failure(self.target.layer, detail))

    _first_state = State.TRYING
    _give_up_after = timing.TIMER_F

    def _start(self) -> None:
        # Timers E and F (A and B of an INVITE) in one: each firing repeats the request until the deadline.
        self.state = self._first_state
        wheel = self.layer.wheel
        self._deadline = wheel.now + self._give_up_after
        flow = self.flow
        assert flow is not None
        if flow.reliable:
            self.layer.depend(self, flow)
            self._timer = wheel.start(self._give_up_after, self._repeat)
        else:
            self._timer = wheel.start(timing.T1, self._repeat)

    def _repeat(self, _: object) -> None:
        wheel = self.layer.wheel
        left = self._deadline - wheel.now
        flow = self.flow
        if left <= 0 or flow is None:
            self._fail(Failure("timer", f"no answer to {self.request.method} in {self._give_up_after:.0f} s"))
            return
        self.layer.counts["retransmissions"] += 1
        flow.send(self._data, self.target.address)
        self._interval = self._next_interval()
        self._timer = wheel.start(min(self._interval, left), self._repeat)

    def _next_interval(self) -> float:
        """Timer E: doubling up to T2, and T2 once a provisional answer came."""
        return timing.T2 if self.state is State.PROCEEDING else min(2 * self._interval, timing.T2)

    def response(self, response: Response) -> None:
        """An answer with this branch and method."""
        if not self.answered:
            self.answered = True
            self.layer.far_ends.heard(self.target.host, self.request.method)
        if response.status < 200:
            if self.state is State.TRYING:
                self.state = State.PROCEEDING
            return
        self.terminate()
        self.on_response(self, response)

    def refused(self, failure: Failure) -> None:
        """It does not go out at all."""
        self._fail(failure)

    def flow_lost(self) -> None:
        """The connection it went out on is gone before an answer came (s17.1.4)."""
        self._fail(Failure(self.target.layer, "connection lost before an answer"))

    def _fail(self, failure: Failure) -> None:
        if self.state is not State.TERMINATED:
            on_failure = self.on_failure
            self.terminate()
            on_failure(self, failure)

    def terminate(self) -> None:
        """Expect no more."""
        self.state = State.TERMINATED
        if self._timer is not None:
            self._timer.cancel()
        self.layer.forget_client(self)


class InviteClientTransaction(ClientTransaction):
    """An INVITE (s17.1.1, RFC 6026 s7.2). Provisional answers and every 2xx reach the user.

    A late provisional answer and a refusal after a 2xx do not.
    """

    __slots__ = ("_cancel_sent", "_cancel_wanted")

    def __init__(
        self,
        layer: TransactionLayer,
        request: OutgoingRequest,
        target: Target,
        on_response: OnResponse,
        on_failure: OnFailure,
        context: object,
        branch: str | None = None,
    ) -> None:
        super().__init__(layer, request, target, on_response, on_failure, context, branch)
        self._cancel_wanted = False
        self._cancel_sent = False

    _first_state = State.CALLING
    _give_up_after = timing.TIMER_B

    def _next_interval(self) -> float:
        """Timer A: doubling without end."""
        return 2 * self._interval

    def response(self, response: Response) -> None:
        """An answer with this branch and method INVITE."""
        if not self.answered:
            self.answered = True
            self.layer.far_ends.heard(self.target.host, "INVITE")
        status = response.status
        if self.state is State.COMPLETED:
            if status >= 300:
                self._ack(response)
            return
        if self.state is State.ACCEPTED:
            if 200 <= status < 300:
                self.on_response(self, response)
            return
        if status < 200:
            if self.state is State.CALLING:
                self.state = State.PROCEEDING
                self._stop_timer()
                if self._cancel_wanted:
                    self._send_cancel()
            self.on_response(self, response)
            return
        self._stop_timer()
        on_response = self.on_response
        if status < 300:
            self.state = State.ACCEPTED
            self._timer = self.layer.wheel.start(timing.TIMER_M, self._over)
        else:
            self.state = State.COMPLETED
            self._ack(response)
            flow = self.flow
            assert flow is not None
            if flow.reliable:
                self.terminate()
            else:
                self._timer = self.layer.wheel.start(timing.TIMER_D, self._over)
        on_response(self, response)

    def flow_lost(self) -> None:
        """The connection is gone; after a final answer that no longer matters."""
        if self.state in (State.CALLING, State.PROCEEDING):
            super().flow_lost()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _over(self, _: object) -> None:
        self.terminate()

    def terminate(self) -> None:
        """Expect no more. Its user has it, so it lets go of its user: neither then waits for the garbage collector."""
        super().terminate()
        self.on_response = _ignore_response
        self.on_failure = _ignore_failure

    def _ack(self, response: Response) -> None:
        """ACK of a refusal: the INVITE's branch and Request-URI, To from the answer (s17.1.1.3)."""
        flow = self.flow
        assert flow is not None
        invite = self.request
        number = dict(invite.headers)["CSeq"].partition(" ")[0]
        ack = OutgoingRequest(
            "ACK",
            invite.uri,
            [
                *invite.pick("Route"),
                ("Max-Forwards", "70"),
                *invite.pick("From"),
                ("To", response.first("to") or ""),
                *invite.pick("Call-ID"),
                ("CSeq", f"{number} ACK"),
            ],
        )
        via = f"SIP/2.0/{flow.transport} {flow.sent_by};branch={self.branch};rport"
        flow.send(ack.render(via), self.target.address)

    def cancel(self) -> None:
        """Give it up (s9.1). CANCEL waits for a provisional answer; an INVITE without connection never leaves."""
        if self.state is State.CONNECTING:
            self.terminate()
        elif self.state is State.CALLING:
            self._cancel_wanted = True
        elif self.state is State.PROCEEDING and not self._cancel_sent:
            self._send_cancel()

    def _send_cancel(self) -> None:
        """Same branch, Request-URI and CSeq number. If it is not obeyed in 64*T1, that counts as if it were (s9.1)."""
        self._cancel_sent = True
        self._timer = self.layer.wheel.start(64 * timing.T1, self._over)
        invite = self.request
        number = dict(invite.headers)["CSeq"].partition(" ")[0]
        request = OutgoingRequest(
            "CANCEL",
            invite.uri,
            [
                *invite.pick("Route"),
                ("Max-Forwards", "70"),
                *invite.pick("From", "To", "Call-ID"),
                ("CSeq", f"{number} CANCEL"),
            ],
        )
        self.layer.request(request, self.target, _ignore_response, _ignore_failure, branch=self.branch, flow=self.flow)


def _ignore_response(_: ClientTransaction, __: Response) -> None:
    """The INVITE's own answer tells what the CANCEL did."""


def _ignore_failure(_: ClientTransaction, __: Failure) -> None:
    """The INVITE is given up by its own timer (s9.1)."""
