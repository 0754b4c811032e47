"""PostgreSQL's COPY text format: one line a row, made where the values are at hand.

Every value is made to fit its column here. One row that the database refuses would take its whole batch along, so a
NUL, a lone surrogate or a URI that is too long must not get that far.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

NULL: Final = r"\N"

_ESCAPES: Final = str.maketrans(
    {"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r", "\b": r"\b", "\f": r"\f", "\v": r"\v", "\0": ""}
)


def text(value: str | None, limit: int) -> str:
    """A text column of ``limit`` characters; what is longer is cut."""
    if value is None:
        return NULL
    if len(value) > limit:
        value = value[: limit - 1] + "…"
    if value.isascii():
        return value if value.isprintable() and "\\" not in value else value.translate(_ESCAPES)
    # Header bytes that are no UTF-8 travel as lone surrogates, which PostgreSQL cannot store.
    return value.encode("utf-8", "replace").decode().translate(_ESCAPES)


def octets(value: bytes | None) -> str:
    """A bytea column."""
    return NULL if value is None else "\\\\x" + value.hex()


def number(value: int | None) -> str:
    """An integer column."""
    return NULL if value is None else str(value)


def document(value: Any) -> str:
    """A jsonb column; NULs, which jsonb refuses, are left out."""
    encoded = json.dumps(value).replace("\\u0000", "")
    return encoded.translate(_ESCAPES)


def moment(value: float | None) -> str:
    """A timestamptz column from seconds since 1970."""
    return NULL if value is None else datetime.fromtimestamp(value, UTC).isoformat()


def line(values: Iterable[str]) -> str:
    """A row."""
    return "\t".join(values) + "\n"
