"""The page for what went wrong in a page. It asks no database, which may be what is away."""

from __future__ import annotations

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

RETRY_AFTER = 5
"""Seconds after which the page may be asked for again; the gateway itself looks for its database twice a second."""


def server_error(request: HttpRequest) -> HttpResponse:
    """503 where the database cannot be reached, 500 for anything else."""
    away = isinstance(sys.exc_info()[1], (OperationalError, InterfaceError))
    content = render_to_string("500.html", {"away": away, "address": request.get_full_path()})
    headers = {"Retry-After": str(RETRY_AFTER)} if away else {}
    return HttpResponse(content, status=503 if away else 500, headers=headers)
