"""What a well-formed message may still not mean (RFC 3261 s8.2, RFC 4475 s3.1.2, s3.3)."""

from __future__ import annotations

from collections.abc import Set
from typing import Final

from protocols.sip.errors import SipError
from protocols.sip.message import Request, Response
from protocols.sip.uri import check_uri

METHODS: Final = frozenset(
    {
        *("ACK", "BYE", "CANCEL", "INFO", "INVITE", "MESSAGE", "NOTIFY"),
        *("OPTIONS", "PRACK", "PUBLISH", "REFER", "REGISTER", "SUBSCRIBE", "UPDATE"),
    }
)
"""The methods registered with IANA."""

_WITHOUT_REQUIRE: Final = frozenset({"ACK", "CANCEL"})
_NO_EXTENSIONS: Final[frozenset[str]] = frozenset()


def check_request(request: Request, *, supported: Set[str] = _NO_EXTENSIONS) -> None:
    """Raise SipError with the answer a UAS owes to a request it must not process.

    ``supported``: option tags that Require may name, in lower case. The order is that of s8.2: 400 (or 501, RFC 4475
    s3.1.2.18) where CSeq has another method, 416 and 400 for the Request-URI, 400 for From, To, Contact, Record-Route,
    Content-Type and Max-Forwards that cannot be read, 420 with Unsupported. A malformed Date is no fault (s3.1.2.12
    there), a From without tag neither (s3.4.1), and Max-Forwards 0 concerns those who forward: :func:`check_hops`.
    """
    method = request.method
    if request.cseq.method != method:
        if method in METHODS:
            raise SipError(400, "CSeq method does not match the request")
        raise SipError(501, "Not Implemented")
    check_uri(request.uri)
    _check_address(request.from_.uri)
    _check_address(request.to.uri)
    headers = request.headers
    if "max-forwards" in headers:
        request.max_forwards  # noqa: B018
    request.content_type  # noqa: B018
    if method != "MESSAGE":
        # A MESSAGE makes no dialog: what it says there, against RFC 3428 s4, is not looked at.
        for contact in request.contacts:
            if contact.uri != "*":
                _check_address(contact.uri, headers_allowed=True)
        for route in request.record_routes:
            _check_address(route.uri, headers_allowed=True)
    if "require" in headers and method not in _WITHOUT_REQUIRE:
        unsupported = [each for each in request.require if each.lower() not in supported]
        if unsupported:
            raise SipError(420, "Bad Extension", (("Unsupported", ", ".join(unsupported)),))


def check_hops(request: Request) -> None:
    """Raise SipError 483 if a request must not cause another one: Max-Forwards is 0 (RFC 7332 s4, RULEBOOK U1)."""
    if request.max_forwards == 0:
        raise SipError(483, "Too Many Hops")


def check_response(response: Response) -> None:
    """Raise SipError, of a code nobody is told, if a UAC must discard a response: it has a second Via (s8.1.3.3)."""
    vias = response.headers["via"]
    if len(vias) > 1 or ("," in vias[0] and len(response.values("via")) > 1):
        raise SipError(400, "Response for another element")


def _check_address(uri: str, *, headers_allowed: bool = False) -> None:
    """Any scheme will do in these headers (RFC 4475 s3.3.4), but a SIP URI must be one."""
    try:
        check_uri(uri, headers_allowed=headers_allowed)
    except SipError as error:
        if error.code != 416:
            raise
