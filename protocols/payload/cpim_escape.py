"""The character escape mechanism of CPIM message headers (RFC 3862 s2.3)."""

from __future__ import annotations

import re
from typing import Final

_NAMED: Final = {"\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
_CONTROL: Final = {"b": "\b", "t": "\t", "n": "\n", "r": "\r"}
_to_escape = re.compile(r"[\x00-\x1f\x7f\\]").sub
_escaped = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))?", re.DOTALL).sub


def escape(text: str) -> str:
    """``text`` with every control character and backslash as an escape sequence: it stays on one line (s2.3.1).

    Quotes are left: only a caller knows which of them delimit a string.
    """
    return _to_escape(lambda found: _NAMED.get(found[0]) or f"\\u{ord(found[0]):04x}", text)


def unescape(text: str) -> str:
    """The text that was meant: an unknown escape is the character itself, a backslash at the end is nothing (s2.3.1).

    Escapes name UCS-2 units, so two of them may be one character; half a pair is U+FFFD.
    """
    if "\\" not in text:
        return text
    return whole(_escaped(_meant, text))


def whole(text: str) -> str:
    """``text`` with surrogate pairs joined and halves of pairs replaced, so that it can be written as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _meant(found: re.Match[str]) -> str:
    unit, character = found.groups()
    if unit is not None:
        return chr(int(unit, 16))
    return _CONTROL.get(character, character) if character else ""
