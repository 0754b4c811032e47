"""The page for what went wrong in a page. It asks no database, which may be what is away, and opens no file."""

from __future__ import annotations

import codecs
import logging
import sys
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import get_template, render_to_string
from django.urls import get_resolver
from django.utils.html import escape
from django.utils.module_loading import import_string

from sessions_app import shortage
from sessions_app.api.problems import MEDIA_TYPE, problem

logger = logging.getLogger(__name__)

RETRY_AFTER: Final = 5
"""Seconds after which the page may be asked for again; the gateway itself looks for its database twice a second."""
AWAY: Final = "The database is away"
SHORT: Final = "The server has reached a limit"
WRONG: Final = "That went wrong"
BARE: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title} - Parley</title>
<h1>{title}</h1>
<p><a href="{address}">Try again</a></p>
</html>
"""
"""The page where not even its template can be had."""


def prepare() -> None:
    """Read now what this page, its line in the log and the probes need: later it may be that no file can be opened."""
    get_template("500.html").render({"title": WRONG, "address": "/"})
    for codec in ("unicode_escape", "idna"):  # Django's log of a failed request; whoever resolves the database's name
        codecs.lookup(codec)
    import_string(settings.MESSAGE_STORAGE)  # each of these otherwise with the first request
    _ = get_resolver().url_patterns


def server_error(request: HttpRequest) -> HttpResponse:
    """503 where the database cannot be reached or something is short, 500 for anything else. A problem in the API.

    What it is that is short, and what to do about it, is in the log: it is for whoever runs the server.
    """
    title = _title(sys.exc_info()[1])
    status = 500 if title == WRONG else 503
    headers = {"Retry-After": str(RETRY_AFTER)} if status == 503 else {}
    if request.path.startswith("/api/"):
        content = problem(status, f"{title}.")
        return JsonResponse(content, status=status, content_type=MEDIA_TYPE, headers=headers)
    address = request.get_full_path()
    try:
        page = render_to_string(
            "500.html", {"title": title, "away": title == AWAY, "short": title == SHORT, "address": address}
        )
    except OSError:
        page = BARE.format(title=title, address=escape(address))
    return HttpResponse(page, status=status, headers=headers)


def _title(error: BaseException | None) -> str:
    if error is None:
        return WRONG
    if short := shortage.of(error):
        logger.error("a page cannot be made: %s", short)
        return SHORT
    return AWAY if shortage.is_away(error) else WRONG
