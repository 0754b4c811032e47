"""Notifications that the gateway makes itself, on behalf of the far side's user (RFC 5438 s12; RULEBOOK I3, I7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.payload import cpim, imdn
from protocols.payload.rfc3339 import format_date_time
from sessions_app.gateway.content import IMDN

if TYPE_CHECKING:
    from sessions_app.gateway.session import Session
    from sessions_app.gateway.to_page import ToPage


def failed_to_msrp(message: ToPage) -> bool:
    """To the MSRP side, as the IMDN that it asked for; False where it must be a failure REPORT.

    A failure REPORT ends the session for its receiver (RFC 4975 s7.3.2, RULEBOOK S30), an IMDN only the message.
    """
    if not (message.imdn_id and "negative-delivery" in message.notify):
        return False
    body = imdn_about(message.session, message.imdn_id, "failed", message.subject, to_page=False)
    return message.session.send_notification(body)


def imdn_about(session: Session, about: str, status: str, subject: str, *, to_page: bool) -> bytes:
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
