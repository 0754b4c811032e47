"""What somebody is told who has guessed too often (django-axes): the login page with the reason, or a problem."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render


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
