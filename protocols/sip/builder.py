"""Messages to bytes (RFC 3261 s7, s8.2.6).

Line breaks in what the caller gives are refused, so that a value from a peer, a database or a form cannot become
another header. They are found by counting: a message has as many CR and LF as lines were meant.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from protocols.sip.errors import SipBuildError, SipError
from protocols.sip.message import Request

REASONS: Final[dict[int, str]] = {
    100: "Trying",
    180: "Ringing",
    181: "Call Is Being Forwarded",
    182: "Queued",
    183: "Session Progress",
    199: "Early Dialog Terminated",
    200: "OK",
    202: "Accepted",
    204: "No Notification",
    300: "Multiple Choices",
    301: "Moved Permanently",
    302: "Moved Temporarily",
    305: "Use Proxy",
    380: "Alternative Service",
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    410: "Gone",
    412: "Conditional Request Failed",
    413: "Request Entity Too Large",
    414: "Request-URI Too Long",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    417: "Unknown Resource-Priority",
    420: "Bad Extension",
    421: "Extension Required",
    422: "Session Interval Too Small",
    423: "Interval Too Brief",
    424: "Bad Location Information",
    428: "Use Identity Header",
    429: "Provide Referrer Identity",
    430: "Flow Failed",
    433: "Anonymity Disallowed",
    436: "Bad Identity Info",
    437: "Unsupported Credential",
    438: "Invalid Identity Header",
    439: "First Hop Lacks Outbound Support",
    440: "Max-Breadth Exceeded",
    469: "Bad Info Package",
    470: "Consent Needed",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    483: "Too Many Hops",
    484: "Address Incomplete",
    485: "Ambiguous",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    489: "Bad Event",
    491: "Request Pending",
    493: "Undecipherable",
    494: "Security Agreement Required",
    500: "Server Internal Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Server Time-out",
    505: "Version Not Supported",
    513: "Message Too Large",
    555: "Push Notification Service Not Supported",
    580: "Precondition Failure",
    600: "Busy Everywhere",
    603: "Decline",
    604: "Does Not Exist Anywhere",
    606: "Not Acceptable",
    607: "Unwanted",
    608: "Rejected",
}
"""Status codes registered with IANA and their default phrases."""

_KEEPS_ROUTE: Final = frozenset({"INVITE", "SUBSCRIBE", "REFER"})
"""Methods that make dialogs, whose answers repeat Record-Route (s12.1.1)."""

_COPIED: Final = (("from", "From"), ("to", "To"), ("call-id", "Call-ID"), ("cseq", "CSeq"))
_tag = re.compile(r";[ \t]*+tag[ \t]*+=", re.IGNORECASE | re.ASCII).search


def build_request(method: str, uri: str, headers: Sequence[tuple[str, str]], body: bytes = b"") -> bytes:
    """A request. ``headers`` are all but Content-Length, which is written here, as name and value, in order.

    Raises SipBuildError for a line break or half of a surrogate pair anywhere in them, or a space in the URI.
    """
    if " " in uri or " " in method:
        raise SipBuildError("space in the request line")
    lines = [f"{method} {uri} SIP/2.0", *[f"{name}: {value}" for name, value in headers]]
    return _finish("\r\n".join(lines) + "\r\n", len(lines), body)


def build_response(
    request: Request,
    status: int,
    reason: str | None = None,
    *,
    to_tag: str | None = None,
    headers: Sequence[tuple[str, str]] = (),
    body: bytes = b"",
) -> bytes:
    """The answer to ``request``, which has been stamped: Via, From, To, Call-ID and CSeq are copied (s8.2.6.2).

    ``to_tag`` is put on To where it has no tag yet. ``reason`` defaults to the phrase of :data:`REASONS`. Record-Route
    is copied where the answer makes a dialog, Timestamp with 100 (s8.2.6.1). ``headers`` and errors as in
    :func:`build_request`. Of a request that was salvaged (:class:`SipParseError`) what is there is copied.
    """
    source = request.headers
    if reason is None:
        reason = REASONS.get(status, "")
    vias = source["via"]
    count = 5 + len(vias)
    via = vias[0] if count == 6 else "\r\nVia: ".join(vias)
    try:
        to = source["to"][0]
        if to_tag is not None and not _has_tag(request, to):
            to = f"{to};tag={to_tag}"
        text = (
            f"SIP/2.0 {status} {reason}\r\nVia: {via}\r\nFrom: {source['from'][0]}\r\nTo: {to}\r\n"
            f"Call-ID: {source['call-id'][0]}\r\nCSeq: {source['cseq'][0]}\r\n"
        )
    except KeyError:
        lines = [f"{shown}: {source[name][0]}\r\n" for name, shown in _COPIED if name in source]
        text = f"SIP/2.0 {status} {reason}\r\nVia: {via}\r\n{''.join(lines)}"
        count = 1 + len(vias) + len(lines)
    if 100 < status < 300 and request.method in _KEEPS_ROUTE:
        for value in source.get("record-route", ()):
            text += f"Record-Route: {value}\r\n"
            count += 1
    elif status == 100 and "timestamp" in source:
        text += f"Timestamp: {source['timestamp'][0]}\r\n"
        count += 1
    if headers:
        text += "".join([f"{name}: {value}\r\n" for name, value in headers])
        count += len(headers)
    return _finish(text, count, body)


def _has_tag(request: Request, to: str) -> bool:
    try:
        return request.to.tag is not None
    except SipError:
        return _tag(to) is not None


def _finish(text: str, lines: int, body: bytes) -> bytes:
    if text.count("\n") != lines or text.count("\r") != lines:
        raise SipBuildError("line break in a header field")
    try:
        if body:
            return f"{text}Content-Length: {len(body)}\r\n\r\n".encode("utf-8", "surrogateescape") + body
        return (text + "Content-Length: 0\r\n\r\n").encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise SipBuildError("half of a surrogate pair in a header field") from None
