"""MSRP frames to bytes (RFC 4975 s7.1, s7.2, s9). Paths and values are taken as checked by the caller."""

from __future__ import annotations

from protocols.msrp.byte_range import printable
from protocols.msrp.ids import new_transaction_id

PHRASES = {
    200: "OK",
    400: "Bad Request",
    403: "Forbidden",
    408: "Downstream Timeout",
    413: "Stop Sending Message",
    415: "Media Type Not Understood",
    423: "Parameter Out Of Bounds",
    481: "No Such Session",
    501: "Unknown Method",
    506: "Session In Use On Another Connection",
}
"""Comment phrases for the codes of RFC 4975 s10 (RULEBOOK S31)."""


def end_line(tid: str, flag: str) -> bytes:
    """The end-line after a body, with the CRLF before it that is not body (RULEBOOK S20)."""
    return f"\r\n-------{tid}{flag}\r\n".encode()


def paths(to_path: str, from_path: str) -> str:
    """The two path headers that open every head."""
    return f"To-Path: {to_path}\r\nFrom-Path: {from_path}\r\n"


def report_headers(success_report: bool, failure_report: str) -> str:
    """The headers for what is not the default (RULEBOOK S26)."""
    text = "Success-Report: yes\r\n" if success_report else ""
    if failure_report != "yes":
        text += f"Failure-Report: {failure_report}\r\n"
    return text


def free_transaction_id(body: bytes) -> str:
    """A transaction id whose end-line does not occur in ``body`` (RULEBOOK S21)."""
    tid = new_transaction_id()
    while b"-------" in body and f"-------{tid}".encode() in body:
        tid = new_transaction_id()
    return tid


def send(tid: str, head: str, message_id: str, reports: str, content_type: str, body: bytes) -> bytes:
    """A whole message in one chunk. ``tid`` must come from free_transaction_id; ``head`` is made by paths."""
    size = len(body)
    text = (
        f"MSRP {tid} SEND\r\n{head}Message-ID: {message_id}\r\n{reports}Byte-Range: 1-{size}/{size}\r\n"
        f"Content-Type: {content_type}\r\n\r\n"
    )
    return b"%b%b\r\n-------%b$\r\n" % (text.encode(), body, tid.encode())


def chunk_head(tid: str, head: str, message_id: str, reports: str, content_type: str, start: int, total: int) -> bytes:
    """Start of an interruptible chunk, up to its first body byte; ``start`` counts from 1 (RULEBOOK S23)."""
    return (
        f"MSRP {tid} SEND\r\n{head}Message-ID: {message_id}\r\n{reports}Byte-Range: {start}-*/{total}\r\n"
        f"Content-Type: {content_type}\r\n\r\n"
    ).encode()


def bind(tid: str, head: str, message_id: str) -> bytes:
    """The SEND without body that binds a session to a connection (RULEBOOK S15, S20)."""
    return f"MSRP {tid} SEND\r\n{head}Message-ID: {message_id}\r\nByte-Range: 1-0/0\r\n-------{tid}$\r\n".encode()


def report(head: str, message_id: str, code: int, comment: str | None, end: int, total: int) -> bytes:
    """A REPORT on octets 1 to ``end`` of a message (RULEBOOK S28)."""
    tid = new_transaction_id()
    phrase = _phrase(code, comment)
    return (
        f"MSRP {tid} REPORT\r\n{head}Message-ID: {message_id}\r\nByte-Range: 1-{end}/{total}\r\n"
        f"Status: 000 {code:03d}{phrase}\r\n-------{tid}$\r\n"
    ).encode()


def response(tid: str, code: int, comment: str | None, to_path: str, from_path: str) -> bytes:
    """A transaction response (RULEBOOK S29)."""
    phrase = " OK" if code == 200 and comment is None else _phrase(code, comment)
    return (
        f"MSRP {tid} {code:03d}{phrase}\r\nTo-Path: {to_path}\r\nFrom-Path: {from_path}\r\n-------{tid}$\r\n"
    ).encode()


def _phrase(code: int, comment: str | None) -> str:
    if comment is None:
        comment = PHRASES.get(code, "")
    return f" {printable(comment)}" if comment else ""
