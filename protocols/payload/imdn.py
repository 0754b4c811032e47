"""message/imdn+xml: what became of a message (RFC 5438 s11; RULEBOOK I2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from protocols.payload.errors import PayloadError
from protocols.payload.xml_document import Element, element, read_document

CONTENT_TYPE: Final = "message/imdn+xml"
NAMESPACE: Final = "urn:ietf:params:xml:ns:imdn"

STATUSES: Final = {
    "delivery": frozenset({"delivered", "failed", "forbidden", "error"}),
    "processing": frozenset({"processed", "stored", "forbidden", "error"}),
    "display": frozenset({"displayed", "forbidden", "error"}),
}
"""What each kind of notification can say (s11.1.7)."""

_NOTIFICATION: Final = "-notification"
_OURS: Final = frozenset({NAMESPACE, ""})
"""Peers forget the namespace; elements of any other one are extensions (s11.1)."""


@dataclass(frozen=True, slots=True)
class Imdn:
    """One notification."""

    message_id: str
    """imdn.Message-ID of the message it is about."""
    date_time: str
    """DateTime of that message as its sender wrote it, to be given back unchanged (s11.1.2)."""
    kind: str
    """A key of STATUSES."""
    status: str
    """One of STATUSES[kind]."""
    recipient_uri: str = ""
    """Who got it, or was to get it."""
    original_recipient_uri: str = ""
    """To whom its sender addressed it."""
    subject: str = ""
    """Of the message it is about."""


def parse(data: bytes) -> Imdn:
    """Read a notification. Raises PayloadError 400 for what is none, 413 for more than 64 KiB."""
    root = read_document(data)
    if root.name != "imdn" or root.namespace not in _OURS:
        raise PayloadError(400, "Not an IMDN document")
    texts: dict[str, str] = {}
    found: tuple[str, str] | None = None
    for child in root.each(_OURS):
        kind = child.name.removesuffix(_NOTIFICATION)
        if kind != child.name and kind in STATUSES:
            if found is not None:
                raise PayloadError(400, "IMDN with more than one notification")
            found = kind, _status(child, kind)
        else:
            texts.setdefault(child.name, child.text)
    if found is None:
        raise PayloadError(400, "IMDN without a notification")
    if not texts.get("message-id"):
        raise PayloadError(400, "IMDN without a message-id")
    return Imdn(
        message_id=texts["message-id"],
        date_time=texts.get("datetime", ""),
        kind=found[0],
        status=found[1],
        recipient_uri=texts.get("recipient-uri", ""),
        original_recipient_uri=texts.get("original-recipient-uri", ""),
        subject=texts.get("subject", ""),
    )


def _status(notification: Element, kind: str) -> str:
    for status in notification.each(_OURS):
        if status.name == "status":
            for each in status.each(_OURS):
                if each.name in STATUSES[kind]:
                    return each.name
    raise PayloadError(400, "IMDN without a status of its kind")


def build(imdn: Imdn) -> bytes:
    """Write a notification that is valid by the schema of s11.1.9.

    The schema has both URIs or none, so one stands for the other where that is empty; and a subject only after them, so
    it is left out where both are. Raises PayloadError 400 for a status that is not of its kind, or no message-id.
    """
    if imdn.status not in STATUSES.get(imdn.kind, ()) or not imdn.message_id:
        raise PayloadError(400, "Not an IMDN")
    written = [element("message-id", imdn.message_id), element("datetime", imdn.date_time)]
    recipient = imdn.recipient_uri or imdn.original_recipient_uri
    if recipient:
        written.append(element("recipient-uri", recipient))
        written.append(element("original-recipient-uri", imdn.original_recipient_uri or recipient))
        if imdn.subject:
            written.append(element("subject", imdn.subject))
    written.append(f"<{imdn.kind}{_NOTIFICATION}><status><{imdn.status}/></status></{imdn.kind}{_NOTIFICATION}>")
    return f'<?xml version="1.0" encoding="UTF-8"?>\r\n<imdn xmlns="{NAMESPACE}">{"".join(written)}</imdn>'.encode()
