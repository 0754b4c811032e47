"""The charset parameter of a Content-Type, found and replaced without touching the rest (RFC 2045 s5.1)."""

from __future__ import annotations

import re
from typing import NamedTuple

_parameter = re.compile(
    r';[ \t]*+([^\s;="]++)[ \t]*+=[ \t]*+((?:"(?:[^"\\]|\\.)*+")?+[^;]*+)|;[^;=]*+', re.DOTALL
).match
_quoted = re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL).fullmatch
_quoted_pair = re.compile(r"\\(.)", re.DOTALL).sub


class Charset(NamedTuple):
    """Where the charset parameter stands."""

    value: str
    """As meant: without quotes, lower case."""
    start: int
    """Offset of the value as written, quotes included."""
    end: int


def essence(content_type: str) -> str:
    """``type/subtype`` in lower case, without parameters."""
    return content_type.partition(";")[0].strip().lower()


def parameter(content_type: str, name: str) -> str:
    """The first parameter of this lower-case name, without quotes; empty without one. Also of Content-Disposition."""
    found = _find(content_type, name)
    return "" if found is None else _plain(found[0]).strip()


def find_charset(content_type: str) -> Charset | None:
    """The first charset parameter, None without one. What stands inside of other parameters' quotes is none."""
    found = _find(content_type, "charset")
    if found is None:
        return None
    value, start = found
    return Charset(_plain(value).strip().lower(), start, start + len(value))


def _find(content_type: str, wanted: str) -> tuple[str, int] | None:
    """The value of a parameter as written, and where it stands."""
    at = content_type.find(";")
    while 0 <= at < len(content_type):
        found = _parameter(content_type, at)
        if found is None:
            return None
        name, value = found.groups()
        if name is not None and name.lower() == wanted:
            return value.rstrip(" \t"), found.start(2)
        at = content_type.find(";", found.end())
    return None


def with_charset(content_type: str, where: Charset, charset: str) -> str:
    """``content_type`` with another value at ``where``."""
    return content_type[: where.start] + charset + content_type[where.end :]


def _plain(value: str) -> str:
    """What a value means; one that is quoted in part only, or never unquoted, means no more than it says."""
    return _quoted_pair(r"\1", value[1:-1]) if _quoted(value) is not None else value
