"""Errors as RFC 9457 problem details: ``application/problem+json`` with type, title, status, detail, and errors."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from django.http import JsonResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import exception_handler

MEDIA_TYPE: Final = "application/problem+json"


class ProblemRenderer(JSONRenderer):
    """JSON under the name of a problem."""

    media_type = MEDIA_TYPE


def problem(status: int, detail: str, **more: Any) -> dict[str, Any]:
    """The members of a problem; ``type`` is about:blank, so ``title`` is the phrase of the status."""
    return {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **more}


def respond(status: int, detail: str, **more: Any) -> Response:
    """A problem as the answer of a view."""
    response = Response(problem(status, detail, **more), status=status, content_type=MEDIA_TYPE)
    response.problem = True  # type: ignore[attr-defined]  # see views.Problems
    return response


def handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """REST framework's EXCEPTION_HANDLER."""
    response = exception_handler(error, context)
    if response is None:
        return None
    more = {}
    if isinstance(error, exceptions.ValidationError):
        detail = "Some of what was sent is not valid."
        more["errors"] = _errors(response.data)
    else:
        data = response.data
        detail = str(data.get("detail", "")) if isinstance(data, dict) else str(data)
    response.data = problem(response.status_code, detail, **more)
    response.content_type = MEDIA_TYPE
    return response


def _errors(data: Any, name: str = "") -> list[dict[str, str]]:
    """Each fault with the name of its field."""
    if isinstance(data, dict):
        return [fault for key, value in data.items() for fault in _errors(value, f"{name}.{key}" if name else str(key))]
    if isinstance(data, list):
        return [fault for value in data for fault in _errors(value, name)]
    return [{"field": name, "detail": str(data)}]


@csrf_exempt  # nothing is done here, and a refusal is a problem, too
def not_found(request: Any, exception: Any = None) -> JsonResponse:
    """For an address below /api/ that is nothing."""
    return JsonResponse(problem(404, "There is no such address."), status=404, content_type=MEDIA_TYPE)
