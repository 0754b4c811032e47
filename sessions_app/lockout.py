"""Guesses at passwords (django-axes): for whom they count, and what somebody is told who has guessed too often."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

LONGEST: Final = 150
"""Characters of a user's name (django.contrib.auth)."""


def name_of(request: Any, credentials: Any = None) -> str | None:
    """The name that a guess counts for: as long as one can be and without what no table takes, whatever was typed."""
    given = (credentials or getattr(request, "POST", {})).get("username")
    return None if given is None else str(given).replace("\0", "")[:LONGEST]


def respond(request: HttpRequest, response: HttpResponse | None, credentials: Any = None) -> HttpResponse:
    """429, with Retry-After in seconds."""
    from django.conf import settings

    wait = int(settings.AXES_COOLOFF_TIME.total_seconds())
    if request.path.startswith("/api/"):
        from sessions_app.api.problems import MEDIA_TYPE, problem

        body = problem(429, f"Too many wrong passwords. Try again in {wait // 60} minutes.")
        answer: HttpResponse = JsonResponse(body, status=429, content_type=MEDIA_TYPE)
    else:
        answer = render(request, "registration/locked_out.html", {"minutes": wait // 60}, status=429)
    answer["Retry-After"] = str(wait)
    return answer
