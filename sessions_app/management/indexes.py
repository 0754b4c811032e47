"""Large tables are filled faster without their indexes: taken away, and built again, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.db import connection

from sessions_app.management.progress import Progress

_FOUND: Final = """
SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid),
       (SELECT array_agg(format('ALTER COLUMN %%s SET STATISTICS %%s', attnum, attstattarget))
          FROM pg_attribute WHERE attrelid = indexrelid AND attstattarget > 0)
  FROM pg_index WHERE indrelid = ANY(%s::regclass[])
   AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid) ORDER BY 1
"""


@contextmanager
def without_indexes(tables: list[str], out: Any) -> Iterator[None]:
    """Inside, the tables have no indexes but those of their constraints; then they are built, with a bar on ``out``.

    Must be in a transaction, which holds the tables for itself: whatever breaks it off leaves them as they were.
    """
    with connection.cursor() as cursor:
        cursor.execute(_FOUND, [tables])
        found = cursor.fetchall()
        for name, _, _ in found:
            cursor.execute(f"DROP INDEX {name}")
        yield
        progress = Progress(out, "indexes", len(found))
        cursor.execute("SET LOCAL maintenance_work_mem = '256MB'")
        for name, definition, statistics in found:
            cursor.execute(definition)
            for each in statistics or []:
                cursor.execute(f"ALTER INDEX {name} {each}")
            progress.add()
        progress.done()
