"""Records as CSV, streamed; cells that a spreadsheet would take for a formula are made plain text."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from io import StringIO
from itertools import islice
from typing import Any

from asgiref.sync import sync_to_async
from django.db.models import QuerySet

CHUNK = 1000
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


def stream(records: QuerySet[Any], columns: list[str], *, is_async: bool) -> Iterator[str] | AsyncIterator[str]:
    """A heading, then a line a record. ASGI streams only an asynchronous iterator, WSGI only the other kind."""
    rows = records.values_list(*columns)
    return _async_lines(rows, columns) if is_async else _lines(rows, columns)


def _lines(rows: QuerySet[Any], columns: list[str]) -> Iterator[str]:
    yield line(columns)
    for row in rows.iterator(chunk_size=CHUNK):
        yield line([cell(value) for value in row])


async def _async_lines(rows: QuerySet[Any], columns: list[str]) -> AsyncIterator[str]:
    lines = _lines(rows, columns)  # not aiterator(), which runs the query of values_list() on the event loop
    while block := await sync_to_async(lambda: "".join(islice(lines, CHUNK)))():
        yield block
