"""A message on its way from MSRP to the message side.

    received --> its turn: MESSAGE --- 200, 202, a refusal within keep_after --> the SEND is answered with what happened
        |                                                                      (200, or the mapped error), one row
        | no final answer within keep_after
        v
    kept (row pending, committed: MSRP 200) --> 200: delivered, success REPORT if asked
                                            --> 202: accepted, REPORT or IMDN once an IMDN comes
                                            --> else: failed or expired: IMDN failed if asked, else failure REPORT

So the MSRP 200 means delivered or kept, never less. The queue of each target is in :mod:`page_side`.
"""

from __future__ import annotations

from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING

from protocols.sip.transaction_client import OutgoingRequest
from sessions_app.gateway import content
from sessions_app.gateway.carried import NOBODY, OF_NOTIFICATION, Carried
from sessions_app.gateway.duplicates import seen_as
from sessions_app.gateway.life import Event
from sessions_app.gateway.notices import MARK
from sessions_app.gateway.outcomes import EXPIRED_STATUS, message_refused
from sessions_app.gateway.own_imdns import failed_to_msrp

if TYPE_CHECKING:
    from protocols.msrp.incoming import IncomingMessage
    from protocols.payload.cpim import CpimMessage
    from sessions_app.cause import Cause
    from sessions_app.gateway.content import Form
    from sessions_app.gateway.session import Session
    from sessions_app.store.estate import Owed
    from sessions_app.store.writer import Obligation

DELIVERED = 200
ACKNOWLEDGED = 202
"""What :class:`~sessions_app.gateway.duplicates.SeenOnMsrp` remembers of a message that is out of our hands."""


class ToPage(Carried):
    """One such message, or a notice of the gateway's own.

    Call-ID, From tag and CSeq follow from the session key and the Message-ID, so that a MESSAGE which is sent again, by
    a restarted gateway or for a sender that did not get its 200, is the same to a peer that looks for duplicates.
    """

    __slots__ = ("_copies", "cseq", "form", "in_reply_to", "incoming", "part", "parts", "recorded", "resent", "seen_as")

    direction = "to_page"

    def __init__(
        self,
        session: Session,
        content_type: str,
        body: bytes,
        *,
        message_id: str,
        incoming: IncomingMessage | None = None,
        cpim: CpimMessage | None = None,
        recorded: bool = True,
    ) -> None:
        name = seen_as(session.key, message_id)
        call_id = blake2b(name.encode("utf-8", "replace"), digest_size=16).hexdigest()
        super().__init__(session, content_type, body, call_id, message_id, cpim)
        self.seen_as = name
        """Its name in :class:`~sessions_app.gateway.duplicates.SeenOnMsrp`."""
        self.incoming = incoming
        self.recorded = recorded
        self.in_reply_to = ""
        """Call-ID of the MESSAGE that a notice is about (RFC 3428 s9)."""
        self.resent = False
        """Whether an earlier process may have sent it already."""
        self.cseq = 1
        """Of the next try; each has its own."""
        self.form: Form | None = None
        """What goes out; None until its turn."""
        self.parts: list[bytes] = []
        """The bodies of a message that is too large for one MESSAGE and is split."""
        self.part = 0
        self._copies: list[IncomingMessage] | None = None
        if incoming is not None:
            gateway = session.gateway
            if incoming.success_report and cpim is None and session.page.takes_cpim:
                self.imdn_id = gateway.new_imdn_id()  # a delivery notification will be the sender's success REPORT
            self._timer = gateway.wheel.start(gateway.config.keep_after, self._keep)

    @classmethod
    def of_row(cls, session: Session, owed: Owed, obligation: Obligation) -> ToPage:
        """A message that an earlier process kept and did not deliver."""
        held = content.read_again(owed.content_type, owed.body)
        message = cls(session, owed.content_type, owed.body, message_id=owed.message_id, cpim=held)
        message.take_over(owed, obligation)
        message.resent = True
        return message

    @classmethod
    def notice(cls, session: Session, content_type: str, body: bytes, *, name: str) -> ToPage:
        """A notice about a broken promise, to be kept with the outcome that it tells of.

        ``name`` is its own for ever.
        """
        notice = cls(session, content_type, body, message_id=name, cpim=content.read(content_type, body))
        notice.notify |= OF_NOTIFICATION
        return notice

    def send_once_kept(self) -> None:
        """For a notice: it goes out with the commit that keeps it, and that ends what it is about."""
        self.owe(lambda _: self.session.gateway.page_side.enqueue(self), with_audit=True)

    @classmethod
    def fleeting_notice(cls, session: Session, content_type: str, body: bytes, *, name: str) -> ToPage:
        """A notice of what its receiver is told in another way too: neither kept nor on record."""
        notice = cls(session, content_type, body, message_id=name, recorded=False)
        notice.notify |= OF_NOTIFICATION
        return notice

    # -------------------------------------------------------------------------- the MESSAGE

    def choose_form(self) -> bool:
        """Take the next form in which the user may take it; False where there is none (RULEBOOK P2)."""
        page = self.session.page
        self.form = content.for_page(self, page.takes_cpim, page.refuses)
        return self.form is not None

    def request(self) -> OutgoingRequest:
        """The MESSAGE, or the next part of it."""
        session = self.session
        page = session.page
        form = self.form
        assert form is not None
        call_id = f"{self.call_id}-{self.part + 1}" if self.part else self.call_id
        headers = [
            ("Max-Forwards", session.max_forwards),
            ("From", f"<{page.from_uri}>;tag={self.call_id[:16]}"),
            ("To", f"<{page.to_uri}>"),
            ("Call-ID", call_id),
            ("CSeq", f"{self.cseq} MESSAGE"),
        ]
        if page.headers or self.subject:
            subject = [("Subject", self.subject)] if self.subject else []
            headers += subject + [each for each in page.headers if not (subject and each[0] == "Subject")]
        if NOBODY in self.notify and not self.is_notification:
            headers.append(MARK)
            if self.in_reply_to:
                headers.append(("In-Reply-To", self.in_reply_to))
        headers.append(("Content-Type", form.type))
        return OutgoingRequest("MESSAGE", page.ruri, headers, self.parts[self.part] if self.parts else form.body)

    # ------------------------------------------------------------------------- the SEND

    def _keep(self, _: object) -> None:
        """The outcome takes longer than the sender should wait: keep the message, then acknowledge it.

        Where nothing can be promised the sender waits for the outcome, or for its own timer.
        """
        if self.session.gateway.config.promises:
            self.keep_or_wait(self._promise)
        else:
            self._timer = None

    def _promise(self, _: object) -> None:
        if not self.is_settled:
            self._respond(200)

    def again(self, incoming: IncomingMessage) -> None:
        """The same SEND came once more, on another connection perhaps, while this one is under way (RULEBOOK S18)."""
        if self._obligation is not None and self._obligation.kept:
            incoming.respond(200)
        elif self.incoming is not None:
            self._copies = [*(self._copies or ()), self.incoming][-8:]
        self.incoming = incoming  # what is still to be said, is said where the sender is now

    def _respond(self, status: int) -> bool:
        """Answer the SEND and its copies; False where it is answered already."""
        for copy in self._copies or ():
            copy.respond(status)
        self._copies = None
        return self.incoming is not None and self.incoming.respond(status)

    def finished(self, event: Event, code: int | None, cause: Cause, status: int | None = None) -> bool:
        """It has its outcome: ``code`` is the MESSAGE's final answer, ``status`` the MSRP one where no code decides.

        False where it has none after all: what was promised and meets a planned stop stays pending.
        """
        self.leave()
        session = self.session
        gateway = session.gateway
        good = event in (Event.TAKEN, Event.PASSED_ON)
        if good:
            status = 200
            session.to_page += 1
        else:
            status = EXPIRED_STATUS if event is Event.EXPIRED else status or message_refused(code)
            if self.promised and gateway.draining and code is None:
                return False
            session.undelivered += 1
        if self.recorded:
            if good:
                self._tell_taken(event)
            tell = None if good else partial(self._tell_failed, status)
            session.last_message_at = gateway.wheel.now
            self.record(event, code, None if event is Event.PASSED_ON else status, cause, tell=tell)
        return True

    def _tell_taken(self, event: Event) -> None:
        gateway = self.session.gateway
        incoming = self.incoming
        self._respond(200)
        if event is Event.TAKEN:
            gateway.seen.put(self.seen_as, DELIVERED)
            if incoming is not None:
                incoming.report(200)
        else:
            gateway.seen.put(self.seen_as, ACKNOWLEDGED)
            if self.imdn_id:
                gateway.notifications.expect(self)

    def _tell_failed(self, status: int) -> None:
        self.session.gateway.seen.put(self.seen_as, -self.cseq)
        if not self._respond(status) and NOBODY not in self.notify:
            self.tell_failure(status)

    def tell_failure(self, status: int) -> None:
        """After the 200: by IMDN where that was asked for, else by a failure REPORT (RULEBOOK S30)."""
        if not failed_to_msrp(self) and self.incoming is not None:
            self.incoming.report(status)
