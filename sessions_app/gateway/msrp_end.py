"""The MSRP-side end of a session: what the peer takes, in which form it gets it, and what it reports of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.msrp.errors import TOO_LARGE, TYPE_NOT_ACCEPTED, MsrpSendError
from protocols.msrp.ids import new_message_id
from sessions_app.cause import Cause, Side
from sessions_app.gateway import content
from sessions_app.gateway.content import Form
from sessions_app.gateway.outcomes import Answer
from sessions_app.gateway.reports import Reports

if TYPE_CHECKING:
    from protocols.msrp.accept import AcceptTypes
    from protocols.msrp.negotiation import MessageMedia
    from protocols.msrp.session import MsrpSession
    from sessions_app.gateway.session import Session
    from sessions_app.gateway.to_msrp import ToMsrp


class MsrpEnd:
    """A session has one, and tells it who it is with each call: did it know, neither would go before the garbage
    collector came by. The MSRP session itself is another one after each offer of ours.
    """

    __slots__ = ("_relayed", "_reports", "_wrapped", "_wraps")

    def __init__(self) -> None:
        self._wraps = False  # the peer wants message/cpim around everything
        self._wrapped: AcceptTypes | None = None
        self._relayed = False  # a relay is between us and the peer, and answers for it
        self._reports: Reports | None = None

    def learn(self, media: MessageMedia) -> None:
        """What its description says."""
        self._wraps = content.prefers_cpim(media.accept_types)
        self._wrapped = media.accept_wrapped_types
        self._relayed = len(media.path) > 1

    def send(self, msrp: MsrpSession, message: ToMsrp) -> None:
        """Send a message, in a form that the peer takes."""
        session = message.session
        gateway = session.gateway
        form = Form(message.content_type, message.body)
        if message.cpim is not None or self._wraps or not msrp.peer_accept_types.allows(form.type):
            found = content.for_msrp(message, msrp.peer_accept_types, self._wrapped, gateway.uri)
            if found is None:
                cause = Cause(Side.MSRP, "type", f"{TYPE_NOT_ACCEPTED}: {message.content_type}")
                message.failed(Answer(415), None, cause)
                return
            form = found
            message.whole = message.cpim is not None and form.essence == content.CPIM
        report = self._relayed or ("positive-delivery" in message.notify and not message.whole)
        if report:
            self.reports(session).expect(message, len(form.body), decides=self._relayed)
        try:
            msrp.send(
                message.message_id,
                form.type,
                form.body,
                success_report=report,
                now=gateway.wheel.now,
                context=message,
            )
        except MsrpSendError as error:
            self.forget(message)
            answer = {TYPE_NOT_ACCEPTED: Answer(415), TOO_LARGE: Answer(413)}.get(error.cause, Answer(480, None, 30))
            message.failed(answer, None, Cause(Side.MSRP, "msrp", str(error)))

    def send_notification(self, session: Session, msrp: MsrpSession, body: bytes) -> bool:
        """An IMDN of ours; False where it cannot go."""
        gateway = session.gateway
        if not gateway.notifications.allows(session):
            return False
        try:
            msrp.send(new_message_id(), content.CPIM, body, now=gateway.wheel.now)
        except MsrpSendError:
            return False
        return True

    def reports(self, session: Session) -> Reports:
        """The REPORTs that it owes us."""
        if self._reports is None:
            self._reports = Reports(session)
        return self._reports

    def decides_later(self, message: ToMsrp) -> bool:
        """Whether a SEND that was answered 200 has its outcome only with its REPORT."""
        return self._reports is not None and self._reports.waits_for(message)

    def forget(self, message: ToMsrp) -> None:
        """No REPORT is waited for."""
        if self._reports is not None:
            self._reports.forget(message)

    def give_up(self) -> None:
        """The session is over."""
        reports, self._reports = self._reports, None
        if reports is not None:
            reports.give_up()
