"""What browsers and caches may do with our answers.

The Content-Security-Policy: nothing from elsewhere, no inline script or style on our own pages. Two parts are made by
others and cannot do without: the admin's theme evaluates expressions in its markup (Alpine.js), and the page of the
API's documentation sets styles. Cache-Control: nothing is kept but static files. And what of a request is a proxy's to
say, which has to be settled before anybody reads it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from sessions_app import addresses

_BASE: Final = (
    "default-src 'none'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; "
)
STRICT: Final = _BASE + "script-src 'self'; style-src 'self'"
ADMIN: Final = _BASE + "script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'"
DOCS: Final = _BASE + "script-src 'self'; style-src 'self' 'unsafe-inline'"
_FILES: Final = frozenset({200, 206, 304})
"""What a file that there is is answered with."""


def policy_of(path: str) -> str:
    """The policy of a page."""
    if path.startswith("/admin/"):
        return ADMIN
    return DOCS if path.startswith("/api/docs/") else STRICT


class Rule:
    """A middleware that looks at every request, or adds to every response, however it was made."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The response, with what the rule adds."""
        self.before(request)
        if iscoroutinefunction(self):
            return self._later(request)  # type: ignore[return-value]  # a coroutine, as the caller expects then
        response = self.get_response(request)
        self.add(request, response)
        return response

    async def _later(self, request: HttpRequest) -> HttpResponse:
        response = await self.get_response(request)  # type: ignore[misc]  # see __init__
        self.add(request, response)
        return response

    def before(self, request: HttpRequest) -> None:
        """What the rule does to a request; nothing, unless it says so."""

    def add(self, request: HttpRequest, response: HttpResponse) -> None:
        """What it adds to a response; nothing, unless it says so."""


class KnownProxies(Rule):
    """Only our own proxy's word counts about the scheme; before whatever asks whether a request came over TLS."""

    def before(self, request: HttpRequest) -> None:
        """See :func:`addresses.disbelieve_scheme`."""
        addresses.disbelieve_scheme(request)


class ContentSecurityPolicy(Rule):
    """Sets the policy where there is none."""

    def add(self, request: HttpRequest, response: HttpResponse) -> None:
        """One header more."""
        response.headers.setdefault("Content-Security-Policy", policy_of(request.path))


class NoStore(Rule):
    """No cache keeps what we answer, neither a shared one nor a browser's on its disk: it is who talked with whom.

    Static files are everybody's and say themselves how long they are good for. All else is covered without a look at
    who asked: a page that says "log in" has a token, too, and one that was not found the name of its reader. A program
    that has an ETag may still ask with If-None-Match (RFC 9111 s5.2.2.5 speaks of caches, not of what a program knows).
    """

    def add(self, request: HttpRequest, response: HttpResponse) -> None:
        """Over what a view said, unless it said the same."""
        if request.path.startswith(settings.STATIC_URL) and response.status_code in _FILES:
            return
        if "no-store" not in response.headers.get("Cache-Control", ""):
            response.headers["Cache-Control"] = "no-store"
