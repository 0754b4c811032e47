"""One session of the gateway: a message side and an MSRP side under one key, from set-up to end.

    SETTING_UP --(its description is read, and it is bound: either may come first)--> LIVE --> ENDED
         \\  \\<---- connection lost while messages are owed: offered anew ------/         /
          \\----------------------------- set-up failed --------------------------------/

The message side may begin it (our INVITE, MESSAGEs wait in order) or the MSRP side (their INVITE, which we answer).
A session is not a transaction: it never blocks, and everything that comes to it after its end finds nothing to do.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from protocols.msrp.accept import common
from protocols.msrp.errors import MsrpError
from protocols.msrp.uri import MsrpUri
from protocols.sip.locate import Origin
from sessions_app.cause import Cause, Side, over
from sessions_app.gateway import content, ending, intake, reconnect, session_row
from sessions_app.gateway.leg import AnsweringLeg, CallingLeg, Leg
from sessions_app.gateway.msrp_end import MsrpEnd
from sessions_app.gateway.outcomes import Answer, send_refused
from sessions_app.gateway.page_end import PageEnd
from sessions_app.gateway.routing import accept_types
from sessions_app.gateway.session_row import State
from sessions_app.store import message_rows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from protocols.msrp.connection import MsrpConnection
    from protocols.msrp.events import ReportReceived, SendOutcome
    from protocols.msrp.incoming import IncomingMessage
    from protocols.msrp.negotiation import MessageMedia
    from protocols.msrp.session import MsrpSession
    from protocols.payload.iscomposing import ComposingState
    from protocols.sip.dialog import Dialog
    from protocols.sip.transaction_server import InviteServerTransaction
    from sessions_app.gateway.gateway import Gateway
    from sessions_app.gateway.routing import Decision
    from sessions_app.gateway.to_msrp import ToMsrp
    from sessions_app.store.estate import Past


class Session:
    """See the module. Made by :class:`Gateway`, which knows it by its key until it has ended."""

    __slots__ = (
        "counts_as_setup",
        "created_at",
        "decision",
        "ever_live",
        "gateway",
        "id",
        "imdn_budget",
        "initiator",
        "key",
        "last_message_at",
        "last_send_at",
        "leg",
        "local_path",
        "max_forwards",
        "msrp",
        "msrp_composes",
        "on_shared",
        "page",
        "page_composes",
        "peer",
        "queue",
        "reoffered",
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
        self.created_at = now
        self.last_message_at = self.last_send_at = gateway.wheel.now
        """By the steady clock, which nobody sets: silence is measured by it."""
        # What the caused requests carry: one hop less than what caused them (RULEBOOK U1).
        self.max_forwards = str(max_forwards - 1)
        self.page = PageEnd(decision, initiator)
        self.peer = MsrpEnd()
        self.queue: deque[ToMsrp] = deque()
        self.msrp: MsrpSession | None = None
        self.local_path = ""
        self.leg: Leg | None = None
        self.to_msrp = self.to_page = self.undelivered = 0
        self.rows = session_row.beginnings(self)
        self.page_composes: ComposingState | None = None
        self.msrp_composes: ComposingState | None = None
        self.imdn_budget: tuple[float, float] | None = None
        """Notifications that may pass, and since when (:meth:`Notifications.allows`)."""
        self.counts_as_setup = False
        """Whether it is one of the set-ups of its source, which are bounded."""
        self.ever_live = False
        self.on_shared = False
        """Whether its connection was there before it, for other sessions."""
        self.reoffered = False
        """Whether it was offered anew, and nothing has arrived since."""

    @property
    def accepts(self) -> str:
        """Types that a MESSAGE may have to be carried in this session, for Accept."""
        msrp = self.msrp
        ours = self.decision.content_types
        if msrp is None or msrp.peer_path is None or msrp.peer_accept_types.allows_bare(content.CPIM):
            return ", ".join(dict.fromkeys([*ours.entries, content.CPIM]))
        return ", ".join(common(ours, msrp.peer_accept_types))

    def origin(self, hop: str) -> Origin:
        """Whose word ``hop`` is, which a request of this session's is sent to: the operator's, or of who began it."""
        decision = self.decision
        by_operator = hop in (decision.next_hop, decision.back_hop)
        return Origin("" if by_operator else self.source, decision.route)

    def stand_for(self, identity: str) -> None:
        """Be the session of an earlier process, under its row."""
        self.id = identity
        self.rows = session_row.beginnings(self)

    def count_on(self, past: Past) -> None:
        """Go on with the counters from where they were."""
        self.to_msrp, self.to_page, self.undelivered = past.to_msrp, past.to_page, past.undelivered

    def become_past(self, past: Past) -> None:
        """Stand for one that is over, whose messages are still to be delivered."""
        self.stand_for(past.session)
        self.count_on(past)
        self.state = State.ENDED

    def is_set_up(self) -> None:
        """Or it has failed, or ended: it counts among the set-ups of its source no longer."""
        if self.counts_as_setup:
            self.counts_as_setup = False
            self.gateway.setups.give(self.source)

    def touch(self) -> None:
        """Counters or times changed; the records follow within seconds."""
        self.gateway.dirty[self] = None

    # ---------------------------------------------------------------------------- set-up

    def call(self) -> None:
        """For the message side: INVITE the MSRP side."""
        self.leg = leg = CallingLeg(self)
        self.create_msrp()
        self.gateway.store.new_session(session_row.new(self, leg))
        leg.call()

    def expect(self, transaction: InviteServerTransaction, media: MessageMedia) -> None:
        """For the MSRP side: its INVITE is to be answered. Raises SipError 400 or MsrpError for what makes none."""
        self.leg = leg = AnsweringLeg(self)
        leg.prepare(transaction)
        self.create_msrp()
        self.set_peer(media)
        self.gateway.store.new_session(session_row.new(self, leg))

    def answer(self, transaction: InviteServerTransaction, media: MessageMedia) -> None:
        """Answer it 200."""
        assert isinstance(self.leg, AnsweringLeg)
        self.leg.answer(transaction, media)

    def revive(self, dialog: Dialog, identity: str) -> None:
        """Go on with a dialog of an earlier process: a new offer on it, for what is owed (RULEBOOK S17)."""
        self.stand_for(identity)
        self.ever_live = True
        self.leg = leg = (CallingLeg if self.initiator == "message" else AnsweringLeg)(self)
        leg.resume(dialog)
        reconnect.offer_anew(self, "after a restart")

    def say_goodbye(self, dialog: Dialog | None, identity: str, reason: str) -> None:
        """End what an earlier process left under ``identity`` with a BYE on its dialog, where it has one."""
        self.stand_for(identity)
        if dialog is not None:
            self.leg = leg = AnsweringLeg(self)
            leg.resume(dialog)
        ending.close(self, "ended", reason, bye=True)

    def create_msrp(self) -> None:
        """A fresh MSRP session, under a new path of ours."""
        gateway = self.gateway
        self.local_path = gateway.new_path()
        types, _ = content.offered(self.decision.content_types)
        self.msrp = gateway.endpoint.create_session(
            self.local_path, accept_types=accept_types(types), max_size=self.max_size
        )
        self.msrp.user = self

    @property
    def max_size(self) -> int:
        """Octets of the largest message we take; what the message side can be given (RULEBOOK S10)."""
        return self.page.profile.max_size(self.gateway.config.max_message_size)

    def set_peer(self, media: MessageMedia) -> None:
        """What the MSRP side's description said. Raises MsrpError for a path that is none.

        A connection that had bound the session before, in the name of another path, carries it no longer.
        """
        msrp = self.msrp
        assert msrp is not None
        early = msrp.connection
        if not msrp.set_peer(media.path, media.accept_types, media.max_size) and early is not None:
            self.event("unbound", "the description names another path than the one that had bound it")
            self.gateway.msrp_side.close_if_idle(early)
        self.peer.learn(media)

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
        """SENDs that the peer has not answered wait for the new path; it knows their ids again (RULEBOOK S18)."""
        unanswered: list[ToMsrp] = [outgoing.context for outgoing in msrp.pending if outgoing.context is not None]  # type: ignore[misc]
        msrp.fail_all("path moved", "connection", [])
        for message in reversed(unanswered):
            if not message.is_settled:
                self.queue.appendleft(message)
                message.waits_again()

    def connect(self, media: MessageMedia) -> None:
        """We are the active side: get a connection to the peer's path."""
        if self.state is not State.ENDED and not self._is_joined():
            self.dial(media.next_hop)

    def dial(self, hop: MsrpUri) -> None:
        """Get a connection to this URI of the peer's."""
        leg = self.leg
        assert leg is not None
        self.gateway.msrp_side.connect(self, hop, leg.dialog.origin)

    def await_bind(self) -> None:
        """The peer is the active side: its first SEND binds the session."""
        if self.msrp is not None and not self._is_joined():
            self.msrp.await_bind(self.gateway.wheel.now)

    def _is_joined(self) -> bool:
        """Whether the peer had bound the session before its description was read: TCP overtakes UDP."""
        msrp = self.msrp
        if msrp is None or not msrp.bind_confirmed:
            return False
        self.msrp_bound()
        return True

    def msrp_connected(self, connection: MsrpConnection, *, shared: bool = False) -> None:
        """The connection that we asked for: bind the session to it. ``shared``: it was there, for other sessions.

        By a SEND without content, whose answer is waited for: passive ends are in use that take the first SEND for
        the binding, answer it 200 and look no further into it. A peer's profile may say that its first content binds.
        """
        msrp = self.msrp
        if self.state is State.ENDED or msrp is None:
            return
        if msrp.bound and msrp.connection is not connection:
            return  # the peer was faster, by a connection of its own
        self.on_shared = shared
        with_content = bool(self.queue) and self.gateway.profiles(connection.remote).binds_with_content
        try:
            msrp.attach(connection, self.gateway.wheel.now, bind=not with_content)
        except MsrpError as error:
            self.leg_lost("msrp", str(error))
            return
        if with_content:
            self._go_live()

    def msrp_unreachable(self, layer: str, detail: str) -> None:
        """The connection could not be made."""
        self.leg_lost(layer, detail)

    def msrp_bound(self) -> None:
        """The peer takes part: its first SEND came, or it answered ours.

        That makes the session live only once the peer's description is read, whichever comes first.
        """
        if self.state is State.SETTING_UP and self.msrp is not None and self.msrp.peer_path is not None:
            self._go_live()

    def msrp_bind_timeout(self) -> None:
        """The peer did not."""
        self.leg_lost("msrp", f"no SEND bound the session in {self.gateway.config.bind_timeout:g} s")

    def msrp_lost(self, reason: str, code: int | None = None) -> None:
        """The connection is gone, or the peer refused the session on it with ``code``."""
        reconnect.lost(self, reason, code)

    def reoffer_failed(self, code: int | None, detail: str) -> None:
        """The dialog is of no more use: what waits gets a session of its own, by a new INVITE."""
        cause = Cause(Side.MSRP, "sip", f"re-INVITE: {detail}", code)
        reconnect.move_on(self, cause, bye=code not in (408, 481))

    def _go_live(self) -> None:
        gateway = self.gateway
        self.state = State.LIVE
        self.is_set_up()
        self.last_send_at = gateway.wheel.now
        changes = session_row.live(self)
        if not self.ever_live:
            self.ever_live = True
            changes["established_at"] = gateway.wall()
            gateway.count("sessions_established")
        gateway.store.change_session(self.id, changes)
        self.event("live")
        while self.queue and self.state is State.LIVE:
            self._send(self.queue.popleft())

    # --------------------------------------------------------------------------- messages

    def take(self, message: ToMsrp) -> None:
        """A message for the MSRP side: send it, or let it wait for the set-up."""
        self.last_message_at = self.gateway.wheel.now
        if self.page_composes is not None:
            self.page_composes.content(self.gateway.wheel.now)
        if message.cpim is not None:
            self.page.learn_cpim(True)
        if self.state is State.LIVE:
            self._send(message)
        elif len(self.queue) >= self.gateway.config.queue_limit:
            answer = Answer(480, "Too many messages wait for the set-up", 30)
            message.failed(answer, None, Cause(Side.GATEWAY, "queue", "full"))
        else:
            self.queue.append(message)

    @property
    def owes(self) -> bool:
        """Whether a message that waits here was promised."""
        return any(message.promised for message in self.queue)

    def withdraw(self, message: ToMsrp) -> bool:
        """Take back a message that still waits; False for one that is on its way."""
        try:
            self.queue.remove(message)
        except ValueError:
            return False
        return True

    def _send(self, message: ToMsrp) -> None:
        msrp = self.msrp
        assert msrp is not None
        if message.expired:
            message.expire()
        else:
            self.peer.send(msrp, message)

    def send_notification(self, body: bytes) -> bool:
        """An IMDN of ours to the MSRP side; False where there is no way for it."""
        msrp = self.msrp
        return self.state is State.LIVE and msrp is not None and self.peer.send_notification(self, msrp, body)

    def send_outcome(self, message: ToMsrp, outcome: SendOutcome) -> None:
        """What became of a SEND."""
        self.last_send_at = self.gateway.wheel.now
        if outcome.code == 200:
            self.reoffered = False
            if not (message.is_settled or self.peer.decides_later(message)):
                message.delivered()
            return
        if message.is_settled:  # its REPORT was faster than this, by another connection of its relay perhaps
            self.peer.forget(message)
            return
        if outcome.layer == "connection" and self.state is State.LIVE and not self.reoffered:
            self.queue.append(message)  # it may have arrived or not: the same Message-ID goes out on a new connection
            message.waits_again()
            return
        self.peer.forget(message)
        said = f"{outcome.code} {outcome.reason}" if outcome.code is not None else outcome.reason
        cause = Cause(Side.MSRP, outcome.layer, said, outcome.code)
        message.failed(send_refused(outcome.code), outcome.code, cause)
        if outcome.code == 481:  # the peer no longer knows the session (RULEBOOK S31)
            self.end(over("the MSRP peer answered 481"))

    def report_received(self, event: ReportReceived) -> None:
        """A REPORT of the MSRP side."""
        self.peer.reports(self).received(event)

    def message_received(self, message: IncomingMessage) -> None:
        """A whole message."""
        intake.from_msrp(self, message)

    # -------------------------------------------------------------------------------- end

    def refused(self, code: int, reason: str) -> None:
        """The MSRP side refused our INVITE."""
        self.fail(Cause(Side.MSRP, "sip", f"{code} {reason}", code), reason)

    def leg_lost(self, layer: str, detail: str) -> None:
        """Something on the MSRP side makes an end of the session, or of its set-up."""
        cause = Cause(Side.MSRP, layer, detail)
        if self.ever_live:
            self.end(cause)
        else:
            self.fail(cause)

    def hung_up(self) -> None:
        """BYE from the MSRP side."""
        if self.ever_live:
            reconnect.move_on(self, over("BYE from the MSRP side"), bye=False)
        else:
            reconnect.given_up(self, "BYE before the session was live")

    def fail(self, cause: Cause, reason: str | None = None, *, bye: bool = True) -> None:
        """Set-up failed; ``reason`` is that of a negative SIP reply, None where none came."""
        if self.state is not State.ENDED:
            ending.fail(self, cause, reason, bye=bye)

    def end(self, cause: Cause, *, bye: bool = True) -> None:
        """The session is over. MESSAGEs that wait or are under way are answered 480; what was accepted goes on."""
        if self.state is not State.ENDED:
            ending.end(self, cause, bye=bye)

    def give_way(self, reason: str, *, bye: bool = True) -> deque[ToMsrp]:
        """Another session takes its place: it ends, and what waits or has no answer yet is the other's to carry.

        The peer knows a SEND again that it had taken already (RFC 4975 s5.4, RULEBOOK S18).
        """
        if self.msrp is not None:
            self._take_back(self.msrp)
        waiting, self.queue = self.queue, deque()
        ending.close(self, "ended", reason, bye=bye)
        return waiting

    def inherit(self, waiting: Iterable[ToMsrp]) -> None:
        """Carry what another session should have carried, before what waits here."""
        older = list(waiting)
        for message in older:
            message.session = self
        if self.state is State.LIVE:
            for message in older:
                self._send(message)
        else:
            self.queue.extendleft(reversed(older))
            for message in older:
                if message.overdue:
                    message.waits_again()

    def disown(self) -> None:
        """Another process has it now: forget it, say nothing to anybody, write nothing."""
        for message in self.queue:
            message.leave()
        self.queue.clear()
        ending.take_apart(self, bye=False)
        self.gateway.dirty.pop(self, None)

    def event(self, kind: str, detail: str = "") -> None:
        """A step for the session's page."""
        self.gateway.store.event(message_rows.event(self.id, self.gateway.wall(), kind, detail))
