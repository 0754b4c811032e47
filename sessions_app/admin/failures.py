"""Failed set-ups in the admin, and their export."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from sessions_app.admin.export import csv_answer
from sessions_app.admin.known_values import CodeFilter, LayerFilter, LegFilter, NodeFilter
from sessions_app.admin.records import RecordAdmin
from sessions_app.admin.utc import utc
from sessions_app.models import SetupFailure
from sessions_app.search import FailureText, with_part
from sessions_app.templatetags.gateway import NOTHING

COLUMNS = [
    "id",
    "created_at",
    "key",
    "from_uri",
    "to_uri",
    "ruri",
    "code",
    "reason",
    "leg",
    "layer",
    "detail",
    "answered",
    "waiting",
    "node",
    "session_id",
]


@admin.register(SetupFailure)
class FailureAdmin(RecordAdmin):
    """Failed set-ups: look, search, export."""

    list_display = [
        "created",
        "reply",
        "reason",
        "leg",
        "layer",
        "detail",
        "sides",
        "answered",
        "waiting",
    ]
    list_filter = [CodeFilter, LayerFilter, LegFilter, NodeFilter, "created_at"]
    search_fields = ["key", "from_uri", "to_uri", "ruri", "reason", "detail"]
    search_help_text = "Part of the key, a URI, the reason or the detail."
    date_hierarchy = "created_at"  # failures are few beside messages
    ordering = ["-created_at", "-id"]
    sortable_by = ["created", "reply"]
    actions = ["export_csv"]
    fields = readonly_fields = [
        "created",
        "code",
        "reason",
        "leg",
        "layer",
        "detail",
        "answered",
        "waiting",
        "key",
        "from_uri",
        "to_uri",
        "ruri",
        "session",
        "node",
    ]

    created = utc("created_at", "time")

    @display(description="from, to")
    def sides(self, failure: SetupFailure) -> SafeString:
        """Both sides, one under the other."""
        return format_html("{}<br>{}", failure.from_uri, failure.to_uri)

    @display(description="code", ordering="code")
    def reply(self, failure: SetupFailure) -> str:
        """The code of the negative reply."""
        return NOTHING if failure.code is None else str(failure.code)

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """By the index of the pages' search."""
        text = search_term.strip()
        return (with_part(queryset, FailureText(), text) if text else queryset), False

    @admin.action(description="Export the selected set-up failures as CSV", permissions=["view"])
    def export_csv(self, request: HttpRequest, chosen: QuerySet[SetupFailure]) -> StreamingHttpResponse:
        """Row by row, however many there are."""
        return csv_answer(request, chosen, ("-created_at", "-id"), COLUMNS, "setup-failures")
