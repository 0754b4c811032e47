"""multipart/*: the parts of a body, found by their boundary alone (RFC 2046 s5.1, RFC 5621 s4)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from protocols.payload.content_type import essence, parameter
from protocols.payload.encoding import decode, decode_transfer
from protocols.payload.errors import PayloadError

MOST_PARTS: Final = 32
"""Parts of one body, those within others counted in."""
DEEPEST: Final = 4
"""Multiparts within one another."""
LONGEST_HEAD: Final = 8_192
"""Octets of the header fields of a part."""

_boundary = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]").fullmatch
_line_end = re.compile(rb"[ \t]*+(?:\r?\n|\Z)").match
_fold = re.compile(rb"\r?\n[ \t]++").sub
_head_end = re.compile(rb"\r?\n\r?\n").search


@dataclass(slots=True)
class Part:
    """One part that is no multipart itself."""

    headers: dict[str, str]
    """Names in lower case; the first of a repeated one."""
    octets: bytes
    """As they stand between the boundaries."""

    @property
    def content_type(self) -> str:
        """As written, text/plain where there is none (RFC 2046 s5.1)."""
        return self.headers.get("content-type", "text/plain")

    @property
    def essence(self) -> str:
        """``type/subtype`` in lower case."""
        return essence(self.content_type)

    @property
    def is_optional(self) -> bool:
        """Whether who does not understand it may pass over it; nothing said means no (RFC 5621 s8)."""
        disposition = self.headers.get("content-disposition", "")
        return parameter(disposition, "handling").lower() == "optional"

    def body(self, limit: int) -> bytes:
        """Its content, with both of its codings undone. Raises PayloadError as they do, 413 above ``limit`` octets."""
        octets = decode_transfer(self.octets, self.headers.get("content-transfer-encoding", ""))
        return decode(octets, self.headers.get("content-encoding", ""), limit)


def parts_of(body: bytes, content_type: str) -> list[Part]:
    """The parts of a multipart body in order, those of multiparts within it in their place.

    What stands before the first boundary and behind the last is passed over, and so is the length that a part claims:
    peers get it wrong, and the boundary is what counts. Raises PayloadError 400 for a body that has no parts by its
    boundary, or too many.
    """
    found: list[Part] = []
    _collect(body, content_type, found, 1)
    return found


def _collect(body: bytes, content_type: str, found: list[Part], depth: int) -> None:
    boundary = parameter(content_type, "boundary")
    if not _boundary(boundary):
        raise PayloadError(400, "Multipart without a boundary")
    if depth > DEEPEST:
        raise PayloadError(400, "Multiparts are nested too deep")
    for octets in _between(body, b"--" + boundary.encode()):
        headers, content = _split(octets)
        part = Part(headers, content)
        if part.essence.startswith("multipart/"):
            _collect(content, part.content_type, found, depth + 1)
        elif len(found) >= MOST_PARTS:
            raise PayloadError(400, "Too many parts")
        else:
            found.append(part)


def _between(body: bytes, delimiter: bytes) -> list[bytes]:
    """What stands between the delimiter lines; the line end before a delimiter is its own (s5.1.1)."""
    pieces: list[bytes] = []
    start: int | None = None
    at = body.find(delimiter)
    while at >= 0:
        behind = at + len(delimiter)
        last = body.startswith(b"--", behind)
        line_end = _line_end(body, behind + 2 if last else behind)
        if line_end is not None and (at == 0 or body[at - 1] == 10):
            if start is not None:
                pieces.append(body[start : max(start, _without_line_end(body, at))])
            if last:
                return pieces
            if len(pieces) > MOST_PARTS:
                raise PayloadError(400, "Too many parts")
            start = behind = line_end.end()
        at = body.find(delimiter, behind)
    if start is None:
        raise PayloadError(400, "Multipart without its boundary")
    raise PayloadError(400, "Multipart without its end")


def _without_line_end(body: bytes, at: int) -> int:
    """Where the line before offset ``at`` ends."""
    at -= 1
    return at - 1 if at > 0 and body[at - 1] == 13 else at


def _split(octets: bytes) -> tuple[dict[str, str], bytes]:
    """Header fields and content of a part; without header fields it begins with an empty line."""
    if octets.startswith((b"\r\n", b"\n")):
        return {}, octets[octets.index(b"\n") + 1 :]
    end = _head_end(octets, 0, LONGEST_HEAD)
    if end is None:
        if len(octets) > LONGEST_HEAD:
            raise PayloadError(400, "Part without an empty line after its header fields")
        end_at = content_at = len(octets)
    else:
        end_at, content_at = end.span()
    headers: dict[str, str] = {}
    for line in _fold(b" ", octets[:end_at]).split(b"\n"):
        name, colon, value = line.strip(b"\r").partition(b":")
        if not colon:
            raise PayloadError(400, "Malformed header field in a part")
        headers.setdefault(name.strip().decode("latin-1").lower(), value.strip().decode("utf-8", "replace"))
    return headers, octets[content_at:]
