"""The page of the playground; what happens on it is in :mod:`sessions_app.playground`."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from sessions_app.playground import is_open, may_play


def offered(request: HttpRequest) -> dict[str, bool]:
    """For the navigation: whether there is a playground."""
    return {"playground_open": is_open()}


@login_required
@require_safe
def playground(request: HttpRequest) -> HttpResponse:
    """Two panes and a ladder. 404 where the settings do not allow it."""
    if not is_open():
        raise Http404
    if not may_play(request.user):
        raise PermissionDenied
    return render(request, "sessions_app/playground.html", {"nav": "playground"})
