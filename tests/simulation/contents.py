"""What a body on the wire is: a word of somebody's, a notification, a notice; and what a description tells."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

NOTICE: Final = "[not delivered]"
"""How the route's failure text begins."""
USUAL_NOTICE: Final = b"Your message to "
"""How it begins where no route gave one."""
OURS: Final = "parley."
"""How the IMDN Message-IDs begin that the gateway itself gives."""

_token = re.compile(rb"~(\d+)~").search
_about = re.compile(rb"<message-id>([^<]*)</message-id>").search
_status = re.compile(rb"<(delivery|display|processing)-notification>\s*<status>\s*<(\w+)\s*/>").search
_imdn_name = re.compile(rb"^(?:imdn\.)?Message-ID: ?(\S+)", re.MULTILINE).search
_together = re.compile(rb" \((\d+) messages\)").search
_earlier = re.compile(rb" (\d+) earlier messages? (?:were|was) not delivered either\.$").search
_withheld = re.compile(rb"(\d+) more messages? to \S+ (?:were|was) not delivered\.$").match
_path = re.compile(rb"a=path:(?:\S+ )*(msrp://([^:/]+):(\d+)/([^;\s]+);tcp)").search
_usable = re.compile(rb"m=message [1-9]\d* TCP/MSRP").search


class Notification(NamedTuple):
    """An IMDN: ``about`` which IMDN Message-ID, of which ``kind`` (delivery, display ...), with which ``status``."""

    about: str
    kind: str
    status: str


class Path(NamedTuple):
    """The last URI of a description's path."""

    uri: str
    host: str
    port: int
    session: str


def token(body: bytes) -> int | None:
    """The token of the word in it."""
    found = _token(body)
    return int(found[1]) if found is not None else None


def notification(body: bytes) -> Notification | None:
    """The IMDN in it."""
    if b"message/imdn+xml" not in body:
        return None
    about, status = _about(body), _status(body)
    if about is None or status is None:
        return None
    return Notification(about[1].decode(), status[1].decode(), status[2].decode())


def imdn_name(body: bytes) -> str:
    """The IMDN Message-ID of a CPIM message; empty without one."""
    found = _imdn_name(body)
    return found[1].decode() if found is not None else ""


def told_in_words(body: bytes) -> int:
    """How many messages a notice tells of; 0 where it is none."""
    withheld = _withheld(body)
    if withheld is not None:
        return int(withheld[1])
    if not body.startswith((NOTICE.encode(), USUAL_NOTICE)):
        return 0
    together, earlier = _together(body), _earlier(body)
    return int(together[1] if together else 1) + int(earlier[1] if earlier else 0)


def path(description: bytes) -> Path | None:
    """See :class:`Path`."""
    found = _path(description)
    if found is None:
        return None
    uri, host, port, session = (each.decode() for each in found.groups())
    return Path(uri, host, int(port), session)


def serves(description: bytes) -> bool:
    """Whether a session for every content can be made of a description."""
    return bool(_path(description) and _usable(description)) and b"a=accept-types:*" in description


def named(body: bytes) -> str:
    """In a word or two, for a line of the trace."""
    number, told = token(body), notification(body)
    if number is not None:
        return f"~{number}~"
    if told is not None:
        return f"(IMDN {told.status})"
    return "(notice)" if told_in_words(body) else ""
