"""What is common to records that the gateway writes and people only read; their tables may be very long."""

from __future__ import annotations

import re
from typing import Any, Final

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin, TabularInline
from unfold.forms import PaginationInlineFormSet

from sessions_app.pagination import BoundedPaginator

LATEST: Final = 50
"""Rows of an inline."""
_INDENTED: Final = re.compile(rb"(<(pre|textarea)\b.*?</\2>)|\s*\n\s*", re.DOTALL)


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


class Light:
    """Lists and pages under 100 kB: rows as :mod:`sessions_app.templatetags.records` writes them, and no indents."""

    list_per_page = 50
    list_max_show_all = 0
    change_list_template = "admin/record_list.html"

    def action_checkbox(self, obj: Any) -> SafeString:
        """The box that chooses a row."""
        name = ACTION_CHECKBOX_NAME
        text = '<input type="checkbox" name="{}" value="{}" class="action-select" aria-label="Select">'
        return format_html(text, name, obj.pk)

    action_checkbox.short_description = ModelAdmin.action_checkbox.short_description  # type: ignore[attr-defined]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """The list."""
        return _squeezed(super().changelist_view(request, extra_context))  # type: ignore[misc]

    def changeform_view(
        self, request: HttpRequest, object_id: Any = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        """One record."""
        return _squeezed(super().changeform_view(request, object_id, form_url, extra_context))  # type: ignore[misc]


class RecordAdmin(ReadOnly, Light, ModelAdmin):
    """A table that may be very long: no exact count, and no date hierarchy, which reads all of it to find its days."""

    paginator = BoundedPaginator
    show_full_result_count = False
    list_filter_sheet = True


def _squeezed(answer: Any) -> Any:
    """Without the indents of the theme's templates, which are a third of the page."""
    if isinstance(answer, TemplateResponse):
        answer.add_post_render_callback(_squeeze)
    return answer


def _squeeze(answer: TemplateResponse) -> None:
    answer.content = _INDENTED.sub(lambda found: found[1] or b"\n", answer.content)


class LatestFormSet(PaginationInlineFormSet):
    """The first LATEST rows in the inline's order, and where the rest is."""

    shown = LATEST

    def get_queryset(self) -> QuerySet[Any]:
        """Cut once, and kept: one row more than is shown tells whether there are more."""
        if not hasattr(self, "_queryset"):
            super().get_queryset()
            found = list(self._queryset[: LATEST + 1])
            self.more = len(found) > LATEST
            self._queryset = found[:LATEST]
        return self._queryset

    @property
    def rest(self) -> str | bool:
        """The address of the list of all; True where there is none, False where nothing is left out."""
        self.get_queryset()
        if not self.more:
            return False
        return self.rest_of(self.instance) if self.rest_of else True

    rest_of: Any = None


class LatestInline(ReadOnly, TabularInline):
    """Rows that belong to a record, the first LATEST of them, and a link to the list of all."""

    formset = LatestFormSet
    template = "admin/record_inline.html"
    extra = 0
    max_num = 0
    tab = True
    show_change_link = True

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """Told where all of them are."""
        made = super().get_formset(request, obj, **kwargs)
        if self.show_change_link:
            made.rest_of = staticmethod(self._all_of)
        return made

    def _all_of(self, record: Any) -> str:
        opts = self.opts
        link = next(field.name for field in opts.fields if field.related_model is self.parent_model)
        address = reverse(f"{self.admin_site.name}:{opts.app_label}_{opts.model_name}_changelist")
        return f"{address}?{link}__id__exact={record.pk}"
