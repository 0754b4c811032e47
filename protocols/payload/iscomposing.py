"""application/im-iscomposing+xml: somebody is typing (RFC 3994; RULEBOOK C1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from protocols.payload.errors import PayloadError
from protocols.payload.xml_document import element, read_document

CONTENT_TYPE: Final = "application/im-iscomposing+xml"
NAMESPACE: Final = "urn:ietf:params:xml:ns:im-iscomposing"
ACTIVE: Final = "active"
IDLE: Final = "idle"
DEFAULT_REFRESH: Final = 120
"""Seconds after which a composer that named no refresh interval is taken to be idle (s3.3)."""

_OURS: Final = frozenset({NAMESPACE, "urn:ietf:params:xml:ns:im-composing", ""})
"""Beside its own name, the one that the RFC's examples confuse it with, and none at all."""
_refresh = re.compile(r"\+?0*([1-9][0-9]{0,8})").fullmatch


@dataclass(frozen=True, slots=True)
class IsComposing:
    """One status message."""

    state: str
    """ACTIVE or IDLE."""
    refresh: int | None = None
    """Seconds within which the composer says so again; None where it did not say."""
    content_type: str = ""
    """What is being composed, such as ``text/plain`` or ``audio``: a hint."""
    last_active: str = ""
    """When something was last added, as written."""


def parse(data: bytes) -> IsComposing:
    """Read a status message. Any state but active is idle (s3.5), a refresh that is no positive number is none.

    Raises PayloadError 400 for what is no status message, 413 for more than 64 KiB.
    """
    root = read_document(data)
    if root.name != "isComposing" or root.namespace not in _OURS:
        raise PayloadError(400, "Not an isComposing document")
    texts: dict[str, str] = {}
    for child in root.each(_OURS):
        texts.setdefault(child.name, child.text)
    if "state" not in texts:
        raise PayloadError(400, "isComposing without a state")
    interval = _refresh(texts.get("refresh", ""))
    return IsComposing(
        state=ACTIVE if texts["state"] == ACTIVE else IDLE,
        refresh=int(interval[1]) if interval else None,
        content_type=texts.get("contenttype", ""),
        last_active=texts.get("lastactive", ""),
    )


def build(document: IsComposing) -> bytes:
    """Write a status message, elements in the order of the schema (s6.1)."""
    written = [element("state", ACTIVE if document.state == ACTIVE else IDLE)]
    if document.last_active:
        written.append(element("lastactive", document.last_active))
    if document.content_type:
        written.append(element("contenttype", document.content_type))
    if document.refresh is not None and document.refresh > 0:
        written.append(element("refresh", str(document.refresh)))
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\r\n<isComposing xmlns="{NAMESPACE}">{"".join(written)}</isComposing>'
    ).encode()


class ComposingState:
    """What the receiver of one composer's messages knows (s3.3, figure 2): who relays them is one.

    Times are seconds of any clock that does not go backwards.
    """

    __slots__ = ("deadline",)

    def __init__(self) -> None:
        self.deadline: float | None = None
        """When an active composer is taken to be idle; None while idle."""

    @property
    def active(self) -> bool:
        """True while somebody composes, until ``content`` or ``expired`` says otherwise."""
        return self.deadline is not None

    def seen(self, document: IsComposing, now: float) -> bool:
        """Take a status message; True where it is news: the state changed, or an active one is refreshed."""
        if document.state == ACTIVE:
            self.deadline = now + (document.refresh or DEFAULT_REFRESH)
            return True
        was_active = self.active
        self.deadline = None
        return was_active

    def content(self, now: float) -> None:
        """A content message came: composing is over, and everybody knows by that message."""
        del now
        self.deadline = None

    def expired(self, now: float) -> bool:
        """True once, when an active composer was silent for its refresh interval: it is idle now."""
        if self.deadline is None or now < self.deadline:
            return False
        self.deadline = None
        return True
