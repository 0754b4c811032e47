"""The two structured header values of MSRP: Byte-Range and Status (RFC 4975 s9)."""

from __future__ import annotations

import re

from protocols.remembered import Remembered

_RANGE = re.compile(r"\s*([0-9]{1,15})-([0-9]{1,15}|\*)/([0-9]{1,15}|\*)\s*")
_STATUS = re.compile(r"\s*([0-9]{3})\s+([0-9]{3})(?:\s+(.*))?", re.DOTALL)

ByteRange = tuple[int, int | None, int | None]
"""(start, end, total): positions in octets from 1, None where the wire says ``*`` (RULEBOOK S22)."""


_LONGEST = 64


def parse_byte_range(text: str) -> ByteRange | None:
    """The value of a Byte-Range header, None when it is not one or starts before 1."""
    return _remembered[text]


def _parse_byte_range(text: str) -> ByteRange | None:
    if len(text) > _LONGEST:
        return None
    found = _RANGE.fullmatch(text)
    if found is None:
        return None
    first, last, total = found.groups()
    start = int(first)
    if start < 1:
        return None
    return start, None if last == "*" else int(last), None if total == "*" else int(total)


_remembered = Remembered(_parse_byte_range, most=2048, longest=_LONGEST)  # short messages: few different lengths


def parse_status(text: str) -> tuple[str, int, str] | None:
    """(namespace, code, comment) of a Status header, None when it is not one (RULEBOOK S28, D10)."""
    found = _STATUS.fullmatch(text)
    if found is None:
        return None
    return found[1], int(found[2]), printable((found[3] or "").strip())


def printable(text: str) -> str:
    """``text`` without control characters, so that it can be written to a header line, a log or a database."""
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)
