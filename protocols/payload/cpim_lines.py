"""Where each header of a CPIM message stands in its octets (RFC 3862 s2; RULEBOOK P1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from protocols.payload.errors import PayloadError

_NAME: Final = rb"[!#-'*+\-.0-9A-Z^-z|~]++"
_PARAMETERS: Final = rb"""(?:;[^\s;="]++(?:=(?:"(?:[^"\\]|\\.)*+"|[^\s;"]*+))?)*+"""
_message_header = re.compile(rb"(" + _NAME + rb"):" + _PARAMETERS + rb"(.*+)", re.DOTALL).fullmatch
_content_header = re.compile(rb"([!#-'*+\-.0-9A-Z^-z|~]++)[ \t]*+:(.*+)", re.DOTALL).fullmatch
_control = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]").search
_CPIM: Final = b"message/cpim"


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


class _Reader:
    """Lines one after the other; a line ends with LF, a CR before it is no part of it."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def line(self) -> bytes | None:
        """The next line without its end, None behind the last."""
        start = self.at
        if start >= len(self.data):
            return None
        found = self.data.find(b"\n", start)
        if found < 0:
            self.at = len(self.data)
            return self.data[start:]
        self.at = found + 1
        return self.data[start : found - 1 if found > start and self.data[found - 1] == 13 else found]


def _is_content_name(name: bytes) -> bool:
    lowered = name.lower()
    return lowered.startswith(b"content-") or lowered == b"mime-version"


def _content_headers(reader: _Reader, first: bytes | None) -> list[tuple[str, str]]:
    """MIME headers up to a blank line or the end, beginning with the line ``first``."""
    headers: list[tuple[bytes, list[bytes]]] = []
    line = first
    while line:
        if line[0] in b" \t":
            if not headers:
                raise PayloadError(400, "CPIM content begins with a continued line")
            headers[-1][1].append(line.strip())
        else:
            found = _content_header(line)
            if found is None:
                raise PayloadError(400, "Malformed content header in CPIM")
            headers.append((found[1], [found[2].strip()]))
        line = reader.line()
    joined = [(name, b" ".join(part for part in parts if part)) for name, parts in headers]
    if any(_control(value) for _, value in joined):
        raise PayloadError(400, "Control character in a content header of CPIM")
    return [(name.decode("ascii"), _mime_text(value)) for name, value in joined]


def _mime_text(value: bytes) -> str:
    """MIME headers are ASCII by their own rules; what peers write beyond it is one of these two."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _message_line(line: bytes, start: int, end: int) -> HeaderLine:
    found = _message_header(line)
    if found is None:
        raise PayloadError(400, "Malformed message header in CPIM")
    value = found[2].strip(b" \t")
    if _control(value):
        raise PayloadError(400, "Control character in a message header of CPIM")
    try:
        return HeaderLine(found[1].decode("ascii"), value.decode(), start, end)
    except UnicodeDecodeError:
        raise PayloadError(400, "Message header of CPIM is not UTF-8") from None


def lay_out(data: bytes) -> Layout:
    """Find the headers and the content. Raises PayloadError 400.

    Three things are taken that RFC 3862 does not have and peers send: the MIME headers of the message itself or a
    blank line in front, no blank line before the content headers (so do RFC 4975 s11.4 and RFC 5438 s7.1.1.3), and a
    bare LF as line end.
    """
    reader = _Reader(data)
    start, line = 0, reader.line()
    if line == b"":
        start, line = reader.at, reader.line()
    if line and (found := _content_header(line)) and _is_content_name(found[1]):
        outer = _content_headers(reader, line)
        types = [value for name, value in outer if name.lower() == "content-type"]
        if any(value.partition(";")[0].strip().lower().encode() != _CPIM for value in types):
            raise PayloadError(400, "Not a CPIM message")
        start, line = reader.at, reader.line()
    headers: list[HeaderLine] = []
    while line:
        if headers and (found := _content_header(line)) and _is_content_name(found[1]):
            return Layout(headers, start, _content_headers(reader, line), reader.at)
        headers.append(_message_line(line, start, reader.at))
        start, line = reader.at, reader.line()
    if not headers:
        raise PayloadError(400, "CPIM without message headers")
    if line is None:
        raise PayloadError(400, "CPIM without content")
    return Layout(headers, start, _content_headers(reader, reader.line()), reader.at)
