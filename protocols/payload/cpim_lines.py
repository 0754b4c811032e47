"""Where each header of a CPIM message stands in its octets (RFC 3862 s2; RULEBOOK P1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from protocols.payload.errors import PayloadError

_NAME: Final = rb"([!#-'*+\-.0-9A-Z^-z|~]++)"
_PARAMETERS: Final = rb"""(?:;[^\s;="]++(?:=(?:"(?:[^"\\\r\n]|\\[^\r\n])*+"|[^\s;"]*+))?)*+"""
_VALUE: Final = rb"[ \t]*+([^\x00-\x08\x0a-\x1f\x7f]*+)"
_END: Final = rb"\r?+(?:\n|\Z)"

_message_header = re.compile(_NAME + rb":" + _PARAMETERS + _VALUE + _END).match
_content_header = re.compile(_NAME + rb"[ \t]*+:" + _VALUE + _END).match
_continued = re.compile(rb"[ \t]++([^\x00-\x08\x0a-\x1f\x7f]*+)" + _END).match
_blank = re.compile(rb"\r?\n").match
_is_content_name = re.compile(rb"content-|mime-version\Z", re.IGNORECASE).match
_CPIM: Final = "message/cpim"


@dataclass(slots=True)
class HeaderLine:
    """A message header and the octets it takes."""

    name: str
    """As written, prefix included."""
    value: str
    """After the parameters, without blanks around it, escape sequences still in it."""
    start: int
    """Offset of its first octet."""
    end: int
    """Offset behind its line end."""


@dataclass(slots=True)
class Layout:
    """The parts of a CPIM message, none of them changed."""

    headers: list[HeaderLine]
    headers_end: int
    """Offset behind the last message header."""
    content_headers: list[tuple[str, str]]
    """Continued lines joined by one blank."""
    content_start: int
    """Offset of the encapsulated content."""


def lay_out(data: bytes) -> Layout:
    """Find the headers and the content. Raises PayloadError 400.

    Three things are taken that RFC 3862 does not have and peers send: the MIME headers of the message itself or a
    blank line in front, no blank line before the content headers (so do RFC 4975 s11.4 and RFC 5438 s7.1.1.3), and a
    bare LF as line end.
    """
    at = found.end() if (found := _blank(data)) else 0
    if (found := _content_header(data, at)) and _is_content_name(found[1]):
        outer, at = _content_headers(data, at)
        types = [value for name, value in outer if name.lower() == "content-type"]
        if any(value.partition(";")[0].strip().lower() != _CPIM for value in types):
            raise PayloadError(400, "Not a CPIM message")
    headers: list[HeaderLine] = []
    while found := _message_header(data, at):
        name, value = found.groups()
        if _is_content_name(name):
            break
        try:
            headers.append(HeaderLine(name.decode("ascii"), value.rstrip(b" \t").decode(), at, found.end()))
        except UnicodeDecodeError:
            raise PayloadError(400, "Message header of CPIM is not UTF-8") from None
        at = found.end()
    if not headers:
        raise PayloadError(400, "CPIM without message headers")
    if at == len(data):
        raise PayloadError(400, "CPIM without content")
    headers_end = at
    if found := _blank(data, at):
        at = found.end()
    elif not ((found := _content_header(data, at)) and _is_content_name(found[1])):
        raise PayloadError(400, "Malformed message header in CPIM")
    content_headers, at = _content_headers(data, at)
    return Layout(headers, headers_end, content_headers, at)


def _content_headers(data: bytes, at: int) -> tuple[list[tuple[str, str]], int]:
    """MIME headers up to a blank line or the end, and the offset of what follows."""
    headers: list[tuple[str, str]] = []
    end = len(data)
    while at < end and not _blank(data, at):
        found = _content_header(data, at)
        if found is None:
            raise PayloadError(400, "Malformed content header in CPIM")
        at = found.end()
        value = found[2].rstrip(b" \t")
        if at < end and data[at] in b" \t":
            value, at = _unfolded(data, value, at)
        headers.append((found[1].decode("ascii"), _mime_text(value)))
    return headers, found.end() if (found := _blank(data, at)) else at


def _unfolded(data: bytes, first: bytes, at: int) -> tuple[bytes, int]:
    """A value that goes on in further lines, and the offset behind the last of them."""
    parts = [first]
    while found := _continued(data, at):
        parts.append(found[1].rstrip(b" \t"))
        at = found.end()
        if at == len(data):
            break
    return b" ".join(part for part in parts if part), at


def _mime_text(value: bytes) -> str:
    """MIME headers are ASCII by their own rules; what peers write beyond it is one of these two."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
