"""Server-sent events: `GET /api/v1/events/`, for the same users and with the same tokens as the rest."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from rest_framework.authentication import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from sessions_app import events, sse
from sessions_app.api.authentication import BasicAuthentication
from sessions_app.api.problems import MEDIA_TYPE, problem
from sessions_app.sockets import may_see


def _user(request: HttpRequest) -> Any:
    for kind in (TokenAuthentication, BasicAuthentication):
        found = kind().authenticate(Request(request))
        if found is not None:
            return found[0]
    user = request.user
    bool(user.is_authenticated)  # reads the session here, in a thread
    return user


async def stream(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """Events as they happen; ``?event=`` chooses, and may be repeated."""
    if request.method != "GET":
        return _refuse(405, "Only GET.")
    try:
        user = await sync_to_async(_user)(request)
    except AuthenticationFailed as why:
        return _refuse(401, str(why.detail))
    except PermissionDenied as why:
        return _refuse(403, str(why.detail))
    allowed = await may_see(user)
    if not allowed:
        return _refuse(403 if user.is_authenticated else 401, "Events need the permission to view what they tell of.")
    asked = request.GET.getlist("event")
    unknown = sorted(set(asked) - set(events.NAMES))
    if unknown:
        return _refuse(400, f"{unknown[0]} is no event; there are {', '.join(events.NAMES)}.")
    return StreamingHttpResponse(
        sse.stream(allowed & frozenset(asked or events.NAMES)),
        content_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def _refuse(status: int, detail: str) -> JsonResponse:
    headers = {"WWW-Authenticate": "Token"} if status == 401 else {}
    return JsonResponse(problem(status, detail), status=status, content_type=MEDIA_TYPE, headers=headers)
