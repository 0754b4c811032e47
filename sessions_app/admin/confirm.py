"""A page between a link and what it does: only a POST with its token changes anything."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse


def confirm(
    model_admin: Any, request: HttpRequest, title: str, question: str, yes: str, back: str, what: object = ""
) -> HttpResponse:
    """Ask; the answer is a POST to the same address."""
    context = {
        **model_admin.admin_site.each_context(request),
        "title": title,
        "opts": model_admin.model._meta,
        "question": question,
        "yes": yes,
        "back": back,
        "what": what,
    }
    return TemplateResponse(request, "admin/confirm.html", context)
