"""What a sender is told after the answer: notifications (RFC 5438) and notices in words.

A MESSAGE that was answered 202 and a SEND that was answered 200 are promises. Where one is broken, its sender hears of
it: by an IMDN ``failed`` if they asked for that, by the route's words or a failure REPORT if not. A notice to the
message side is a message of its own, kept in the very transaction that ends the message it is about. There is one for a
failure, however many messages it is about, and none about a notification, a notice or an automatic answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions_app.gateway.carried import NOBODY
from sessions_app.gateway.content import CPIM, PLAIN
from sessions_app.gateway.own_imdns import imdn_about
from sessions_app.gateway.to_page import ToPage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions_app.cause import Cause
    from sessions_app.gateway.carried import Carried
    from sessions_app.gateway.session import Session
    from sessions_app.gateway.to_msrp import ToMsrp
    from sessions_app.store.confirmations import Confirmed


def tells_nobody(message: Carried) -> bool:
    """Whether nobody is told of its failure: a notification (RFC 5438 s7.2.1.1), a notice, an automatic answer."""
    return NOBODY in message.notify


def wants_imdn(message: Carried) -> bool:
    """Whether its sender asked to be told of its failure by IMDN."""
    return bool(message.imdn_id) and "negative-delivery" in message.notify


def not_delivered(message: ToMsrp, cause: Cause) -> None:
    """To the message side: what was promised by 202 did not arrive."""
    session = message.session
    if tells_nobody(message) or not session.gateway.notices.may_tell(session, chain=message.chain):
        return
    if wants_imdn(message):
        _imdn_failed(session, f"failed {message.message_id}", message.imdn_id, message.subject)
    else:
        _in_words(session, f"failure {message.message_id}", str(cause), call_id=message.call_id)


def set_up_failed(session: Session, cause: Cause, reason: str | None, waiting: Sequence[ToMsrp], promised: int) -> None:
    """To the message side: one notice of a failed set-up, whatever number of messages had waited for it.

    ``promised``: how many of them had been answered 202, so that nothing else tells of them.
    """
    told = [message for message in waiting if not tells_nobody(message)]
    if not told:
        return
    chain = min(message.chain for message in told)
    if session.gateway.notices.may_tell(session, chain=chain, promised=promised):
        name, call_id = f"failure {session.id}", told[0].call_id
        _in_words(session, name, cause.text, cause.code, reason, number=len(told), kept=promised > 0, call_id=call_id)


def denied(session: Session, row: Confirmed, cause: Cause) -> None:
    """To the message side: the MSRP peer took it and says later that it failed (RFC 4975 s7.1.2)."""
    notify = row.notify.split()
    if NOBODY in notify or not session.gateway.notices.may_tell(session):
        return
    if row.imdn_id and "negative-delivery" in notify:
        _imdn_failed(session, f"failed {row.id}", row.imdn_id, row.subject)
    else:
        _in_words(session, f"failure {row.id}", cause.text)


def withheld(session: Session) -> None:
    """To the message side: what was not told of, because there was too much of it."""
    number = session.gateway.notices.withheld(session)
    name = f"withheld {session.id} {session.gateway.wheel.now:.3f}"
    messages, were = _messages(number, "more")
    _notice(session, PLAIN, f"{messages} to {session.decision.to_uri} {were} not delivered.", name)


def delivered_to_msrp(message: Carried) -> None:
    """To the message side: the success REPORT of the MSRP peer, as the IMDN that was asked for (RULEBOOK I7)."""
    session = message.session
    body = imdn_about(session, message.imdn_id, "delivered", message.subject, to_page=True)
    ToPage.notice(session, CPIM, body, name=f"delivered {message.message_id}").send_once_kept()


def _imdn_failed(session: Session, name: str, imdn_id: str, subject: str) -> None:
    body = imdn_about(session, imdn_id, "failed", subject, to_page=True)
    ToPage.notice(session, CPIM, body, name=name).send_once_kept()


def _in_words(
    session: Session,
    name: str,
    detail: str,
    code: int | None = None,
    reason: str | None = None,
    *,
    number: int = 1,
    kept: bool = True,
    call_id: str = "",
) -> None:
    """The route's text, with what was not told of before. ``kept``: nothing else tells of it, it must not be lost."""
    text = words(session, code, reason, detail)
    if number > 1:
        text += f" ({number} messages)"
    before = session.gateway.notices.withheld(session)
    if before:
        messages, were = _messages(before, "earlier")
        text += f" {messages} {were} not delivered either."
    _notice(session, PLAIN, text, name, kept=kept, call_id=call_id)


def _notice(session: Session, content_type: str, text: str, name: str, *, kept: bool = True, call_id: str = "") -> None:
    make = ToPage.notice if kept else ToPage.fleeting_notice
    notice = make(session, content_type, text.encode(), name=name)
    notice.in_reply_to = call_id
    if kept:
        notice.send_once_kept()
    else:
        session.gateway.page_side.enqueue(notice)


def _messages(number: int, which: str) -> tuple[str, str]:
    """So many messages as they are spoken of, and the verb that goes with them."""
    return (f"{number} {which} messages", "were") if number > 1 else (f"{number} {which} message", "was")


def words(session: Session, code: int | None, reason: str | None, detail: str) -> str:
    """The route's text about a failure."""
    decision = session.decision
    return decision.failure_text.format_map(
        {
            "from": decision.from_uri,
            "to": decision.to_uri,
            "code": "" if code is None else code,
            "reason": reason or "",
            "detail": detail,
        }
    )
