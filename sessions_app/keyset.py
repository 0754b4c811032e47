"""Pages of tables that may hold a hundred million rows: each begins where the last one ended, by its sort key.

Nothing is counted and nothing skipped, so the last page costs what the first does, and rows that arrive meanwhile
neither repeat nor hide others.
"""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db.models import Q, QuerySet

from sessions_app import json_text

CHUNK: Final = 1000
"""Rows that an export asks for at once."""


class BadCursor(ValueError):
    """A cursor that this list did not give out."""


@dataclass(slots=True)
class KeysetPage:
    """Some rows, and the cursors of the pages beside; empty where there is none."""

    rows: list[Any]
    next: str = ""
    previous: str = ""
    order: tuple[str, ...] = field(default=())


def page(rows: QuerySet[Any], order: tuple[str, ...], cursor: str, size: int) -> KeysetPage:
    """A page of ``rows`` in ``order``: names of columns that together are unique, all with ``-`` or all without.

    Raises BadCursor.
    """
    backwards, values = _read(cursor, len(order)) if cursor else (False, [])
    wanted = tuple(_turned(name) for name in order) if backwards else order
    if values:
        try:
            rows = rows.filter(_beyond(wanted, values))
        except (ValueError, TypeError) as error:
            raise BadCursor(str(error))
    try:
        found = list(rows.order_by(*wanted)[: size + 1])
    except Exception as error:
        if not values or not _is_cursors_fault(error):
            raise
        raise BadCursor(str(error))
    more, found = len(found) > size, found[:size]
    if backwards:
        found.reverse()
    before, after = (more, True) if backwards else (bool(cursor), more)
    return KeysetPage(
        found,
        next=_write(False, order, found[-1]) if after and found else "",
        previous=_write(True, order, found[0]) if before and found else "",
        order=order,
    )


def walk(
    rows: QuerySet[Any], order: tuple[str, ...], columns: Sequence[str], most: int, chunk: int = CHUNK
) -> Iterator[dict[str, Any]]:
    """The first ``most`` rows in ``order``, ``chunk`` by chunk, as dicts that have ``columns`` and those of the order.

    Not one cursor of the database: outside of a transaction it would have all rows ready before it gave the first.
    """
    names = [name.removeprefix("-") for name in order]
    wanted = dict.fromkeys([*columns, *names])
    part = rows
    while most > 0:
        found = list(part.order_by(*order).values(*wanted)[: min(chunk, most)])
        yield from found
        if len(found) < chunk:
            return
        most -= len(found)
        part = rows.filter(_beyond(order, [found[-1][name] for name in names]))


def _is_cursors_fault(error: Exception) -> bool:
    from django.core.exceptions import ValidationError
    from django.db import DataError

    return isinstance(error, ValidationError | DataError | ValueError | TypeError)


def _turned(name: str) -> str:
    return name[1:] if name.startswith("-") else "-" + name


def _beyond(order: tuple[str, ...], values: list[Any]) -> Q:
    """Rows after these values. The bound on the first column alone is what an index can begin with."""
    sign = "lt" if order[0].startswith("-") else "gt"
    names = [name.removeprefix("-") for name in order]
    either = Q()
    for place, name in enumerate(names):
        same = dict(zip(names[:place], values[:place], strict=True))
        either |= Q(**same, **{f"{name}__{sign}": values[place]})
    return Q(**{f"{names[0]}__{sign}e": values[0]}) & either


def _write(backwards: bool, order: tuple[str, ...], row: Any) -> str:
    values = []
    for name in order:
        value = getattr(row, name.removeprefix("-"))
        values.append(
            value.isoformat() if isinstance(value, datetime) else str(value) if isinstance(value, uuid.UUID) else value
        )
    return base64.urlsafe_b64encode(json.dumps([int(backwards), *values]).encode()).decode().rstrip("=")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, uuid.UUID) else value


def _read(cursor: str, length: int) -> tuple[bool, list[Any]]:
    try:
        backwards, *values = json_text.read(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError, binascii.Error):
        raise BadCursor("not a cursor of this list")
    if len(values) != length or any(not isinstance(value, str | int) or "\0" in str(value) for value in values):
        raise BadCursor("not a cursor of this list")
    return bool(backwards), values
