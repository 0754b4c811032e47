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
from protocols.msrp.negotiation import (
    NO_COMMON_TYPE,
    MessageMedia,
    NegotiationError,
    active_side,
    build_answer,
    build_offer,
    choose_answer_setup,
    read_answer,
    read_offer,
)
from protocols.sip.dialog import Dialog
from protocols.sip.errors import SipError
from protocols.sip.flow import Target
from protocols.sip.ids import new_call_id, new_tag
from protocols.sip.invite_client import InviteClient
from protocols.sip.invite_server import InviteServer, uas_dialog
from protocols.sip.transaction_client import Failure, OutgoingRequest
from sessions_app.gateway.outcomes import Answer, send_refused, setup_cause, setup_refused
from sessions_app.gateway.to_page import ToPage
from sessions_app.store import message_rows

if TYPE_CHECKING:
    from protocols.msrp.connection import MsrpConnection
    from protocols.msrp.events import SendOutcome
    from protocols.msrp.incoming import IncomingMessage
    from protocols.msrp.session import MsrpSession
    from protocols.sip.message import Request, Response
    from protocols.sip.transaction_server import InviteServerTransaction, ServerTransaction
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
        "_connect_on_ack",
        "_ever_live",
        "_offer_setup",
        "created_at",
        "decision",
        "dialog",
        "gateway",
        "id",
        "initiator",
        "invite",
        "key",
        "last_message_at",
        "last_send_at",
        "local_path",
        "max_forwards",
        "msrp",
        "page_from",
        "page_hop",
        "page_ruri",
        "page_target",
        "page_to",
        "queue",
        "server",
        "source",
        "state",
        "to_msrp",
        "to_msrp_head",
        "to_msrp_parties",
        "to_page",
        "to_page_head",
        "to_page_parties",
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
        self.dialog: Dialog = Dialog("", "", "", "", "", "", 0)
        self.invite: InviteClient | None = None
        self.server: InviteServer | None = None
        self.to_msrp = self.to_page = self.undelivered = 0
        self.to_msrp_head = message_rows.head(self.id, "to_msrp")
        self.to_page_head = message_rows.head(self.id, "to_page")
        self.to_msrp_parties = message_rows.parties(self.page_to, self.page_from)
        self.to_page_parties = message_rows.parties(self.page_from, self.page_to)
        self._offer_setup: str | None = None
        self._connect_on_ack: MessageMedia | None = None
        self._ever_live = False

    @property
    def accepts(self) -> str:
        """Types that a MESSAGE may have to be carried in this session, for Accept."""
        msrp = self.msrp
        ours = self.decision.content_types
        if msrp is None or msrp.peer_path is None:
            return ", ".join(ours.entries)
        return ", ".join(common(ours, msrp.peer_accept_types))

    def become_past(self, identity: str) -> None:
        """Stand for a session of an earlier process, whose messages are still to be delivered."""
        self.id = identity
        self.state = State.ENDED
        self.to_page_head = message_rows.head(identity, "to_page")

    def touch(self) -> None:
        """Counters or times changed; the records follow within seconds."""
        self.gateway.dirty[self] = None

    # -------------------------------------------------------- set-up by the message side

    def call(self) -> None:
        """Send the INVITE to the MSRP side."""
        gateway = self.gateway
        self._create_msrp()
        call_id = new_call_id()
        decision = self.decision
        listener = gateway.msrp_listener
        offer = build_offer(
            host=listener.host,
            port=listener.port,
            local_path=self.local_path,
            accept_types=str(decision.content_types),
            max_size=gateway.config.max_message_size,
            session_id=int(self.created_at * 1000),
            version=1,
        )
        request = OutgoingRequest(
            "INVITE",
            decision.ruri,
            [
                ("Max-Forwards", self.max_forwards),
                ("From", f"<{decision.from_uri}>;tag={new_tag()}"),
                ("To", f"<{decision.to_uri}>"),
                ("Call-ID", call_id),
                ("CSeq", "1 INVITE"),
                ("Contact", gateway.contact),
                ("Allow", gateway.allow),
                ("Content-Type", "application/sdp"),
            ],
            offer,
        )
        self._record_new(call_id)
        self.event("invite_sent", decision.next_hop or decision.ruri)
        gateway.agent.locator.locate(decision.next_hop or decision.ruri, lambda found: self._located(request, found))

    def _located(self, request: OutgoingRequest, found: Target | Failure) -> None:
        if self.state is not State.SETTING_UP:
            return
        if isinstance(found, Failure):
            self.fail(found.layer, found.detail)
            return
        invite = self.gateway.agent.invite(request, found, self, self.gateway.config.ring_timeout)
        if self.state is State.SETTING_UP:
            self.invite = invite

    def on_answered(self, invite: InviteClient, dialog: Dialog, response: Response) -> None:
        """A 2xx to our INVITE."""
        self.dialog = dialog
        self.gateway.agent.add_dialog(self)
        self.event("answered", f"{response.status} {response.reason}")
        try:
            media = read_answer(response.body)
            if not common(self.decision.content_types, media.accept_types):
                raise NegotiationError(488, NO_COMMON_TYPE)
            if media.secure:
                raise NegotiationError(488, "unsupported transport", "MSRP over TLS is not served")
            assert self.msrp is not None
            self.msrp.set_peer(media.path, media.accept_types, media.max_size)
        except NegotiationError as error:
            self.fail("type" if error.detail == NO_COMMON_TYPE else "sdp", error.reason)
            return
        except MsrpError as error:
            self.fail("sdp", str(error))
            return
        if active_side("actpass", media.setup) == "offerer":
            self._connect(media)
        elif not self.msrp.bound:
            self.msrp.await_bind(self.gateway.wheel.now)
            self.event("awaiting_bind")

    def on_refused(self, invite: InviteClient, response: Response) -> None:
        """A refusal of our INVITE."""
        self.fail("sip", f"{response.status} {response.reason}", response.status, response.reason)

    def on_unanswered(self, invite: InviteClient, failure: Failure) -> None:
        """No final answer to our INVITE."""
        self.fail(failure.layer, failure.detail)

    # ----------------------------------------------------------- set-up by the MSRP side

    def answer(self, transaction: InviteServerTransaction, media: MessageMedia) -> None:
        """Answer the MSRP side's INVITE. Raises SipError for what makes no dialog."""
        gateway = self.gateway
        self.dialog = uas_dialog(transaction)
        self._create_msrp()
        assert self.msrp is not None
        self.msrp.set_peer(media.path, media.accept_types, media.max_size)
        self._record_new(self.dialog.call_id)
        gateway.agent.add_dialog(self)
        body = self._answer_body(media)
        if choose_answer_setup(media.setup) == "active":
            self._connect_on_ack = media
        else:
            self.msrp.await_bind(gateway.wheel.now)
        self._accept(transaction, body)
        self.event("answered", "200 OK")

    def _answer_body(self, media: MessageMedia) -> bytes:
        listener = self.gateway.msrp_listener
        return build_answer(
            media,
            host=listener.host,
            port=listener.port,
            local_path=self.local_path,
            accept_types=str(self.decision.content_types),
            max_size=self.gateway.config.max_message_size,
            session_id=int(self.created_at * 1000),
            version=1,
        )

    def _accept(self, transaction: InviteServerTransaction, body: bytes) -> None:
        headers = [
            ("Contact", self.gateway.contact),
            ("Allow", self.gateway.allow),
            ("Content-Type", "application/sdp"),
        ]
        if self.server is not None:
            self.server.stop()
        self.server = InviteServer(transaction, self.dialog, self._no_ack, headers, body)

    def on_ack(self, request: Request) -> None:
        """The ACK of our 2xx: now the peer knows our path."""
        if self.server is not None and not self.server.acknowledged:
            self.server.ack()
            media, self._connect_on_ack = self._connect_on_ack, None
            if media is not None and self.state is not State.ENDED:
                self._connect(media)

    def _no_ack(self, _: InviteServer) -> None:
        if self.state is State.SETTING_UP:
            self.fail("sip", "no ACK to our 200 in 32 s")
        else:
            self.end("no ACK to our 200 in 32 s")

    # ------------------------------------------------------------------------- MSRP side

    def _create_msrp(self) -> None:
        gateway = self.gateway
        self.local_path = gateway.new_path()
        self.msrp = gateway.endpoint.create_session(
            self.local_path, accept_types=self.decision.content_types, max_size=gateway.config.max_message_size
        )
        self.msrp.user = self

    def _connect(self, media: MessageMedia) -> None:
        hop = media.next_hop
        self.gateway.msrp_side.connect(self, (hop.host, hop.port or 2855))

    def msrp_connected(self, connection: MsrpConnection) -> None:
        """The connection that we, the active side, asked for."""
        msrp = self.msrp
        if self.state is State.ENDED or msrp is None:
            return
        try:
            msrp.attach(connection, self.gateway.wheel.now, bind=not self.queue)
        except MsrpError as error:
            self.fail("msrp", str(error))
            return
        self._go_live()

    def msrp_unreachable(self, detail: str) -> None:
        """The connection could not be made."""
        if self.state is not State.ENDED:
            self.fail("tcp", detail)

    def msrp_bound(self) -> None:
        """The peer takes part: its first SEND came, or it answered ours."""
        if self.state is State.SETTING_UP:
            self._go_live()

    def msrp_bind_timeout(self) -> None:
        """The peer did not."""
        if self.state is State.SETTING_UP:
            self.fail("msrp", f"no SEND bound the session in {self.gateway.config.bind_timeout:g} s")
        elif self.state is State.LIVE:
            self.end("the MSRP peer did not answer the first SEND")

    def msrp_lost(self, reason: str) -> None:
        """The connection is gone, or the peer refused the session on it; only a new offer could mend it (S17)."""
        if self.state is State.SETTING_UP:
            self.fail("msrp", reason)
        elif self.state is State.LIVE:
            self.end(f"MSRP: {reason}")

    def _go_live(self) -> None:
        gateway = self.gateway
        self.state = State.LIVE
        now = gateway.wall()
        self.last_send_at = now
        if not self._ever_live:
            self._ever_live = True
            gateway.count("sessions_established")
        msrp = self.msrp
        assert msrp is not None
        gateway.store.change_session(
            self.id,
            {
                "state": "live",
                "established_at": now,
                "dialog": self.dialog.as_record(),
                "peer_path": " ".join(msrp.peer_path or ()),
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

    def on_dialog_message(self, transaction: ServerTransaction) -> None:
        """Content belongs on the MSRP connection that this very dialog made (RULEBOOK M8)."""
        transaction.respond(403, "Use the MSRP session")

    # ---------------------------------------------------------------------- renegotiation

    def on_reinvite(self, transaction: InviteServerTransaction) -> None:
        """The MSRP side offers again: the same path is confirmed, another one taken over (RULEBOOK S11)."""
        msrp = self.msrp
        if msrp is None or self.state is State.ENDED:
            transaction.respond(481)
            return
        request = transaction.request
        transaction.to_tag = self.dialog.local_tag
        if not request.body:
            transaction.respond(488, "SDP offer required")
            return
        try:
            media = read_offer(request.body, self.decision.content_types)
            moved = msrp.peer_path != media.path
            connection = msrp.connection
            if moved and connection is not None:
                connection.unbind(msrp)
            msrp.set_peer(media.path, media.accept_types, media.max_size)
        except NegotiationError as error:
            transaction.respond(error.code, error.reason)
            return
        except MsrpError as error:
            transaction.respond(488, str(error))
            return
        if moved:
            self.state = State.SETTING_UP
            if choose_answer_setup(media.setup) == "active":
                self._connect_on_ack = media
            else:
                msrp.await_bind(self.gateway.wheel.now)
            if connection is not None:
                self.gateway.msrp_side.close_if_idle(connection)
        self._accept(transaction, self._answer_body(media))
        self.event("renegotiated", "path moved" if moved else "same path")

    # -------------------------------------------------------------------------------- end

    def on_bye(self, transaction: ServerTransaction) -> None:
        """The MSRP side hangs up."""
        if self.state is State.SETTING_UP and not self._ever_live:
            self.fail("sip", "BYE before the session was live", bye=False)
        else:
            self.end("BYE from the MSRP side", bye=False)

    def fail(
        self, layer: str, detail: str, code: int | None = None, reason: str | None = None, *, bye: bool = True
    ) -> None:
        """Set-up failed: tell every waiting MESSAGE, the records, the operator's listeners, and the sender if asked.

        ``code`` and ``reason`` are those of a negative SIP reply, None where none came.
        """
        if self.state is State.ENDED:
            return
        if self._ever_live:  # a renegotiation failed, not the set-up
            self.end(f"{layer}: {detail}", bye=bye)
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
        if self.invite is not None:
            self.invite.cancel()
        if self.server is not None:
            self.server.stop()
        if self.dialog.call_id:
            gateway.agent.remove_dialog(self)
            if bye:
                gateway.agent.request_in_dialog(self.dialog, self.dialog.request("BYE"))
        msrp = self.msrp
        if msrp is not None:
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

    def _record_new(self, call_id: str) -> None:
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
                "call_id": call_id,
                "dialog": {},
                "local_path": self.local_path,
                "peer_path": "",
                "content_types": str(decision.content_types),
                "next_hop": decision.next_hop,
                "back_hop": decision.back_hop,
                "created_at": self.created_at,
                "end_reason": "",
                **self.progress(),
            }
        )


def refusal_of(error: NegotiationError | MsrpError | SipError) -> tuple[int, str]:
    """Code and reason that answer an INVITE whose offer cannot be taken."""
    if isinstance(error, NegotiationError | SipError):
        return error.code, error.reason
    return 488, str(error)
