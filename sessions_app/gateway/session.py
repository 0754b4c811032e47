"""One session of the gateway: a message side and an MSRP side under one key, from set-up to end.

    SETTING_UP --(MSRP side connected and, where it is the active one, bound)--> LIVE --> ENDED
         \\------------------------------ set-up failed --------------------------------/

The message side may begin it (our INVITE, MESSAGEs wait in order) or the MSRP side (their INVITE, which we answer).
A session is not a transaction: it never blocks, and everything that comes to it after its end finds nothing to do.
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import TYPE_CHECKING, Any

from protocols.msrp.accept import common
from protocols.msrp.errors import TOO_LARGE, TYPE_NOT_ACCEPTED, MsrpError, MsrpSendError
from sessions_app.gateway.leg import AnsweringLeg, CallingLeg, Leg
from sessions_app.gateway.outcomes import Answer, send_refused, setup_cause, setup_refused
from sessions_app.gateway.to_page import ToPage
from sessions_app.store import message_rows

if TYPE_CHECKING:
    from protocols.msrp.connection import MsrpConnection
    from protocols.msrp.events import SendOutcome
    from protocols.msrp.incoming import IncomingMessage
    from protocols.msrp.negotiation import MessageMedia
    from protocols.msrp.session import MsrpSession
    from protocols.sip.flow import Target
    from protocols.sip.transaction_server import InviteServerTransaction
    from sessions_app.gateway.gateway import Gateway
    from sessions_app.gateway.routing import Decision
    from sessions_app.gateway.to_msrp import ToMsrp


class State(Enum):
    """Where a session is in its life; the values are those of the records, except that ENDED is two there."""

    SETTING_UP = "setting_up"
    LIVE = "live"
    ENDED = "ended"


class Session:
    """See the module. Made by :class:`Gateway`, which knows it by its key until it has ended."""

    __slots__ = (
        "_ever_live",
        "created_at",
        "decision",
        "gateway",
        "id",
        "initiator",
        "key",
        "last_message_at",
        "last_send_at",
        "leg",
        "local_path",
        "max_forwards",
        "msrp",
        "page_from",
        "page_hop",
        "page_ruri",
        "page_target",
        "page_to",
        "queue",
        "rows",
        "source",
        "state",
        "to_msrp",
        "to_page",
        "undelivered",
    )

    def __init__(self, gateway: Gateway, decision: Decision, initiator: str, source: str, max_forwards: int) -> None:
        now = gateway.wall()
        self.gateway = gateway
        self.decision = decision
        self.id = message_rows.new_id(now)
        self.key = decision.key
        self.initiator = initiator
        """``message`` or ``msrp``."""
        self.source = source
        self.state = State.SETTING_UP
        self.created_at = self.last_message_at = self.last_send_at = now
        # What the caused requests carry: one hop less than what caused them (RULEBOOK U1).
        self.max_forwards = str(max_forwards - 1)
        if initiator == "message":
            # The way back is the mirror of the MESSAGE.
            self.page_from, self.page_to = decision.to_uri, decision.from_uri
            self.page_ruri, self.page_hop = decision.from_uri, decision.back_hop
        else:
            self.page_from, self.page_to = decision.from_uri, decision.to_uri
            self.page_ruri, self.page_hop = decision.ruri, decision.next_hop
        self.page_target: Target | None = None
        self.queue: deque[ToMsrp] = deque()
        self.msrp: MsrpSession | None = None
        self.local_path = ""
        self.leg: Leg | None = None
        self.to_msrp = self.to_page = self.undelivered = 0
        self.rows = self._row_beginnings()
        self._ever_live = False

    @property
    def accepts(self) -> str:
        """Types that a MESSAGE may have to be carried in this session, for Accept."""
        msrp = self.msrp
        ours = self.decision.content_types
        if msrp is None or msrp.peer_path is None:
            return ", ".join(ours.entries)
        return ", ".join(common(ours, msrp.peer_accept_types))

    def _row_beginnings(self) -> dict[str, tuple[str, str]]:
        """What the rows of this session's messages have in common, each way."""
        return {
            "to_msrp": (message_rows.head(self.id, "to_msrp"), message_rows.parties(self.page_to, self.page_from)),
            "to_page": (message_rows.head(self.id, "to_page"), message_rows.parties(self.page_from, self.page_to)),
        }

    def become_past(self, identity: str) -> None:
        """Stand for a session of an earlier process, whose messages are still to be delivered."""
        self.id = identity
        self.state = State.ENDED
        self.rows = self._row_beginnings()

    def touch(self) -> None:
        """Counters or times changed; the records follow within seconds."""
        self.gateway.dirty[self] = None

    # ---------------------------------------------------------------------------- set-up

    def call(self) -> None:
        """For the message side: INVITE the MSRP side."""
        self.leg = leg = CallingLeg(self)
        self._create_msrp()
        self._record_new(leg)
        leg.call()

    def answer(self, transaction: InviteServerTransaction, media: MessageMedia) -> None:
        """For the MSRP side: answer its INVITE. Raises SipError 400 or MsrpError for what makes no session."""
        leg = AnsweringLeg(self)
        leg.prepare(transaction)
        self.leg = leg
        self._create_msrp()
        self.set_peer(media)
        self._record_new(leg)
        leg.answer(transaction, media)

    def _create_msrp(self) -> None:
        gateway = self.gateway
        self.local_path = gateway.new_path()
        self.msrp = gateway.endpoint.create_session(
            self.local_path, accept_types=self.decision.content_types, max_size=gateway.config.max_message_size
        )
        self.msrp.user = self

    def set_peer(self, media: MessageMedia) -> None:
        """What the MSRP side's description said. Raises MsrpError for a path that is none."""
        assert self.msrp is not None
        self.msrp.set_peer(media.path, media.accept_types, media.max_size)

    def move_to(self, media: MessageMedia) -> bool:
        """A new offer of the MSRP side; True if its path moved, so that it has to be connected anew."""
        msrp = self.msrp
        if msrp is None or self.state is State.ENDED:
            raise MsrpError("the session has ended")
        moved = msrp.peer_path != media.path
        connection = msrp.connection
        if moved and connection is not None:
            self._take_back(msrp)
            connection.unbind(msrp)
            self.gateway.msrp_side.close_if_idle(connection)
        self.set_peer(media)
        if moved:
            self.state = State.SETTING_UP
        return moved

    def _take_back(self, msrp: MsrpSession) -> None:
        """SENDs that the peer has not answered wait for the new path; it knows them again by their Message-ID (S18)."""
        unanswered = [outgoing.context for outgoing in msrp.pending]
        msrp.fail_all("path moved", "connection", [])
        self.queue.extendleft(reversed(unanswered))  # type: ignore[arg-type]  # each is a ToMsrp, see _send

    def connect(self, media: MessageMedia) -> None:
        """We are the active side: get a connection to the peer's path."""
        if self.state is not State.ENDED:
            hop = media.next_hop
            self.gateway.msrp_side.connect(self, (hop.host, hop.port or 2855))

    def await_bind(self) -> None:
        """The peer is the active side: its first SEND binds the session."""
        if self.msrp is not None and not self.msrp.bound:
            self.msrp.await_bind(self.gateway.wheel.now)

    def msrp_connected(self, connection: MsrpConnection) -> None:
        """The connection that we asked for."""
        msrp = self.msrp
        if self.state is State.ENDED or msrp is None:
            return
        try:
            msrp.attach(connection, self.gateway.wheel.now, bind=not self.queue)
        except MsrpError as error:
            self.leg_lost("msrp", str(error))
            return
        self._go_live()

    def msrp_unreachable(self, detail: str) -> None:
        """The connection could not be made."""
        self.leg_lost("tcp", detail)

    def msrp_bound(self) -> None:
        """The peer takes part: its first SEND came, or it answered ours."""
        if self.state is State.SETTING_UP:
            self._go_live()

    def msrp_bind_timeout(self) -> None:
        """The peer did not."""
        self.leg_lost("msrp", f"no SEND bound the session in {self.gateway.config.bind_timeout:g} s")

    def msrp_lost(self, reason: str) -> None:
        """The connection is gone, or the peer refused the session on it; only a new offer could mend it (S17)."""
        self.leg_lost("msrp", reason)

    def _go_live(self) -> None:
        gateway = self.gateway
        self.state = State.LIVE
        now = gateway.wall()
        self.last_send_at = now
        changes: dict[str, Any] = {}
        if not self._ever_live:
            self._ever_live = True
            changes["established_at"] = now
            gateway.count("sessions_established")
        msrp, leg = self.msrp, self.leg
        assert msrp is not None
        assert leg is not None
        gateway.store.change_session(
            self.id,
            {
                "state": "live",
                **changes,
                "dialog": leg.dialog.as_record(),
                "peer_path": " ".join(msrp.peer_path or ()),
                "peer_types": str(msrp.peer_accept_types),
            },
        )
        self.event("live")
        while self.queue and self.state is State.LIVE:
            self._send(self.queue.popleft())

    # --------------------------------------------------------------------------- messages

    def take(self, message: ToMsrp) -> None:
        """A message for the MSRP side: send it, or let it wait for the set-up."""
        self.last_message_at = message.received_at
        if self.state is State.LIVE:
            self._send(message)
        elif len(self.queue) >= self.gateway.config.queue_limit:
            message.failed(Answer(480, "Too many messages wait for the set-up", 30), None, "gateway, queue: full")
        else:
            self.queue.append(message)

    def _send(self, message: ToMsrp) -> None:
        msrp = self.msrp
        assert msrp is not None
        try:
            msrp.send(
                message.message_id,
                message.content_type,
                message.body,
                now=self.gateway.wheel.now,
                context=message,
            )
        except MsrpSendError as error:
            answer = {TYPE_NOT_ACCEPTED: Answer(415), TOO_LARGE: Answer(413)}.get(error.cause, Answer(480, None, 30))
            message.failed(answer, None, f"msrp side, msrp: {error}")

    def send_outcome(self, message: ToMsrp, outcome: SendOutcome) -> None:
        """What became of a SEND."""
        self.last_send_at = self.gateway.wall()
        if outcome.code == 200:
            message.delivered()
            return
        cause = f"{outcome.code} {outcome.reason}" if outcome.code is not None else outcome.reason
        message.failed(send_refused(outcome.code), outcome.code, f"msrp side, {outcome.layer}: {cause}")
        if outcome.code == 481:  # the peer no longer knows the session (RULEBOOK S31)
            self.end("the MSRP peer answered 481")

    def message_received(self, incoming: IncomingMessage) -> None:
        """A whole message from the MSRP side."""
        gateway = self.gateway
        self.last_send_at = gateway.wall()
        if incoming.duplicate:  # RULEBOOK S18
            gateway.count("to_page_duplicates")
            incoming.respond(200)
            return
        if self.state is State.ENDED or gateway.draining:
            incoming.respond(481)
            return
        if gateway.store.full or not gateway.page_side.has_room(self.page_ruri):
            gateway.count("to_page_refused")
            incoming.respond(413, "too many messages wait for this recipient")
            return
        gateway.page_side.enqueue(
            ToPage(self, incoming.content_type, incoming.body, message_id=incoming.message_id, incoming=incoming)
        )

    # -------------------------------------------------------------------------------- end

    def refused(self, code: int, reason: str) -> None:
        """The MSRP side refused our INVITE."""
        self.fail("sip", f"{code} {reason}", code, reason)

    def leg_lost(self, layer: str, detail: str) -> None:
        """Something on the MSRP side makes an end of the session, or of its set-up."""
        if self._ever_live:
            self.end(f"msrp side, {layer}: {detail}")
        else:
            self.fail(layer, detail)

    def hung_up(self) -> None:
        """BYE from the MSRP side."""
        if self._ever_live:
            self.end("BYE from the MSRP side", bye=False)
        else:
            self.fail("sip", "BYE before the session was live", bye=False)

    def fail(
        self, layer: str, detail: str, code: int | None = None, reason: str | None = None, *, bye: bool = True
    ) -> None:
        """Set-up failed: tell every waiting MESSAGE, the records, the operator's listeners, and the sender if asked.

        ``code`` and ``reason`` are those of a negative SIP reply, None where none came.
        """
        if self.state is State.ENDED:
            return
        gateway = self.gateway
        answer = setup_refused(code) if code is not None else setup_cause(layer)
        waiting = list(self.queue)
        self.queue.clear()
        full = f"msrp side, {layer}: {detail}"
        for message in waiting:
            message.failed(answer, None, f"set-up failed: {full}")
        answered = answer.code if self.initiator == "message" else 200
        gateway.setup_failed(self, layer, detail, code, reason, answered, len(waiting))
        if self.decision.notify_failure and self.initiator == "message":
            self._notify(code, reason, detail)
        self._close("failed", full, bye)

    def _notify(self, code: int | None, reason: str | None, detail: str) -> None:
        """The route wants the sender told in words."""
        decision = self.decision
        text = decision.failure_text.format_map(
            {
                "from": decision.from_uri,
                "to": decision.to_uri,
                "code": "" if code is None else code,
                "reason": reason or "",
                "detail": detail,
            }
        )
        notice = ToPage(
            self, "text/plain;charset=UTF-8", text.encode(), message_id=f"failure {self.id}", recorded=False
        )
        self.gateway.page_side.enqueue(notice)

    def end(self, reason: str, *, bye: bool = True) -> None:
        """The session is over. MESSAGEs that wait or are under way are answered 480; what was accepted goes on."""
        if self.state is State.ENDED:
            return
        waiting = list(self.queue)
        self.queue.clear()
        for message in waiting:
            message.failed(Answer(480, None, 5), None, f"gateway, session: {reason}")
        self._close("ended", reason, bye)

    def give_way(self) -> deque[ToMsrp]:
        """Their INVITE meets ours: ours is cancelled, and what waits is theirs to carry."""
        waiting = self.queue
        self.queue = deque()
        self._close("ended", "replaced by the MSRP side's own INVITE", bye=True)
        return waiting

    def _close(self, state: str, reason: str, bye: bool) -> None:
        gateway = self.gateway
        self.state = State.ENDED
        gateway.forget(self)
        # What points at each other is taken apart here, so that a session goes when it has ended and not when the
        # garbage collector looks for cycles, which stops the loop for longer the more sessions there are.
        leg, self.leg = self.leg, None
        if leg is not None:
            leg.hang_up(bye=bye)
        msrp, self.msrp = self.msrp, None
        if msrp is not None:
            msrp.user = None
            connection = msrp.connection
            gateway.msrp_side.handle(msrp.close(gateway.wheel.now))
            if connection is not None:
                gateway.msrp_side.close_if_idle(connection)
        now = gateway.wall()
        gateway.store.change_session(
            self.id, {"state": state, "ended_at": now, "end_reason": reason, **self.progress()}
        )
        gateway.dirty.pop(self, None)
        self.event(state, reason)
        gateway.count(f"sessions_{state}")

    # ---------------------------------------------------------------------------- records

    def event(self, kind: str, detail: str = "") -> None:
        """A step for the session's page."""
        self.gateway.store.event(message_rows.event(self.id, self.gateway.wall(), kind, detail))

    def progress(self) -> dict[str, Any]:
        """Counters and times as they stand."""
        return {
            "to_msrp": self.to_msrp,
            "to_page": self.to_page,
            "undelivered": self.undelivered,
            "last_message_at": self.last_message_at,
            "last_send_at": self.last_send_at,
        }

    def _record_new(self, leg: Leg) -> None:
        gateway = self.gateway
        decision = self.decision
        gateway.store.new_session(
            {
                "id": self.id,
                "key": self.key,
                "bucket": gateway.bucket(self.key),
                "node": gateway.config.node_name,
                "state": "setting_up",
                "initiator": self.initiator,
                "from_uri": decision.from_uri,
                "to_uri": decision.to_uri,
                "ruri": decision.ruri,
                "source": self.source,
                "route": decision.route,
                "call_id": leg.call_id,
                "dialog": {},
                "local_path": self.local_path,
                "peer_path": "",
                "content_types": str(decision.content_types),
                "peer_types": "",
                "next_hop": decision.next_hop,
                "back_hop": decision.back_hop,
                "created_at": self.created_at,
                "end_reason": "",
                **self.progress(),
            }
        )
