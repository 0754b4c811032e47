"""Text in any character set to UTF-8, the one that both sides understand (RFC 3428 s4, RFC 4975 s7.1)."""

from __future__ import annotations

import re
from typing import Final

from protocols.payload.charset_names import WIDER, codec_of
from protocols.payload.content_type import essence, find_charset, with_charset
from protocols.payload.errors import PayloadError

AS_IT_IS: Final = frozenset({"ascii", "utf_8"})
"""Codecs whose text goes on octet by octet: who reads UTF-8 reads it, and nothing is claimed of it that its sender did
not claim."""

_MARKED: Final[dict[str, tuple[tuple[bytes, str], ...]]] = {
    "utf_16": ((b"\xfe\xff", "utf_16_be"), (b"\xff\xfe", "utf_16_le")),
    "utf_32": ((b"\0\0\xfe\xff", "utf_32_be"), (b"\xff\xfe\0\0", "utf_32_le")),
}
"""Sets whose text says the order of its octets by a mark in front of it."""
_BIG_ENDIAN: Final = {"utf_16": "utf_16_be", "utf_32": "utf_32_be"}
"""Without a mark, where Python takes the order of the machine it runs on (RFC 2781 s4.3, Unicode s3.10 D98, D101)."""
_TURNED_MARK: Final = "\ufffe"
"""What a mark is in the other order; no character."""
_DESIGNATED: Final = {"iso2022_kr": b"\x1b$)C"}
"""What such text must begin with and may leave out, as there is nothing else that it could say (RFC 1557 s2)."""
_of_no_meaning = re.compile("[\x80-\x9f\ue000-\uf8ff]").search
"""Controls and private characters, by which a wider set fills its gaps."""


def to_utf8(body: bytes, content_type: str) -> tuple[bytes, str]:
    """``body`` in UTF-8, and its Content-Type with ``charset=utf-8`` in place of what it had.

    Both are returned untouched where the type is not text/*, names no charset, or one that is UTF-8 already. Raises
    PayloadError 415 for a charset that is unknown, or octets that are not of it.
    """
    where = find_charset(content_type) if essence(content_type).startswith("text/") else None
    if where is None:
        return body, content_type
    codec = codec_of(where.value)
    if codec is None:
        raise PayloadError(415, "Character set is not supported")
    if codec in AS_IT_IS:
        return body, content_type
    try:
        return decoded(body, codec).encode(), with_charset(content_type, where, "utf-8")
    except UnicodeError:
        raise PayloadError(415, "Text is not in its character set") from None


def decoded(body: bytes, codec: str) -> str:
    """The text that ``body`` is in a set that :func:`codec_of` gave. Raises UnicodeError where it is none."""
    marks = _MARKED.get(codec)
    if marks is not None:
        for mark, in_order in marks:
            if body.startswith(mark):
                return body[len(mark) :].decode(in_order)
        return body.decode(_BIG_ENDIAN[codec])
    try:
        text = (_DESIGNATED.get(codec, b"") + body).decode(codec)
    except UnicodeDecodeError:
        return _wider(body, codec)
    if text[:1] == _TURNED_MARK:  # it claims one order by its name and the other by its mark
        raise UnicodeError
    return text


def _wider(body: bytes, codec: str) -> str:
    for wider in WIDER.get(codec, ()):
        try:
            text = body.decode(wider)
        except UnicodeDecodeError:
            continue
        if not _of_no_meaning(text):
            return text
    raise UnicodeError
