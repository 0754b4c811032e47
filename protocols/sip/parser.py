"""Bytes to messages (RFC 3261 s7, s18.3): start line, header lines, framing by Content-Length.

Linear in the input. Octets outside UTF-8 survive as surrogates (``surrogateescape``), so that what is copied into an
answer is what came. What this refuses is syntax; meaning is refused by :mod:`protocols.sip.validate`.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import Final

from protocols.sip.errors import SipError
from protocols.sip.grammar import TCHAR
from protocols.sip.header_names import KNOWN, SHOWN, SINGLE, header_name
from protocols.sip.limits import DEFAULT_LIMITS, SipLimits
from protocols.sip.message import CSeq, Headers, Request, Response, top_via
from protocols.sip.parse_error import SipParseError
from protocols.sip.salvage import salvage

# More than one space between the parts, or spaces at the end, are let pass (RFC 4475 s3.1.2.9, s3.1.2.10).
_request_line = re.compile(rf'({TCHAR}++) ++([^\x00-\x20<>"\x7f]++) ++SIP/2\.0 *+\Z', re.IGNORECASE | re.ASCII).match
_status_line = re.compile(r"SIP/2\.0 ++([1-6][0-9][0-9])(?: (.*+))?\Z", re.IGNORECASE | re.ASCII).match
_other_version = re.compile(
    rf"(?:{TCHAR}++ .*[ ])?SIP/(?!2\.0[ ]*\Z)[0-9]++\.[0-9]++ *\Z", re.IGNORECASE | re.ASCII
).match
_fold = re.compile(r"\r\n[ \t]++").sub
_fold_octets = re.compile(rb"\r\n[ \t]++").sub
_content_lengths = re.compile(rb"\r\n(?:content-length|l)[ \t]*+:[ \t]*+([^\r\n]*)", re.IGNORECASE).findall
# A quoted string that is never closed, once looked through, leaves the rest of the line to be free of nulls.
_nulls_are_quoted = re.compile(r'(?:[^"\0]++|"(?:[^"\\\0]++|\\.)*+")*+[^\0]*+\Z', re.DOTALL).match
_HEAD_END: Final = b"\r\n\r\n"
_head_end = re.compile(_HEAD_END).search  # faster than bytes.find
_METHOD_START: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.!%*_+`'~")
_LONGEST_LENGTH: Final = 12  # digits; leading zeros are legal, a number that int() would chew on is not


def parse_message(data: bytes, limits: SipLimits = DEFAULT_LIMITS) -> Request | Response:
    """Read one datagram, or one message that :func:`head_length` has framed.

    Octets after Content-Length are ignored, without one the body is the rest (s18.3). CRLFs before the start line are
    skipped (s7.5). Raises SipParseError and nothing else, whatever the bytes.
    """
    try:
        return _parse(data, limits)
    except SipError as error:
        raise SipParseError(error.code, error.reason, salvage(data, limits)) from error


def _parse(data: bytes, limits: SipLimits) -> Request | Response:
    if len(data) > limits.max_message:
        raise SipError(513, "Message Too Large")
    if data[:2] == b"\r\n":
        data = data.lstrip(b"\r\n")
    head_end = _head_end(data)
    if head_end is None:
        raise SipError(400, "No empty line after the header fields")
    end, body_start = head_end.span()
    if end > limits.max_head:
        raise SipError(513, "Header fields too large")
    head = data[:end]
    text = head.decode("utf-8", "surrogateescape")
    lines = text.split("\r\n")
    # As many CR and LF as the pairs split at, or one stands alone; cheaper than counting each.
    if len(head) - len(head.translate(None, b"\r\n")) != 2 * len(lines) - 2:
        raise SipError(400, "Bare CR or LF in the header fields")
    if b"\0" in head:
        _check_nulls(text)
    if len(text) > limits.max_header_length or len(lines) > limits.max_headers:
        lines = _fold(" ", text).split("\r\n")
        _check_limits(lines, limits)

    try:
        headers = _headers(lines)
    except SipError:
        # No header name begins with a space, so folded lines come here (s7.3.1) and no others need a look for them.
        unfolded = _fold(" ", text)
        if unfolded == text:
            raise
        lines = unfolded.split("\r\n")
        headers = _headers(lines)
    return _message(lines[0], headers, _body(headers, data, body_start))


def _headers(lines: list[str]) -> Headers:
    """All lines but the first."""
    headers: Headers = {}
    known = KNOWN
    for line in islice(lines, 1, None):
        name, colon, value = line.partition(":")
        if not colon:
            raise SipError(400, "Header field without a colon")
        key = known[name] if name in known else header_name(name)
        if key not in headers:
            headers[key] = [value.strip(" \t")]
        elif key in SINGLE:
            _check_repeated(key, headers[key][0], value.strip(" \t"))
        else:
            headers[key].append(value.strip(" \t"))
    return headers


def _body(headers: Headers, data: bytes, start: int) -> bytes:
    """What follows the empty line, cut to Content-Length (s18.3)."""
    stated = headers.get("content-length")
    if stated is None:
        return data[start:]
    length = stated[0]
    end = start if length == "0" else start + _length(length)
    if end > len(data):
        raise SipError(400, "Content-Length larger than the message")
    return data[start:end]


def _length(value: str | bytes) -> int:
    if len(value) > _LONGEST_LENGTH or not value.isdigit() or not value.isascii():
        raise SipError(400, "Malformed Content-Length header field")
    return int(value)


def _message(line: str, headers: Headers, body: bytes) -> Request | Response:
    """The message, once the header fields that nothing goes without are there and those of them that drive the
    transactions can be read (s8.1.1, less Max-Forwards, which RFC 2543 did not have).
    """
    found = _request_line(line)
    status = None if found is not None else _status_line(line)
    if found is None and status is None:
        raise _start_line_fault(line)
    try:
        via = top_via(headers["via"][0])
        cseq = CSeq.parse(headers["cseq"][0])
        call_id = headers["call-id"][0]
        headers["from"], headers["to"]
    except KeyError as missing:
        raise SipError(400, f"Missing {SHOWN[missing.args[0]]} header field") from None
    if not call_id or " " in call_id or "\t" in call_id:
        raise SipError(400, "Malformed Call-ID header field")
    if found is not None:
        method, uri = found.groups()
        return Request(method, uri, headers, body, via=via, cseq=cseq)
    assert status is not None
    return Response(int(status[1]), status[2] or "", headers, body, via=via, cseq=cseq)


def _start_line_fault(line: str) -> SipError:
    if _other_version(line) is not None:
        return SipError(505, "Version Not Supported")
    return SipError(400, "Malformed start line")


def _check_repeated(name: str, first: str, again: str) -> None:
    """A second value of a header that has one (RFC 4475 s3.3.8, s3.3.9); the same length twice is no conflict."""
    if name != "content-length" or first != again:
        raise SipError(400, f"Multiple {SHOWN[name]} header fields")


def _check_limits(lines: list[str], limits: SipLimits) -> None:
    if len(lines) - 1 > limits.max_headers:
        raise SipError(513, "Too many header fields")
    if len(max(lines, key=len)) > limits.max_header_length:
        raise SipError(513, "Header field too long")


def _check_nulls(text: str) -> None:
    """The one place of a null octet is a quoted-pair in a quoted string (s25.1, RFC 4475 s3.1.1.2)."""
    for line in _fold(" ", text).split("\r\n"):
        if "\0" in line and _nulls_are_quoted(line) is None:
            raise SipError(400, "Null octet in the header fields")


def head_length(buffer: bytes | bytearray, limits: SipLimits = DEFAULT_LIMITS) -> tuple[int, int] | None:
    """Frame a stream: octets up to and with the empty line, and the Content-Length of the body that follows (s18.3).

    CRLFs before the start line count to the first figure. None: more octets are needed. Raises SipParseError where no
    octets to come can help, so that the connection must be closed: no Content-Length, a bad one or several, a message
    over the limits, or octets that are no SIP at all.
    """
    start = 0
    while buffer[start : start + 2] == b"\r\n":
        start += 2
    try:
        return _frame(buffer, start, limits)
    except SipError as error:
        raise SipParseError(error.code, error.reason, salvage(bytes(buffer[start:]), limits)) from error


def _frame(buffer: bytes | bytearray, start: int, limits: SipLimits) -> tuple[int, int] | None:
    if start == len(buffer):
        return None
    # A peer that speaks something else is told apart now, not when it has filled the buffer.
    if buffer[start] not in _METHOD_START and buffer[start:] != b"\r":
        raise SipError(400, "Malformed start line")
    line_end = buffer.find(b"\n", start)
    if line_end > 0 and buffer[line_end - 1] != 13:
        raise SipError(400, "Bare LF in the start line")
    end = buffer.find(_HEAD_END, start)
    if end < 0:
        if len(buffer) - start > limits.max_head:
            raise SipError(513, "Header fields too large")
        return None
    if end - start > limits.max_head:
        raise SipError(513, "Header fields too large")
    head = bytes(buffer[start:end])
    if b"\r\n " in head or b"\r\n\t" in head:
        head = _fold_octets(b" ", head)
    lengths = {each.strip(b" \t") for each in _content_lengths(head)}
    if not lengths:
        raise SipError(400, "Missing Content-Length header field")
    if len(lengths) > 1:
        raise SipError(400, "Multiple Content-Length header fields")
    length = _length(lengths.pop())
    if end + 4 - start + length > limits.max_message:
        raise SipError(513, "Message Too Large")
    return end + 4, length
