"""What is common to records that the gateway writes and people only read; their tables may be very long."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline
from unfold.forms import PaginationInlineFormSet

from sessions_app.pagination import BoundedPaginator

LATEST = 50
"""Rows of an inline."""


class ReadOnly:
    """Takes every permission but the one to look."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False


class RecordAdmin(ReadOnly, ModelAdmin):
    """A table that may be very long: no exact count, and no date hierarchy, which reads all of it to find its days."""

    paginator = BoundedPaginator
    show_full_result_count = False
    list_per_page = 50
    list_max_show_all = 0
    list_filter_sheet = True


class LatestFormSet(PaginationInlineFormSet):
    """The first LATEST rows in the inline's order."""

    def get_queryset(self) -> QuerySet[Any]:
        """Cut once, and kept."""
        if not hasattr(self, "_queryset"):
            super().get_queryset()
            self._queryset = self._queryset[:LATEST]
        return self._queryset


class LatestInline(ReadOnly, TabularInline):
    """Rows that belong to a record, the latest of them."""

    formset = LatestFormSet
    extra = 0
    max_num = 0
    tab = True
    hide_title = True
    show_change_link = True
