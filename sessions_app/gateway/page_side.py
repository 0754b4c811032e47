"""The queues to the message side: one MESSAGE outstanding for each target URI (RFC 3428 s8, RULEBOOK M7).

A queue exists while something is outstanding. An isComposing indication waits for nothing: if the queue is busy only
the latest is remembered, and a message takes its place.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from protocols.payload.errors import PayloadError
from protocols.payload.split import split_text
from protocols.sip.flow import Target
from protocols.sip.transaction_client import ClientTransaction, Failure, OutgoingRequest
from protocols.sip.transports import UDP_LIMIT
from sessions_app.cause import NO_CAUSE, Cause, Side
from sessions_app.gateway import content
from sessions_app.gateway.life import Event
from sessions_app.gateway.outcomes import MESSAGE_IN_VAIN
from sessions_app.gateway.to_page import ToPage
from sessions_app.gateway.way_back import ONLY_BY_FLOW

if TYPE_CHECKING:
    from protocols.sip.message import Response
    from sessions_app.gateway.content import Form
    from sessions_app.gateway.gateway import Gateway
    from sessions_app.gateway.session import Session

SMALL: Final = 500
"""Octets of a body that goes into UDP whatever its header fields are."""
LONGEST_VIA: Final = (
    "SIP/2.0/UDP [2001:db8:1000:1000:1000:1000:1000:1000]:65535;branch=z9hG4bK0123456789abcdef01234567;rport"
)
MOST_AT_ONCE: Final = 20
"""Messages of a queue that may fail within one turn; the rest follow in the next."""
ROOM_WAIT: Final = 0.1
"""Seconds after which it is looked again whether a host has room for one more request."""


class Indication:
    """An isComposing document on its way: no row, no obligation (RFC 3994 s4, RULEBOOK C1)."""

    __slots__ = ("form", "session")

    def __init__(self, session: Session, form: Form) -> None:
        self.session = session
        self.form = form

    def request(self) -> OutgoingRequest:
        """The MESSAGE."""
        page = self.session.page
        gateway = self.session.gateway
        call_id = gateway.new_call_id()
        return OutgoingRequest(
            "MESSAGE",
            page.ruri,
            [
                ("Max-Forwards", self.session.max_forwards),
                ("From", f"<{page.from_uri}>;tag={call_id[:16]}"),
                ("To", f"<{page.to_uri}>"),
                ("Call-ID", call_id),
                ("CSeq", "1 MESSAGE"),
                ("Content-Type", self.form.type),
            ],
            self.form.body,
        )


class PageSide:
    """What is on its way to the message side, by target URI."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._queues: dict[str, deque[ToPage]] = {}
        self._indications: dict[str, dict[Session, Indication]] = {}
        self._depth = 0
        self._held_back: dict[str, deque[ToPage]] = {}
        """First ones of their queues, by the host that has as many requests unanswered as it may."""

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
        session = message.session
        target = session.page.ruri
        if self._indications:
            self._indications.get(target, {}).pop(session, None)  # content ends composing
        waiting = self._queues.get(target)
        if waiting is None:
            self._queues[target] = deque()
            self._send(message)
        else:
            waiting.append(message)

    def indicate(self, session: Session, form: Form) -> None:
        """Send an isComposing document, or let it be the latest that waits."""
        target = session.page.ruri
        if target in self._queues:
            self._indications.setdefault(target, {})[session] = Indication(session, form)
        else:
            self._queues[target] = deque()
            self._send(Indication(session, form))

    # ------------------------------------------------------------------------------ sending

    def _send(self, message: ToPage | Indication) -> None:
        if isinstance(message, ToPage) and message.expired:
            self._finish(message, Event.EXPIRED, None, Cause(Side.MESSAGE, "expiry", "expired"))
            return
        page = message.session.page
        if page.target is not None:
            self._send_to(message, page.target)
            return
        hop = page.hop or page.ruri
        origin = message.session.origin(hop)
        self._gateway.agent.locator.locate(hop, lambda found: self._located(message, found), origin)

    def _located(self, message: ToPage | Indication, found: Target | Failure) -> None:
        page = message.session.page
        if isinstance(found, Failure):
            self._unreachable(message, found)
            return
        page.target = found
        page.set_profile(self._gateway.profiles(found.host))
        self._send_to(message, found)

    def _unreachable(self, message: ToPage | Indication, failure: Failure) -> None:
        if isinstance(message, ToPage):
            cause = Cause(Side.MESSAGE, failure.layer, failure.detail)
            self._finish(message, Event.REFUSED, None, cause, MESSAGE_IN_VAIN.get(failure.layer))
        else:
            self._next(message.session.page.ruri)

    def _send_to(self, message: ToPage | Indication, target: Target) -> None:
        page = message.session.page
        if isinstance(message, ToPage) and message.form is None:
            if not message.choose_form():
                cause = Cause(Side.MESSAGE, "type", "it takes none of the forms there are", 415)
                self._finish(message, Event.REFUSED, 415, cause)
                return
            refusal = self._fit(message, target)
            if refusal:
                self._finish(message, Event.REFUSED, 413, Cause(Side.MESSAGE, "size", refusal, 413))
                return
        if page.hop and page.hop.endswith(ONLY_BY_FLOW) and not self._gateway.transports.has(target):
            self._unreachable(message, Failure("tcp", "the connection that its MESSAGEs came on is closed"))
            return
        self._gateway.agent.layer.request(message.request(), target, self._answered, self._failed, context=message)

    def _fit(self, message: ToPage, target: Target) -> str:
        """Split what is too large for UDP where the peer's profile says so; why it cannot go out, or nothing."""
        form = message.form
        assert form is not None
        how = message.session.page.profile.oversize
        if how == "stream" or len(form.body) <= SMALL or target.transport != "UDP":
            return ""  # the transport itself goes over to TCP (RFC 3261 s18.1.1)
        size = len(message.request().render(LONGEST_VIA))
        if size <= UDP_LIMIT:
            return ""
        if how == "refuse" or form.essence != "text/plain":
            return f"{size} octets, more than {UDP_LIMIT}"
        try:
            text = form.body.decode()
            message.parts = split_text(text, UDP_LIMIT - (size - len(form.body)) - len("-99"))
        except (UnicodeDecodeError, PayloadError) as error:
            return f"{size} octets that cannot be split: {getattr(error, 'reason', 'not UTF-8')}"
        return ""

    def _answered(self, transaction: ClientTransaction, response: Response) -> None:
        message = transaction.context
        code = response.status
        if isinstance(message, Indication):
            if code == 415:  # it wants no more of them (RFC 3994 s4)
                message.session.page.refuses.add(content.COMPOSING)
            self._next(message.session.page.ruri)
            return
        assert isinstance(message, ToPage)
        if code == 482 and (message.resent or self._gateway.database_away.is_young):
            # It knows the request from the process before (RFC 3261 s8.2.2.2). What it had answered, nobody knows.
            cause = Cause(Side.MESSAGE, "sip", "482, it had come before the restart", code)
            self._finish(message, Event.PASSED_ON, code, cause)
        elif code < 300:
            if message.part + 1 < len(message.parts):
                message.part += 1
                self._send(message)
            elif code == 202:
                self._finish(message, Event.PASSED_ON, code, NO_CAUSE)
            else:
                self._finish(message, Event.TAKEN, code, NO_CAUSE)
        elif code == 415 and self._other_form(message):
            message.cseq += 1
            self._send(message)
        else:
            part = f", part {message.part + 1} of {len(message.parts)}" if message.parts else ""
            cause = Cause(Side.MESSAGE, "sip", f"{code} {response.reason}{part}", code)
            self._finish(message, Event.REFUSED, code, cause)

    def _other_form(self, message: ToPage) -> bool:
        """After a 415: whether there is another form of the message that may be tried; then this one is no more."""
        page = message.session.page
        assert message.form is not None
        essence = message.form.essence
        if content.for_page(message, page.takes_cpim, page.refuses | {essence}) is None:
            return False
        page.refuses.add(essence)
        if essence == content.CPIM:
            page.learn_cpim(False)
        message.form, message.parts, message.part = None, [], 0
        return True

    def _failed(self, transaction: ClientTransaction, failure: Failure) -> None:
        message = transaction.context
        assert isinstance(message, ToPage | Indication)
        page = message.session.page
        if failure.layer == "overload" and isinstance(message, ToPage) and self._gateway.config.promises:
            self._hold_back(message, transaction.target.host)
            return
        known, page.target = page.target, None  # ask again where it is
        if isinstance(message, Indication):
            self._next(page.ruri)
            return
        cause = Cause(Side.MESSAGE, failure.layer, failure.detail)
        too_large = failure.layer == "tcp" and known is not None and known.transport == "UDP"
        if too_large:  # only its size had asked for a connection
            cause = Cause(Side.MESSAGE, "size", f"too large for UDP, and over TCP: {failure.detail}")
        self._finish(message, Event.REFUSED, None, cause, 413 if too_large else None)

    def _hold_back(self, message: ToPage, host: str) -> None:
        """It is owed, or will be in a moment, so it does not fail because of a bound of ours: it waits for room."""
        if not self._held_back:
            self._gateway.wheel.start(ROOM_WAIT, self._look_for_room)
        self._held_back.setdefault(host, deque()).append(message)

    def _look_for_room(self, _: object) -> None:
        held_back, self._held_back = self._held_back, {}
        far_ends = self._gateway.layer.far_ends
        for host, waiting in held_back.items():
            while waiting and far_ends.has_room(host):
                self._send(waiting.popleft())
            for message in waiting:
                self._hold_back(message, host)

    # ---------------------------------------------------------------------------------- end

    def _finish(self, message: ToPage, event: Event, code: int | None, cause: Cause, status: int | None = None) -> None:
        target = message.session.page.ruri
        if message.finished(event, code, cause, status):
            self._next(target)
            return
        # It is left to the next start, and so is what was promised after it: order is kept across a planned stop.
        self._indications.pop(target, None)
        for behind in self._queues.pop(target):
            behind.finished(Event.REFUSED, None, Cause(Side.GATEWAY, "stop", "those before it have no answer"))

    def _next(self, target: str) -> None:
        """The queue of ``target`` moves on."""
        waiting = self._queues[target]
        message: ToPage | Indication
        if waiting:
            message = waiting.popleft()
        else:
            indications = self._indications.get(target)
            if not indications:
                self._indications.pop(target, None)
                del self._queues[target]
                return
            message = indications.pop(next(iter(indications)))
        if self._depth >= MOST_AT_ONCE:  # each of them may fail at once, and a queue is longer than a stack
            self._gateway.wheel.start(0.0, lambda _: self._send(message))
            return
        self._depth += 1
        try:
            self._send(message)
        finally:
            self._depth -= 1
