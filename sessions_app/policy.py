"""The Content-Security-Policy: nothing from elsewhere, no inline script or style on our own pages.

Two parts are made by others and cannot do without: the admin's theme evaluates expressions in its markup (Alpine.js),
and the page of the API's documentation sets styles.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponse

_BASE: Final = (
    "default-src 'none'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; "
)
STRICT: Final = _BASE + "script-src 'self'; style-src 'self'"
ADMIN: Final = _BASE + "script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'"
DOCS: Final = _BASE + "script-src 'self'; style-src 'self' 'unsafe-inline'"


def policy_of(path: str) -> str:
    """The policy of a page."""
    if path.startswith("/admin/"):
        return ADMIN
    return DOCS if path.startswith("/api/docs/") else STRICT


class ContentSecurityPolicy:
    """Sets the header on every response that has none."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """One header more."""
        if iscoroutinefunction(self):
            return self._later(request)  # type: ignore[return-value]  # a coroutine, as the caller expects then
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", policy_of(request.path))
        return response

    async def _later(self, request: HttpRequest) -> HttpResponse:
        response = await self.get_response(request)  # type: ignore[misc]  # see __init__
        response.headers.setdefault("Content-Security-Policy", policy_of(request.path))
        return response
