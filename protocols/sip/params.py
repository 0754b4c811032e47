"""Parameters, quoted strings and comma lists, which header field values are made of (RFC 3261 s7.3.1, s25.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from protocols.sip.errors import SipError
from protocols.sip.grammar import LWS, QUOTED, TCHAR

_VALUE: Final = r'[^\s;,"<>]*+'
"""Wider than gen-value: peers leave quotes off around ``=``, ``:`` and ``/``, which makes nothing ambiguous."""

PLAIN_VALUE: Final = r'[^\s;,"<>=]++'
"""A parameter's value as almost all are, for the patterns that are tried first."""

_plain = re.compile(rf"(?:;{TCHAR}++(?:={_VALUE})?)*+\Z", re.ASCII).match
_general = re.compile(
    rf"{LWS};{LWS}({TCHAR}++)(?:{LWS}(=){LWS}(?:({QUOTED})|({_VALUE})))?{LWS}", re.DOTALL | re.ASCII
).match
_unquoted = re.compile(r'[^\s;,"<>]++\Z', re.ASCII).match
_list_piece = re.compile(rf"{QUOTED}|<[^>]*+>|,|[^\",<]++|.++", re.DOTALL).finditer
_quoted_pair = re.compile(r"\\(.)", re.DOTALL).sub
_to_quote = re.compile(r'(["\\])').sub
_WITH_BACKSLASH: Final = r"\\\1"

Params = dict[str, str | None]
"""Lower-case names to values without quotes and escapes; None is a parameter without a value."""


def parse_params(text: str) -> Params:
    """Read ``;name=value;name``, or nothing at all.

    Raises SipError 400 for anything else in it, an empty parameter, or a name that comes twice (s7.3.1).
    """
    if _plain(text) is None:
        return _parse_general(text)
    params: Params = {}
    _, *parts = text.split(";")
    for part in parts:
        name, equals, value = part.partition("=")
        params[name.lower()] = value if equals else None
    if len(params) != len(parts):
        raise SipError(400, "Repeated parameter")
    return params


def _parse_general(text: str) -> Params:
    params: Params = {}
    at, end = 0, len(text)
    while at < end:
        found = _general(text, at)
        if found is None:
            raise SipError(400, "Malformed parameter")
        name, equals, quoted, value = found.groups()
        name = name.lower()
        if name in params:
            raise SipError(400, "Repeated parameter")
        if quoted is not None:
            value = unquote(quoted)
        params[name] = value if equals else None
        at = found.end()
    return params


def format_params(params: Mapping[str, str | None]) -> str:
    """``;name=value;name``, values quoted where they must be."""
    written = ""
    for name, value in params.items():
        if value is None:
            written += f";{name}"
        else:
            written += f";{name}={value}" if _unquoted(value) else f";{name}={quote(value)}"
    return written


def quote(text: str) -> str:
    """``text`` as a quoted-string."""
    return f'"{_to_quote(_WITH_BACKSLASH, text)}"'


def unquote(quoted: str) -> str:
    """What a quoted-string, given with its quotes, stands for."""
    inner = quoted[1:-1]
    return _quoted_pair(r"\1", inner) if "\\" in inner else inner


def split_list(text: str) -> list[str]:
    """The values of a comma list, stripped, empty ones left out; commas in quotes and angle brackets do not count.

    After a quote or bracket that is never closed the rest is one value, for its own parser to refuse.
    """
    if "," not in text:
        stripped = text.strip(" \t")
        return [stripped] if stripped else []
    if '"' not in text and "<" not in text:
        return [value for each in text.split(",") if (value := each.strip(" \t"))]
    values: list[str] = []
    start = 0
    for piece in _list_piece(text):
        if piece[0] == ",":
            values.append(text[start : piece.start()])
            start = piece.end()
    values.append(text[start:])
    return [value for each in values if (value := each.strip(" \t"))]
