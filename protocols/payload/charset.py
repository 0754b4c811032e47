"""Text in any character set to UTF-8, the one that both sides understand (RFC 3428 s4, RFC 4975 s7.1)."""

from __future__ import annotations

import re
from encodings import normalize_encoding
from encodings.aliases import aliases
from typing import Final

from protocols.payload.content_type import essence, find_charset, with_charset
from protocols.payload.errors import PayloadError

_TEXT_CODEC: Final = re.compile(
    r"ascii|utf_\w+|latin_1|iso8859_\w+|iso2022_\w+|cp\d+|koi8_\w|mac_\w+|big5\w*|gb\w+|hz|euc_\w+|shift_j\w+|johab"
    r"|tis_620|hp_roman8|ptcp154|kz1048"
).fullmatch
# fmt: off
_WITHOUT_ALIAS: Final = frozenset({
    "koi8_t", "koi8_u", "cp720", "cp737", "cp856", "cp874", "cp875", "cp1006",
    "mac_arabic", "mac_croatian", "mac_farsi", "mac_romanian", "utf_8_sig",
})
# fmt: on
_AS_IT_IS: Final = frozenset({"ascii", "utf_8"})


def _codecs() -> dict[str, str]:
    """Python's text codecs by every name that they have, as ``normalize_encoding`` writes names.

    A table of our own, because a look-up of an unknown name is an import that is tried and remembered for ever, and
    because Python's own table has codecs that are no character sets at all.
    """
    modules = {module for module in aliases.values() if _TEXT_CODEC(module)}
    known = {alias: module for alias, module in aliases.items() if module in modules}
    known.update({module: module for module in (*modules, *_WITHOUT_ALIAS)})
    known.update({"windows_874": "cp874", "iso_8859_8_i": "iso8859_8", "iso_8859_8_e": "iso8859_8"})
    return known


_CODECS: Final = _codecs()
_LONGEST_NAME: Final = 40


def to_utf8(body: bytes, content_type: str) -> tuple[bytes, str]:
    """``body`` in UTF-8, and its Content-Type with ``charset=utf-8`` in place of what it had.

    Both are returned untouched where the type is not text/*, names no charset, or one that is UTF-8 already. Raises
    PayloadError 415 for a charset that is unknown, or octets that are not of it.
    """
    where = find_charset(content_type) if essence(content_type).startswith("text/") else None
    if where is None:
        return body, content_type
    name = normalize_encoding(where.value) if len(where.value) <= _LONGEST_NAME else ""
    codec = _CODECS.get(name)
    if codec is None:
        raise PayloadError(415, "Character set is not supported")
    if codec in _AS_IT_IS:
        return body, content_type
    try:
        return body.decode(codec).encode(), with_charset(content_type, where, "utf-8")
    except UnicodeError:
        raise PayloadError(415, "Text is not in its character set") from None
