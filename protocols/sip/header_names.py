"""Header field names: one lower-case long name for each spelling (RFC 3261 s7.3.1, s7.3.3)."""

from __future__ import annotations

import re
from typing import Final

from protocols.remembered import Remembered
from protocols.sip.errors import SipError
from protocols.sip.grammar import TCHAR

COMPACT: Final = {
    "a": "accept-contact",
    "b": "referred-by",
    "c": "content-type",
    "d": "request-disposition",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "j": "reject-contact",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "n": "identity-info",
    "o": "event",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
    "x": "session-expires",
    "y": "identity",
}
"""The compact forms registered with IANA."""

SINGLE: Final = frozenset(
    {"call-id", "content-length", "content-type", "cseq", "expires", "from", "max-forwards", "min-expires", "to"}
)
"""Header fields that no message may have twice, of those that anything here is decided by (s7.3.1, RFC 4475 s3.3.8)."""

_COMMON: Final = """
    Accept Accept-Contact Accept-Encoding Accept-Language Allow Allow-Events Authorization Call-ID Contact
    Content-Disposition Content-Encoding Content-Length Content-Type CSeq Date Event Expires From Max-Forwards
    MIME-Version Min-Expires Min-SE P-Access-Network-Info P-Asserted-Identity P-Preferred-Identity Priority Privacy
    Proxy-Authenticate Proxy-Authorization Proxy-Require Reason Record-Route Require Retry-After Route Server
    Session-Expires Subject Supported Timestamp To Unsupported User-Agent Via Warning WWW-Authenticate
""".split()  # noqa: SIM905 - a table is read more easily

KNOWN: Final[dict[str, str]] = {
    spelling: name.lower() for name in _COMMON for spelling in (name, name.lower(), name.upper())
} | {spelling: name for short, name in COMPACT.items() for spelling in (short, short.upper())}
"""Spellings as peers send them, so that the common case is one look-up."""

SHOWN: Final[dict[str, str]] = {name.lower(): name for name in _COMMON}
"""Long names as the RFCs print them, for messages to people."""

_NAME: Final = re.compile(rf"({TCHAR}++)[ \t]*+\Z")


def header_name(spelling: str) -> str:
    """The lower-case long name. ``spelling`` is what stands before the colon. Raises SipError 400 if it is no token."""
    return _remembered[spelling]


def _long_name(spelling: str) -> str:
    found = _NAME.match(spelling)
    if found is None:
        raise SipError(400, "Malformed header field name")
    name = found[1].lower()
    return COMPACT.get(name, name)


_remembered = Remembered(_long_name, most=1024, longest=64)
