"""What every list has: filters in the address, pages by sort key, and the shown set as CSV or JSON."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

from django.contrib.auth.mixins import LoginRequiredMixin, PermissionRequiredMixin
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, StreamingHttpResponse
from django.utils import timezone
from django.views.generic import TemplateView, View

from sessions_app import audit, csv_rows, keyset
from sessions_app.filters import Sorted

SIZE: Final = 50
"""Rows of a page."""
MOST_EXPORTED: Final = 1_000_000
"""Rows of an export, the first in its order; narrower filters reach what is beyond."""


class MayLook(LoginRequiredMixin, PermissionRequiredMixin):
    """Whoever has logged in and has the permission."""


class FilteredList(MayLook, TemplateView):
    """A list with a search form above it; a form with a fault shows the fault and everything."""

    queryset: QuerySet[Any]
    filterset_class: type[Sorted]
    rows_name = ""
    export = ""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The form, the rows, and the cursors of the pages beside."""
        context = super().get_context_data(**kwargs)
        found = self.filterset_class(self.request.GET, queryset=self.queryset.all(), request=self.request)
        valid = found.is_valid()
        rows = found.qs if valid else self.queryset.all()
        cursor = self.request.GET.get("cursor", "")
        try:
            page = keyset.page(rows, found.order(), cursor, SIZE)
        except keyset.BadCursor:
            cursor = ""
            page = keyset.page(rows, found.order(), "", SIZE)
        context.update(
            filter=found,
            form=found.form,
            narrowed=found.narrowed(),
            page=page,
            first=not cursor,
            export=self.export,
        )
        context[self.rows_name] = page.rows
        return context


class Export(MayLook, View):
    """The rows that a list shows, all pages of them, as a file; without bodies."""

    queryset: QuerySet[Any]
    filterset_class: type[Sorted]
    columns: list[str]
    name = ""

    def get(self, request: HttpRequest, form: str) -> HttpResponse | StreamingHttpResponse:
        """``form`` is csv or json."""
        found = self.filterset_class(request.GET, queryset=self.queryset.all(), request=request)
        if not found.is_valid():
            return HttpResponseBadRequest(json.dumps(found.errors), content_type="application/json")
        rows = keyset.walk(found.qs, found.order(), self.columns, MOST_EXPORTED)
        audit.record(request, audit.Action.EXPORT, self.name, f"{form} {request.GET.urlencode()}")
        is_async = hasattr(request, "scope")
        name = f"{self.name}-{timezone.now():%Y%m%d-%H%M%S}.{form}"
        content: Any
        if form == "csv":
            content, kind = csv_rows.stream(rows, self.columns, is_async=is_async), "text/csv; charset=utf-8"
        else:
            content, kind = json_rows(rows, self.columns, is_async=is_async), "application/json"
        return StreamingHttpResponse(
            content, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'}
        )


def json_rows(
    rows: Iterator[dict[str, Any]], columns: list[str], *, is_async: bool
) -> Iterator[str] | AsyncIterator[str]:
    """An array with an object a row, streamed."""
    pieces = _pieces(rows, columns)
    return csv_rows.in_blocks(pieces, "") if is_async else pieces


def _pieces(rows: Iterator[dict[str, Any]], columns: list[str]) -> Iterator[str]:
    encode = DjangoJSONEncoder().encode
    between = "[\n"
    for row in rows:
        yield between + encode({name: row[name] for name in columns})
        between = ",\n"
    yield "\n]\n" if between == ",\n" else "[]\n"
