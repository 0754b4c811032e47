"""Lists of records in the admin, light enough for fifty rows: a cell has a name, and its look is in admin.css.

The theme's own lists write half a kilobyte of class names into each cell, and find the headers anew for each row.
"""

from __future__ import annotations

from typing import Any

from django import template
from django.contrib.admin.utils import lookup_field
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import ForeignKey
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.templatetags.unfold_list import result_headers
from unfold.utils import display_for_field, display_for_value

register = template.Library()


@register.inclusion_tag("admin/record_rows.html")
def record_list(cl: Any) -> dict[str, Any]:
    """The rows of a change list."""
    headers = list(result_headers(cl))
    forms = cl.formset.forms if cl.formset else [None] * len(cl.result_list)
    rows = [
        {"cells": list(_cells(cl, record, headers, form)), "form": form}
        for record, form in zip(cl.result_list, forms, strict=True)
    ]
    return {
        "cl": cl,
        "result_headers": headers,
        "num_sorted_fields": sum(1 for header in headers if header["sortable"] and header["sorted"]),
        "rows": rows,
    }


def _cells(cl: Any, record: Any, headers: list[dict[str, Any]], form: Any) -> Any:
    links = cl.list_display_links
    linked = False
    for name, header in zip(cl.list_display, headers, strict=True):
        shown = _shown(cl.model_admin, name, record)
        if name == "action_checkbox":
            yield format_html('<td class="pick" data-label="Select">{}</td>', shown)
            continue
        if form is not None and name in form.fields:
            cell = '<td class="field-{}" data-label="{}">{}{}</td>'
            yield format_html(cell, name, header["text"], form[name], form[name].errors)
            continue
        wanted = name in links if links else not linked and links is not None
        if not wanted:
            yield format_html('<td data-label="{}">{}</td>', header["text"], shown)
            continue
        tag, linked = SafeString("td" if linked else "th"), True
        yield format_html(
            '<{} data-label="{}"><a href="{}">{}</a></{}>', tag, header["text"], cl.url_for_result(record), shown, tag
        )


def _shown(model_admin: Any, name: str, record: Any) -> Any:
    empty = model_admin.get_empty_value_display()
    try:
        field, attribute, value = lookup_field(name, record, model_admin)
    except ObjectDoesNotExist:
        return empty
    if field is not None and not field.auto_created:
        if isinstance(field, ForeignKey):
            return empty if (of := getattr(record, field.name)) is None else of
        return display_for_field(value, field, empty)
    label = getattr(attribute, "label", None)
    if isinstance(label, dict):
        kind, text = value if isinstance(value, tuple) else (value, value)
        return format_html('<span class="label {}">{}</span>', label.get(kind, ""), text)
    return display_for_value(value, empty, getattr(attribute, "boolean", False))
