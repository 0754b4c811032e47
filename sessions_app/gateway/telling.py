"""What a sender is told after the answer: notifications (RFC 5438) and notices in words.

A MESSAGE that was answered 202 and a SEND that was answered 200 are promises. Where one is broken, its sender hears of
it: by an IMDN ``failed`` if they asked for that, by the route's words or a failure REPORT if not. A notice to the
message side is a message of its own, kept in the very transaction that ends the message it is about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.payload import cpim, imdn
from protocols.payload.rfc3339 import format_date_time
from sessions_app.gateway.content import CPIM, IMDN, PLAIN
from sessions_app.gateway.to_page import ToPage

if TYPE_CHECKING:
    from sessions_app.gateway.carried import Carried
    from sessions_app.gateway.session import Session
    from sessions_app.store.confirmations import Confirmed


def not_delivered(message: Carried, detail: str) -> None:
    """To the message side: what was promised by 202 did not arrive."""
    if message.is_notification:
        return  # nobody is notified about a notification (RFC 5438 s7.2.1.1)
    _tell_page(message.session, message.message_id, message.imdn_id, message.notify, message.subject, detail)


def denied(session: Session, row: Confirmed, detail: str) -> None:
    """To the message side: the MSRP peer took it and says later that it failed (RFC 4975 s7.1.2)."""
    _tell_page(session, row.id, row.imdn_id, frozenset(row.notify.split()), row.subject, detail)


def _tell_page(session: Session, name: str, imdn_id: str, notify: frozenset[str], subject: str, detail: str) -> None:
    if imdn_id and "negative-delivery" in notify:
        body = _imdn(session, imdn_id, "failed", subject, to_page=True)
        notice = ToPage.notice(session, CPIM, body, name=f"failed {name}")
    else:
        notice = ToPage.notice(session, PLAIN, words(session, None, None, detail).encode(), name=f"failure {name}")
    session.gateway.page_side.enqueue(notice)


def delivered_to_msrp(message: Carried) -> None:
    """To the message side: the success REPORT of the MSRP peer, as the IMDN that was asked for (RULEBOOK I7)."""
    session = message.session
    body = _imdn(session, message.imdn_id, "delivered", message.subject, to_page=True)
    session.gateway.page_side.enqueue(ToPage.notice(session, CPIM, body, name=f"delivered {message.message_id}"))


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


def failed_to_msrp(message: ToPage) -> bool:
    """To the MSRP side, as the IMDN that it asked for; False where it must be a failure REPORT.

    A failure REPORT ends the session for its receiver (RFC 4975 s7.3.2, RULEBOOK S30), an IMDN only the message.
    """
    if not (message.imdn_id and "negative-delivery" in message.notify):
        return False
    body = _imdn(message.session, message.imdn_id, "failed", message.subject, to_page=False)
    return message.session.send_notification(body)


def _imdn(session: Session, about: str, status: str, subject: str, *, to_page: bool) -> bytes:
    """An IMDN of the far side's user about the message ``about``, as CPIM."""
    end = session.page
    recipient, sender = (end.from_uri, end.to_uri) if to_page else (end.to_uri, end.from_uri)
    now = session.gateway.wall()
    document = imdn.Imdn(
        message_id=about,
        date_time=format_date_time(now),
        kind="delivery",
        status=status,
        recipient_uri=recipient,
        original_recipient_uri=recipient,
        subject=subject,
    )
    return cpim.wrap(
        imdn.build(document),
        IMDN,
        from_uri=recipient,
        to_uri=sender,
        at=now,
        imdn_message_id=session.gateway.new_imdn_id(),
        disposition="notification",
    )
