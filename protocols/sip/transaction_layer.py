"""The transaction layer: bytes in, requests and answers to their transactions, what is new to the transaction user.

Source: RFC 3261 s17 and s18, RFC 3581, RFC 4320, RFC 6026. Malformed messages end here: answered where an answer is
possible, counted and dropped where not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, Protocol

from protocols.sip import timing
from protocols.sip.builder import build_response
from protocols.sip.errors import SipError
from protocols.sip.far_ends import FarEnds
from protocols.sip.flow import PORTS, Flow, Target
from protocols.sip.ids import Branches, StatelessTags, new_tag
from protocols.sip.limits import DEFAULT_LIMITS, SipLimits
from protocols.sip.matching import merge_identity, transaction_key
from protocols.sip.message import Request, Response
from protocols.sip.parse_error import SipParseError
from protocols.sip.parser import parse_message
from protocols.sip.recent import Recent
from protocols.sip.strangers import Strangers
from protocols.sip.transaction_client import (
    ClientTransaction,
    Failure,
    InviteClientTransaction,
    OnFailure,
    OnResponse,
    OutgoingRequest,
)
from protocols.sip.transaction_server import InviteServerTransaction, ServerTransaction
from protocols.sip.transaction_server import State as ServerState
from protocols.sip.transports import UDP_LIMIT, Transports, udp_limit
from protocols.sip.validate import METHODS, check_request, check_response
from protocols.sip.via import Via
from protocols.timers import TimerWheel

_LATER: Final = (("Retry-After", "5"),)
_CANCELLED_IN_VAIN: Final = METHODS - {"ACK", "CANCEL", "INVITE"}


class TransactionUser(Protocol):
    """Who gets what the transactions do not settle among themselves."""

    def on_request(self, transaction: ServerTransaction) -> None:
        """A new, valid request; answer it through ``transaction.respond``."""

    def on_ack(self, request: Request) -> None:
        """The ACK of a 2xx."""

    def on_cancel(self, transaction: InviteServerTransaction) -> None:
        """A pending INVITE is cancelled; the CANCEL itself is answered already. Answer the INVITE 487."""

    def is_far_end(self, request: Request, host: str) -> bool:
        """Whether a request belongs to a dialog whose other end is at ``host``."""


class _Nobody:
    """Before there is a user."""

    def on_request(self, transaction: ServerTransaction) -> None:
        transaction.respond(500)

    def on_ack(self, request: Request) -> None:
        """Nothing was answered 2xx."""

    def on_cancel(self, transaction: InviteServerTransaction) -> None:
        transaction.respond(487)

    def is_far_end(self, request: Request, host: str) -> bool:
        return False


class TransactionLayer:
    """All transactions of one process; ``user`` is the :class:`~protocols.sip.user_agent.UserAgent` that is made on it.

    ``counts`` tells what was dropped and repeated, by name. ``limit`` bounds the transactions remembered; above it a
    new request is answered 503 with Retry-After, without state. ``far_ends`` says who is listened to, and how much may
    be under way with whom; ``strangers`` refuses the rest.
    """

    __slots__ = (
        "_by_flow",
        "_clients",
        "_finished",
        "_seen",
        "_servers",
        "_tags",
        "branches",
        "counts",
        "far_ends",
        "limit",
        "limits",
        "strangers",
        "transports",
        "user",
        "wheel",
    )

    def __init__(
        self,
        wheel: TimerWheel,
        transports: Transports,
        user: TransactionUser | None = None,
        *,
        limits: SipLimits = DEFAULT_LIMITS,
        limit: int = 500_000,
        far_ends: FarEnds | None = None,
        strangers: Strangers | None = None,
    ) -> None:
        self.wheel = wheel
        self.transports = transports
        self.user: TransactionUser = user or _Nobody()
        self.limits = limits
        self.limit = limit
        self.branches = Branches()
        self.counts: Counter[str] = Counter()
        self.far_ends = far_ends or FarEnds()
        self.strangers = strangers or Strangers()
        self._tags = StatelessTags()
        self._servers: dict[str, ServerTransaction] = {}
        self._clients: dict[str, ClientTransaction] = {}
        self._by_flow: dict[Flow, dict[ClientTransaction, None]] = {}  # those on connections
        self._finished: Recent[bytes] = Recent(timing.TIMER_J, wheel.now)
        self._seen: Recent[str] = Recent(timing.TIMER_J, wheel.now)

    # ---------------------------------------------------------------- bytes in

    def receive(self, data: bytes, source: tuple[str, int], flow: Flow) -> None:
        """One whole message from ``source``, as a datagram or framed from a stream. Never raises for what is in it."""
        far_ends = self.far_ends
        trusted = far_ends.trusts(source[0])
        if not trusted and source[0] not in far_ends.called:
            self.strangers.refuse(data, source, flow)
            return
        try:
            message = parse_message(data, self.limits)
        except SipParseError as error:
            if trusted:
                self.refuse(error, source, flow)
            else:
                self.strangers.refuse(data, source, flow)
            return
        if isinstance(message, Response):
            self._response(message, source[0], trusted)
        elif trusted or self.user.is_far_end(message, source[0]):
            self._request(message, source, flow)
        else:
            self.strangers.refuse(data, source, flow)

    def refuse(self, error: SipParseError, source: tuple[str, int], flow: Flow) -> None:
        """Answer a malformed request where it can be answered (s8.2.6, s18.3), else count it."""
        self.counts["malformed"] += 1
        request = error.partial
        if request is None or request.method == "ACK":
            self.counts["dropped"] += 1
            return
        self._reply_stateless(request, source, flow, error.code, error.reason, error.headers)

    def _reply_stateless(
        self,
        request: Request,
        source: tuple[str, int],
        flow: Flow,
        code: int,
        reason: str | None,
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        try:
            request.stamp(*source)
            data = build_response(request, code, reason, to_tag=self._tags.of(request, source), headers=headers)
            reply_to = request.reply_to(source)
        except SipError:
            self.counts["dropped"] += 1
            return
        flow.send(data, reply_to)

    def _request(self, request: Request, source: tuple[str, int], flow: Flow) -> None:
        try:
            request.stamp(*source)
            key = transaction_key(request)
        except SipError as error:
            self.refuse(SipParseError(error.code, error.reason, request), source, flow)
            return
        method = request.method
        known = self._servers.get(key)
        if known is not None:
            if method == "ACK":
                assert isinstance(known, InviteServerTransaction)
                if known.ack():
                    self.user.on_ack(request)
            else:
                self.counts["repeats"] += 1
                known.repeat()
            return
        answer = self._finished.get(key)
        if answer is not None:
            self.counts["repeats"] += 1
            flow.send(answer, request.reply_to(source))
            return
        if method == "ACK":
            self.user.on_ack(request)
            return
        if len(self._servers) + len(self._finished) >= self.limit or len(self._seen) >= self.limit:
            self.counts["overload"] += 1
            self._reply_stateless(request, source, flow, 503, None, _LATER)
            return
        if method == "INVITE" and not self.far_ends.may_call(source[0]):
            self.counts["unacknowledged"] += 1
            self._reply_stateless(request, source, flow, 503, "Too many INVITEs wait for their ACK", _LATER)
            return
        made = InviteServerTransaction if method == "INVITE" else ServerTransaction
        transaction = made(self, key, request, flow, source, request.reply_to(source))
        self._servers[key] = transaction
        if method == "CANCEL":
            self._cancel(transaction)
            return
        try:
            check_request(request)
            self._check_merged(request, key)
        except SipError as error:
            self.counts["refused"] += 1
            transaction.respond(error.code, error.reason, headers=error.headers)
            return
        try:
            self.user.on_request(transaction)
        except Exception:
            transaction.respond(500)  # else it would wait for ever
            raise
        if isinstance(transaction, InviteServerTransaction):
            transaction.expect_answer()

    def _check_merged(self, request: Request, key: str) -> None:
        """A request of our own that came back, or the same one by another way: 482 (s8.2.2.2, RULEBOOK M13, U2).

        In-dialog requests cannot be merged.

        Over TCP too, where the transaction itself would be over with its answer: the other way may be the longer one.
        """
        ours = self.branches.mark
        for via in request.headers["via"]:
            if ours in via:
                raise SipError(482, "Loop Detected")  # we sent it ourselves (RFC 3261 s16.3, RULEBOOK U1, U2)
        if request.to.tag is not None:
            return
        identity = merge_identity(request)
        first = self._seen.get(identity)
        if first is None:
            self._seen.put(identity, key)
        elif first != key:
            raise SipError(482, "Merged request")

    def _cancel(self, cancel: ServerTransaction) -> None:
        """s9.2: the INVITE's transaction decides the answer; what comes of the INVITE is its user's matter.

        To cancel anything else has no effect but its 200.
        """
        alike = cancel.key[: -len("CANCEL")]
        pending = self._servers.get(alike + "INVITE")
        if isinstance(pending, InviteServerTransaction):
            if pending.to_tag is None:
                pending.to_tag = new_tag()
            cancel.to_tag = pending.to_tag
            cancel.respond(200)
            if pending.state is ServerState.PROCEEDING:
                self.user.on_cancel(pending)
        elif any(alike + each in self._servers or self._finished.get(alike + each) for each in _CANCELLED_IN_VAIN):
            cancel.respond(200)
        else:
            cancel.respond(481)

    def _response(self, response: Response, host: str, trusted: bool) -> None:
        via = response.via
        transaction = self._clients.get(f"{via.branch}{response.cseq.method}")
        if transaction is None:
            self.counts["stray_responses"] += 1
            return
        if not trusted and host != transaction.target.host:
            self.counts["foreign_responses"] += 1
            return
        try:
            check_response(response)
        except SipError:
            self.counts["dropped"] += 1
            return
        flow = transaction.flow
        if flow is None or (f"{via.host}:{via.port}" != flow.sent_by and via.sent_by != _sent_by(flow)):
            self.counts["dropped"] += 1  # our branch in somebody else's Via (s18.1.2)
            return
        transaction.response(response)

    # --------------------------------------------------------------- requests out

    def request(
        self,
        request: OutgoingRequest,
        target: Target,
        on_response: OnResponse,
        on_failure: OnFailure,
        *,
        context: object = None,
        branch: str | None = None,
        flow: Flow | None = None,
    ) -> ClientTransaction:
        """Send a request and expect its answer.

        A request over the UDP limit goes by TCP (s18.1.1), back to UDP where TCP is refused and the path's MTU is
        known to carry it. ``on_failure`` may be called before this returns.
        """
        made = InviteClientTransaction if request.method == "INVITE" else ClientTransaction
        transaction = made(self, request, target, on_response, on_failure, context, branch)
        if not self.far_ends.ask(target.host, request.method):
            self.counts["unanswered"] += 1
            transaction.refused(Failure("overload", f"{target.host} leaves too many requests unanswered"))
            return transaction
        self._clients[transaction.key] = transaction
        self.send(request, target, transaction, flow)
        return transaction

    def send(
        self, request: OutgoingRequest, target: Target, transaction: ClientTransaction, flow: Flow | None = None
    ) -> None:
        """Pick the flow for a transaction and let it go out."""
        if flow is not None and flow.alive:
            transaction.flow_ready(flow)
            return
        if target.transport == "UDP":
            udp = self.transports.udp_to(target.host)
            if udp is None:
                transaction.flow_failed("no UDP transport")
                return
            via = f"SIP/2.0/UDP {udp.sent_by};branch={transaction.branch};rport"
            data = request.render(via)
            if len(data) <= UDP_LIMIT:
                transaction.sent(udp, data)
                return
            transaction.retry_udp = len(data) <= udp_limit(target.host)
            transaction.target = target = Target("TCP", target.host, target.port)
        self.transports.obtain(target, transaction)

    # ---------------------------------------------------------- for the transactions

    def reply(self, transaction: ServerTransaction, data: bytes) -> None:
        """Send an answer the way s18.2.2 says: the request's own connection, or a new one to its sender.

        The new one goes to the port of sent-by: where the old one came from, nobody listens.
        """
        flow = transaction.flow
        if flow.alive:
            flow.send(data, transaction.reply_to)
        elif flow.reliable:
            via, transport = transaction.request.via, flow.transport
            name = via.host.strip("[]").lower()
            target = Target.over(transport, transaction.source[0], via.port or PORTS[transport], name)
            self.transports.obtain(target, _Reply(data, target.address))

    def finish(self, transaction: ServerTransaction, data: bytes) -> None:
        """A non-INVITE transaction has its final answer, which is all that is kept (Timer J)."""
        self._servers.pop(transaction.key, None)
        self._finished.put(transaction.key, data)

    def acknowledged(self, transaction: InviteServerTransaction) -> None:
        """The ACK of its final answer has come: its source is there."""
        if not transaction.settled:
            transaction.settled = True
            self.far_ends.acknowledged(transaction.source[0])

    def _wait_for_no_ack(self, transaction: ServerTransaction) -> None:
        if isinstance(transaction, InviteServerTransaction) and not transaction.settled:
            transaction.settled = True
            self.far_ends.never_did(transaction.source[0])

    def refuse_once(
        self, transaction: ServerTransaction, code: int, reason: str | None, headers: Sequence[tuple[str, str]]
    ) -> None:
        """Answer a request and let go of it: its answer is not repeated of itself.

        What was refused should not be taken when it comes again, so a copy finds the answer of a non-INVITE as long as
        there is room for it; and whoever called hears no more of a call that they have taken for refused.
        """
        if not isinstance(transaction, InviteServerTransaction) and len(self._finished) < self.limit // 2:
            transaction.respond(code, reason, headers=headers)
            return
        transaction.state = ServerState.TERMINATED
        self.ignore_server(transaction)
        self._reply_stateless(transaction.request, transaction.source, transaction.flow, code, reason, headers)

    def forget_server(self, transaction: ServerTransaction) -> None:
        """Terminated."""
        self._servers.pop(transaction.key, None)
        self._wait_for_no_ack(transaction)

    def ignore_server(self, transaction: ServerTransaction) -> None:
        """Its user wants to know nothing of it, and nothing of it is kept."""
        self._servers.pop(transaction.key, None)
        self._wait_for_no_ack(transaction)
        self._seen.discard(merge_identity(transaction.request))

    def depend(self, transaction: ClientTransaction, flow: Flow) -> None:
        """It waits for an answer on a connection."""
        self._by_flow.setdefault(flow, {})[transaction] = None

    def forget_client(self, transaction: ClientTransaction) -> None:
        """Terminated."""
        if self._clients.pop(transaction.key, None) is not None:
            if transaction.target.host in self.far_ends.called:
                self.far_ends.expect_no_more(transaction.target.host)
            if not transaction.answered:
                self.far_ends.gave_up(transaction.target.host, transaction.request.method)
        flow = transaction.flow
        if flow is not None and flow.reliable:
            others = self._by_flow.get(flow)
            if others is not None:
                others.pop(transaction, None)
                if not others:
                    del self._by_flow[flow]

    def flow_lost(self, flow: Flow) -> None:
        """A connection is gone: what waits for an answer on it has failed."""
        for transaction in list(self._by_flow.get(flow, ())):
            transaction.flow_lost()

    def advance(self, now: float) -> None:
        """Let old answers be forgotten; call it about every second."""
        self._finished.advance(now)
        self._seen.advance(now)

    @property
    def pending(self) -> int:
        """Transactions without a final answer."""
        return len(self._servers) + len(self._clients)


class _Reply:
    """An answer that waits for a connection back to its peer."""

    __slots__ = ("data", "to")

    def __init__(self, data: bytes, to: tuple[str, int]) -> None:
        self.data = data
        self.to = to

    def flow_ready(self, flow: Flow) -> None:
        flow.send(self.data, self.to)

    def flow_failed(self, detail: str) -> None:
        """Nobody is there to be answered; the peer's own timer tells it."""


def _sent_by(flow: Flow) -> str:
    """A flow's sent-by as :attr:`Via.sent_by` writes it."""
    return Via.parse(f"SIP/2.0/{flow.transport} {flow.sent_by}").sent_by
