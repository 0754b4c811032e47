"""Chosen rows of a list as a CSV file, put on the audit trail."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone

from sessions_app import audit, csv_rows, keyset
from sessions_app.pages.lists import MOST_EXPORTED


def csv_answer(
    request: HttpRequest, chosen: QuerySet[Any], order: tuple[str, ...], columns: list[str], name: str
) -> StreamingHttpResponse:
    """Row by row in ``order``, at most MOST_EXPORTED; never a body."""
    audit.record(request, audit.Action.EXPORT, name, "csv, chosen in the admin")
    rows = keyset.walk(chosen, order, columns, MOST_EXPORTED)
    content: Any = csv_rows.stream(rows, columns, is_async=hasattr(request, "scope"))
    file = f"{name}-{timezone.now():%Y%m%d-%H%M%S}.csv"
    return StreamingHttpResponse(
        content,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{file}"'},
    )
