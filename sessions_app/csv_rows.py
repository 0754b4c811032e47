"""Records as CSV, streamed; cells that a spreadsheet would take for a formula are made plain text."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from io import StringIO
from itertools import islice
from typing import Any, TypeVar

from asgiref.sync import sync_to_async

from sessions_app.keyset import CHUNK

Text = TypeVar("Text", str, bytes)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def cell(value: Any) -> str:
    """A value as text that no spreadsheet calculates with."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    text = str(value)
    return "'" + text if text.startswith(_FORMULA) and not isinstance(value, int) else text


def line(values: list[str]) -> str:
    """One line, quoted as RFC 4180 has it."""
    out = StringIO()
    csv.writer(out).writerow(values)
    return out.getvalue()


def stream(rows: Iterator[dict[str, Any]], columns: list[str], *, is_async: bool) -> Iterator[str] | AsyncIterator[str]:
    """A heading, then a line a row. ASGI streams only an asynchronous iterator, WSGI only the other kind."""
    return in_blocks(_lines(rows, columns), "") if is_async else _lines(rows, columns)


def _lines(rows: Iterator[dict[str, Any]], columns: list[str]) -> Iterator[str]:
    yield line(columns)
    for row in rows:
        yield line([cell(row[name]) for name in columns])


async def in_blocks(pieces: Iterator[Text], empty: Text) -> AsyncIterator[Text]:
    """CHUNK pieces at once, each block made in a thread, as the database is asked on the way."""
    while block := await sync_to_async(lambda: empty.join(islice(pieces, CHUNK)))():
        yield block
