"""One connection of the MSRP engine: bytes in, events out; messages in, bytes out (RFC 4975 s5.1, s5.4, s7.1.1).

Many sessions share a connection. What is ready (responses, REPORTs, messages of one chunk) goes out first; what the
backlog holds is cut into chunks only as bytes are taken.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from protocols.msrp.backlog import Backlog
from protocols.msrp.errors import MsrpFramingError
from protocols.msrp.events import BindTimeout, ConnectionFault, Event, Layer, SendOutcome, SessionBound, SessionLost
from protocols.msrp.frames import Frame, MsrpRequest, MsrpResponse
from protocols.msrp.outgoing import OutgoingMessage
from protocols.msrp.parser import FrameParser
from protocols.msrp.requests import receive_request

if TYPE_CHECKING:
    from protocols.msrp.endpoint import MsrpEndpoint
    from protocols.msrp.session import MsrpSession


class MsrpConnection:
    """The engine's half of one transport connection, made by ``endpoint.create_connection``."""

    __slots__ = (
        "_outbox",
        "_parser",
        "_pending",
        "_refusals",
        "_unsent",
        "_unwritten",
        "_woken",
        "backlog",
        "context",
        "endpoint",
        "guests",
        "live",
        "outbound",
        "remote",
        "sessions",
        "waiting",
        "wake",
        "writable",
    )

    def __init__(self, endpoint: MsrpEndpoint, outbound: bool, remote: str = "") -> None:
        self.endpoint = endpoint
        self.outbound = outbound
        """True when we opened it."""
        self.remote = remote
        """Numeric address of the other end, empty where nobody told."""
        self.context: object = None
        """The host's own pointer, never looked at here."""
        self.wake: Callable[[MsrpConnection], None] | None = None
        """Called once when output begins to wait; the host then calls take_output, now or soon. Called again from
        take_output itself when more is waiting than one call hands out."""
        self.writable = True
        """Set by the host; while False no bytes of big messages are handed out. See ``resume``."""
        self.live = True
        """False after a fault or ``lost``."""
        self.sessions: dict[MsrpSession, None] = {}
        """Sessions bound to this connection."""
        self.guests: dict[MsrpSession, None] = {}
        """Sessions bound to another one, whose peer's relay uses this one too."""
        self.waiting = 0
        """Bytes that wait to be taken, the bodies of big messages included."""
        self._refusals = 0
        self._parser = FrameParser(endpoint.limits, endpoint.held)
        self._parser.body_limit = self._body_limit
        self._outbox: list[bytes] = []
        self._woken = False
        self._pending: dict[str, OutgoingMessage | MsrpSession] = {}  # by tid; a session stands for its bind
        self._unsent: list[str] = []  # tids whose last byte is in the outbox
        self._unwritten: list[OutgoingMessage] = []  # Failure-Report: no, in the outbox
        self.backlog = Backlog(self)
        """Big messages that wait for their turn."""

    # ---- in

    def receive(self, data: bytes, now: float) -> list[Event]:
        """Take bytes from the peer. After a ConnectionFault the host must close, then call ``lost``."""
        events: list[Event] = []
        if not self.live:
            return events
        self.endpoint.now = now
        fault: str | None = None
        frames: list[Frame]
        try:
            frames = self._parser.feed(data)
        except MsrpFramingError as error:
            frames = error.frames
            fault = error.reason
        for frame in frames:
            if type(frame) is MsrpRequest:
                receive_request(self, frame, now, events)
                if self._refusals > self.endpoint.limits.max_refusals:
                    fault = fault or "nothing but requests that are refused"
                    break
            elif type(frame) is MsrpResponse:
                self._receive_response(frame, events)
        if fault is not None:
            self.live = False
            events.append(ConnectionFault(self, fault))
        return events

    def _receive_response(self, response: MsrpResponse, events: list[Event]) -> None:
        code = response.code
        if code < 100:
            return
        tid = response.tid
        pending = self._pending.pop(tid, None)
        if pending is None:  # not ours, or too late
            return
        self.endpoint.transactions.pop(tid, None)
        if isinstance(pending, OutgoingMessage):
            session = pending.session
            if pending.done:
                return
            if code == 200:
                pending.unanswered -= 1
                if not session.bind_confirmed:
                    self.confirm(session, events)
                if pending.all_written and pending.unanswered <= 0:
                    pending.done = True
                    outcome = SendOutcome(session, pending, 200, response.comment, "response")
                    del session.pending[pending]
                    events.append(outcome)
            else:
                self.stop(pending, code, response.comment, events)
        else:
            self._bind_answered(pending, code, response.comment, events)

    def _bind_answered(self, session: MsrpSession, code: int, comment: str, events: list[Event]) -> None:
        if session.connection is not self:
            return
        if code == 200:
            self.confirm(session, events)
        else:  # RULEBOOK S31: 481 and 506 end the session here
            reason = f"bind refused: {code} {comment}".rstrip()
            session.fail_all(reason, "connection", events)
            self.unbind(session)
            events.append(SessionLost(session, reason, code))

    def _body_limit(self, request: MsrpRequest) -> int:
        """How much body a big chunk still arriving may bring (RULEBOOK S24, S31)."""
        session = self.endpoint.find(request.to_path)
        if request.method != "SEND":
            return 10240  # RFC 4975 s7.1
        return session.max_size if session is not None else 0

    # ---- sessions

    def bind(self, session: MsrpSession) -> None:
        """This connection carries ``session`` from now on."""
        session.connection = self
        self.sessions[session] = None
        self._refusals = 0
        self.endpoint.bound(session, self)

    def has_guest(self, session: MsrpSession) -> None:
        """A session that is bound to another connection may be spoken to on this one too."""
        if session not in self.guests:
            self.guests[session] = None
            session.lodgings = [*(session.lodgings or ()), self]
            self.endpoint.in_use(self)

    def guest_left(self, session: MsrpSession) -> None:
        """It has ended, or got another peer."""
        self.guests.pop(session, None)
        self._wait_if_unused()

    def _wait_if_unused(self) -> None:
        if self.live and not self.sessions and not self.guests:
            self.endpoint.start_idle_wait(self)

    def refused(self) -> None:
        """A request that came on it was refused."""
        if not (self.sessions or self.guests):
            self._refusals += 1

    def confirm(self, session: MsrpSession, events: list[Event]) -> None:
        """The peer has shown that it takes part in ``session`` here."""
        if not session.bind_confirmed:
            session.bind_confirmed = True
            events.append(SessionBound(session, self))

    def unbind(self, session: MsrpSession) -> None:
        """This connection carries ``session`` no longer; an open chunk of it will be ended with '#'."""
        self.sessions.pop(session, None)
        session.connection = None
        session.bind_confirmed = False
        self._wait_if_unused()
        if self.backlog.leave(session):
            self._wake()

    @property
    def idle(self) -> bool:
        """True when no session needs it and nothing waits to be written: the host may close it (RULEBOOK S19)."""
        return not self.sessions and not self.guests and not self.has_output

    def lost(self, now: float) -> list[Event]:
        """The connection is gone: so are the bindings of its sessions and all it had pending (RULEBOOK S17)."""
        events: list[Event] = []
        self.live = False
        self._parser.close()
        self.endpoint.now = now
        self.endpoint.gone(self)
        for tid in self._pending:
            self.endpoint.transactions.pop(tid, None)
        self._pending.clear()
        for session in list(self.sessions):
            session.fail_all("connection lost", "connection", events)
            session.backlog = None
            session.connection = None
            session.bind_confirmed = False
            events.append(SessionLost(session, "connection lost"))
        self.sessions.clear()
        for guest in list(self.guests):
            guest.leaves(self)
        self._outbox = []
        self._unsent = []
        self._unwritten = []
        self.backlog.clear()
        self.waiting = 0
        return events

    # ---- out

    def queue(self, data: bytes) -> bool:
        """Put ready bytes into the outbox; False on a dead connection."""
        if not self.live:
            return False
        self._outbox.append(data)
        self.waiting += len(data)
        if not self._woken:
            self._wake()
        return True

    def _wake(self) -> None:
        if not self._woken and self.live:
            self._woken = True
            if self.wake is not None:
                self.wake(self)

    def send_bind(self, session: MsrpSession, tid: str, data: bytes) -> None:
        """Queue the bodiless SEND that binds ``session``."""
        self._pending[tid] = session
        self._unsent.append(tid)
        self.queue(data)

    def send_small(self, outgoing: OutgoingMessage, tid: str, data: bytes) -> None:
        """Queue a message of one chunk."""
        outgoing.all_written = True
        if outgoing.failure_report == "no":
            self._unwritten.append(outgoing)
        else:
            outgoing.unanswered = 1
            self._pending[tid] = outgoing
            self._unsent.append(tid)
        self.queue(data)

    def send_big(self, session: MsrpSession, outgoing: OutgoingMessage) -> None:
        """Let a message wait for its turn to be sent in chunks."""
        self.backlog.add(session, outgoing)
        if self.writable:
            self._wake()

    def resume(self, now: float) -> None:
        """The host can write again: big messages go on."""
        self.endpoint.now = now
        self.writable = True
        if self.has_output:
            self._wake()

    @property
    def has_output(self) -> bool:
        """True when take_output would hand out something, now or once writable."""
        return bool(self._outbox) or self.backlog.busy

    def take_output(self, now: float | None = None) -> bytes:
        """All that is ready, then big messages up to limits.flush_budget while writable.

        Transaction timers start here, at ``now``, or without it at the latest time the engine was told.
        """
        self._woken = False
        endpoint = self.endpoint
        if now is None:
            now = endpoint.now
        else:
            endpoint.now = now
        parts = self._outbox
        self._outbox = []
        if self.backlog.busy:
            self.waiting -= sum(map(len, parts))
            parts = self.backlog.produce(parts, self.writable)
            if self.writable and self.backlog.turns:
                self._wake()
        else:
            self.waiting = 0
        if self._unsent:
            timers = endpoint.transactions
            due = (now + endpoint.limits.transaction_timeout, self)
            for tid in self._unsent:
                timers[tid] = due
            self._unsent.clear()
        if self._unwritten:
            for outgoing in self._unwritten:
                outgoing.session.settle(outgoing, None, "written", "written", endpoint.ready)
            self._unwritten.clear()
        return parts[0] if len(parts) == 1 else b"".join(parts)

    # ---- ends of outgoing messages

    def stop(self, outgoing: OutgoingMessage, code: int, reason: str, events: list[Event]) -> None:
        """The peer refused ``outgoing``: no more of it is sent, an open chunk of it ends with '#' (RULEBOOK S30)."""
        layer: Layer = "timeout" if code == 408 else "response"  # RULEBOOK S31
        outgoing.session.settle(outgoing, code, reason, layer, events)
        if self.backlog.drop(outgoing):
            self._wake()

    def chunk_opened(self, outgoing: OutgoingMessage, tid: str) -> None:
        """The head of a chunk is on its way: its response may come from now on."""
        if outgoing.failure_report != "no":
            self._pending[tid] = outgoing
            outgoing.unanswered += 1

    def chunk_closed(self, outgoing: OutgoingMessage, tid: str) -> None:
        """The end-line of a chunk is on its way: its timer starts (RULEBOOK S26)."""
        if outgoing.failure_report != "no":
            self._unsent.append(tid)
        elif outgoing.all_written:
            self._unwritten.append(outgoing)

    def transaction_expired(self, tid: str, events: list[Event]) -> None:
        """No response came in time (RULEBOOK S26)."""
        pending = self._pending.pop(tid, None)
        if pending is None:
            return
        if isinstance(pending, OutgoingMessage):
            if pending.done:
                return
            if pending.failure_report == "partial":  # silence is what a partial sender hopes for
                pending.unanswered -= 1
                if pending.all_written and pending.unanswered <= 0:
                    pending.session.settle(pending, None, "no error reported", "written", events)
                return
            pending.session.settle(pending, None, "no response", "timeout", events)
            if self.backlog.drop(pending):
                self._wake()
        elif pending.connection is self and not pending.bind_confirmed:
            pending.fail_all("bind not answered", "timeout", events)
            self.unbind(pending)
            events.append(BindTimeout(pending))
