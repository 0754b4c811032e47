"""The SIP leg to the MSRP side: one dialog, its offers and answers, its end. Who began it is in the subclasses.

A leg tells its :class:`~sessions_app.gateway.session.Session` what happened, and is told to hang up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from protocols.msrp.errors import MsrpError
from protocols.msrp.negotiation import (
    MessageMedia,
    active_side,
    build_answer,
    build_offer,
    choose_answer_setup,
)
from protocols.sip.dialog import Dialog
from protocols.sip.flow import Target
from protocols.sip.ids import new_call_id, new_tag
from protocols.sip.invite_server import InviteServer, uas_dialog
from protocols.sip.reinvite import ReInvite
from protocols.sip.transaction_client import Failure, OutgoingRequest
from protocols.sip.uri import SipUri
from sessions_app.gateway import arrivals
from sessions_app.gateway.content import offered
from sessions_app.gateway.description import UnusableOffer, read_description

if TYPE_CHECKING:
    from protocols.sip.invite_client import InviteClient
    from protocols.sip.message import Request, Response
    from protocols.sip.transaction_server import InviteServerTransaction, ServerTransaction
    from sessions_app.gateway.session import Session

LOST_REQUESTS: Final = 1000
"""What a dialog's CSeq is raised by when it is taken up again: it may be any amount (s12.2.1.1), and requests that the
row does not know of were fewer."""

ROOM_WAIT: Final = 0.5
"""Seconds after which it is looked again whether a host has room for one more request."""


class Leg:
    """The dialog with the MSRP side, as :class:`protocols.sip.user_agent.DialogUsage`."""

    __slots__ = ("_connect_on_ack", "_reinvite", "_secure", "_server", "_version", "call_id", "dialog", "session")

    owner = False
    """Whether the Call-ID is ours."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.call_id = ""
        self.dialog = Dialog("", "", "", "", "", "", 0)  # nobody's, until an answer makes it somebody's
        self._server: InviteServer | None = None
        self._connect_on_ack: MessageMedia | None = None
        self._reinvite: ReInvite | None = None
        self._version = 1
        self._secure = False
        """Whether the dialog's requests go over TLS."""

    def _headers(self) -> list[tuple[str, str]]:
        """What our offers and answers carry."""
        gateway = self.session.gateway
        contact = gateway.contact(secure=self._secure)
        return [("Contact", contact), ("Allow", gateway.allow), ("Content-Type", "application/sdp")]

    def _description(self) -> dict[str, object]:
        """What our offers and answers have in common."""
        session = self.session
        gateway = session.gateway
        types, wrapped = offered(session.decision.content_types)
        return {
            "host": gateway.msrp_listener.host,
            "port": gateway.msrp_listener.port,
            "local_path": session.local_path,
            "accept_types": types,
            "accept_wrapped_types": wrapped,
            "max_size": session.max_size,
            "session_id": int(session.created_at * 1000),
            "version": self._version,
        }

    def _accept(self, transaction: InviteServerTransaction, media: MessageMedia) -> None:
        """Answer an offer 200; who is to connect follows from it."""
        self._secure = transaction.flow.transport == "TLS"
        if self._server is not None:
            self._server.stop()
        body = build_answer(media, **self._description())  # type: ignore[arg-type]
        self._server = InviteServer(transaction, self.dialog, self._no_ack, self._headers(), body)

    def _await_peer(self, media: MessageMedia) -> None:
        """The MSRP side connects, or we do once it has our answer (RULEBOOK X1)."""
        if choose_answer_setup(media.setup) == "active":
            self._connect_on_ack = media
        else:
            self.session.await_bind()

    def on_ack(self, request: Request) -> None:
        """The ACK of our 2xx: now the peer knows our path."""
        server = self._server
        if server is None or not server.ack(request):  # none of ours, or one of an earlier INVITE
            return
        media, self._connect_on_ack = self._connect_on_ack, None
        if media is not None:
            self.session.connect(media)

    def _no_ack(self, _: InviteServer) -> None:
        self.session.leg_lost("sip", "no ACK to our 200 in 32 s")

    def on_bye(self, transaction: ServerTransaction) -> None:
        """The MSRP side hangs up."""
        self.session.hung_up()

    def on_dialog_message(self, transaction: ServerTransaction) -> None:
        """Content belongs on the MSRP connection that this very dialog made (RULEBOOK M8)."""
        transaction.respond(403, "Use the MSRP session")

    def on_reinvite(self, transaction: InviteServerTransaction) -> None:
        """The MSRP side offers again: the same path is confirmed, another one taken over (RULEBOOK S11)."""
        session = self.session
        transaction.to_tag = self.dialog.local_tag
        if self._reinvite is not None:  # both sides offer at once (RFC 3261 s14.2)
            transaction.respond(491)
            return
        if not transaction.request.body:
            transaction.respond(488, "SDP offer required")
            return
        try:
            media, messages = read_description(transaction.request, session.decision.content_types, offer=True)
        except UnusableOffer as error:
            transaction.respond(error.code, error.reason, headers=error.headers)
            return
        no_room = arrivals.refusal(session, messages)
        if no_room is not None:
            transaction.respond(*no_room)
            return
        arrivals.keep(session, transaction, messages, lambda: self._take_offer(transaction, media))

    def _take_offer(self, transaction: InviteServerTransaction, media: MessageMedia) -> None:
        session = self.session
        try:
            moved = session.move_to(media)
        except MsrpError as error:
            transaction.respond(488, str(error))
            return
        if moved:
            self._await_peer(media)
        self._accept(transaction, media)
        session.event("renegotiated", "path moved" if moved else "same path")

    def resume(self, dialog: Dialog) -> None:
        """Take up a dialog of an earlier process, whose row may be older than its last request."""
        dialog.local_cseq += LOST_REQUESTS
        self.dialog = dialog
        self.call_id = dialog.call_id
        self._version = int(self.session.gateway.wall())
        self._secure = SipUri.parse(dialog.next_hop()).transport == "tls"
        self.session.gateway.agent.add_dialog(self)

    def reoffer(self) -> None:
        """Offer the session's new path (RFC 3261 s14.1, RULEBOOK S17)."""
        session = self.session
        gateway = session.gateway
        self._version += 1
        body = build_offer(**self._description())  # type: ignore[arg-type]
        headers = self._headers()
        self._reinvite = ReInvite(
            gateway.agent,
            self.dialog,
            lambda: self.dialog.request("INVITE", headers, body),
            self,
            owner=self.owner,
            wait=gateway.config.ring_timeout,
        )

    def on_reanswered(self, response: Response) -> None:
        """The MSRP side took our new offer."""
        self._reinvite = None
        session = self.session
        try:
            media, messages = read_description(response, session.decision.content_types, offer=False)
            session.set_peer(media)
        except UnusableOffer as error:
            session.reoffer_failed(None, error.reason)
            return
        except MsrpError as error:
            session.reoffer_failed(None, str(error))
            return
        arrivals.take(session, response, messages)
        self._join(media)

    def on_reoffer_failed(self, code: int | None, detail: str) -> None:
        """It did not."""
        self._reinvite = None
        self.session.reoffer_failed(code, detail)

    def _join(self, media: MessageMedia) -> None:
        """Connect to who answered our offer, or let them connect (RULEBOOK X1)."""
        if active_side("actpass", media.setup) == "offerer":
            self.session.connect(media)
        else:
            self.session.await_bind()

    def hang_up(self, *, bye: bool) -> None:
        """The session is over: ``bye`` says whether the MSRP side has to be told."""
        server = self._server
        if self._reinvite is not None:
            self._reinvite.stop()
            self._reinvite = None
        if bye and server is not None:
            server.before_bye(self._bye)  # the dialog stays until then, for the ACK to find it
            return
        if server is not None:
            server.stop()
        if bye and self.dialog.call_id:
            self._bye()
        else:
            self._leave()

    def _bye(self) -> None:
        self._leave()
        self.session.gateway.agent.request_in_dialog(self.dialog, self.dialog.request("BYE"))

    def _leave(self) -> None:
        self._server = None
        if self.dialog.call_id:
            self.session.gateway.agent.remove_dialog(self)


class CallingLeg(Leg):
    """The leg that we begin, for the message side: our INVITE (:class:`protocols.sip.invite_client.Caller`)."""

    __slots__ = ("_invite", "_over")

    owner = True

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.call_id = new_call_id()
        self._invite: InviteClient | None = None
        self._over = False

    def call(self) -> None:
        """Find the MSRP side and send the INVITE."""
        session = self.session
        decision = session.decision
        hop = decision.next_hop or decision.ruri
        session.event("invite_sent", hop)
        session.gateway.agent.locator.locate(hop, self._located, session.origin(hop))

    def _located(self, found: Target | Failure) -> None:
        if self._over:
            return
        if isinstance(found, Failure):
            self.session.leg_lost(found.layer, found.detail)
            return
        gateway = self.session.gateway
        if self.session.owes and not gateway.layer.far_ends.has_room(found.host):
            # What is owed does not fail because of a bound of ours: thousands may be after a restart.
            gateway.wheel.start(ROOM_WAIT, lambda _: self._located(found))
            return
        self._secure = found.transport == "TLS"
        rule = self.session.decision.route
        invite = gateway.agent.invite(self._request(), found, self, gateway.config.ring_timeout, rule)
        if not self._over:
            self._invite = invite

    def _request(self) -> OutgoingRequest:
        session = self.session
        decision = session.decision
        contact, allow, content_type = self._headers()
        return OutgoingRequest(
            "INVITE",
            decision.ruri,
            [
                ("Max-Forwards", session.max_forwards),
                ("From", f"<{decision.from_uri}>;tag={new_tag()}"),
                ("To", f"<{decision.to_uri}>"),
                ("Call-ID", self.call_id),
                ("CSeq", "1 INVITE"),
                contact,
                allow,
                *session.page.headers,
                content_type,
            ],
            build_offer(**self._description()),  # type: ignore[arg-type]
        )

    def on_answered(self, invite: InviteClient, dialog: Dialog, response: Response) -> None:
        """A 2xx."""
        session = self.session
        self.dialog = dialog
        session.gateway.agent.add_dialog(self)
        session.gateway.store.change_session(session.id, {"dialog": dialog.as_record()})
        session.event("answered", f"{response.status} {response.reason}")
        try:
            media, messages = read_description(response, session.decision.content_types, offer=False)
            session.set_peer(media)
        except UnusableOffer as error:
            session.leg_lost(error.layer, error.reason)
            return
        except MsrpError as error:
            session.leg_lost("sdp", str(error))
            return
        arrivals.take(session, response, messages)
        self._join(media)

    def on_refused(self, invite: InviteClient, response: Response) -> None:
        """A refusal."""
        self.session.refused(response.status, response.reason)

    def on_unanswered(self, invite: InviteClient, failure: Failure) -> None:
        """No final answer."""
        self.session.leg_lost(failure.layer, failure.detail)

    def hang_up(self, *, bye: bool) -> None:
        """Also gives the INVITE up."""
        self._over = True
        if self._invite is not None:
            self._invite.cancel()
            self._invite = None
        super().hang_up(bye=bye)


class AnsweringLeg(Leg):
    """The leg that the MSRP side began: we answer its INVITE."""

    __slots__ = ()

    def prepare(self, transaction: InviteServerTransaction) -> None:
        """Make the dialog. Raises SipError 400 where there is no Contact."""
        self.dialog = uas_dialog(transaction)
        self.dialog.rule = self.session.decision.route
        self.call_id = self.dialog.call_id

    def answer(self, transaction: InviteServerTransaction, media: MessageMedia) -> None:
        """Answer 200."""
        session = self.session
        session.gateway.agent.add_dialog(self)
        self._await_peer(media)
        self._accept(transaction, media)
        session.event("answered", "200 OK")
