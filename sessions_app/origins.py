"""Which web page made a request: one of ours, or somebody else's that a browser happened to have open.

A browser says so, and a page cannot change what it says: ``Origin`` (RFC 6454 s7, Fetch s3.2) names scheme, host and
port, and ``Sec-Fetch-Site`` (Fetch Metadata s2.3) how the page stands to us. Programs send neither.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest

from sessions_app import addresses

_PORTS: Final = {"http": 80, "https": 443}
_NOT_ELSEWHERE: Final = frozenset({"none", "same-origin"})
"""Sec-Fetch-Site of what a person typed and of what our own page asked; "same-site" is another port of this host."""

Origin = tuple[str, str, int]


def read(text: str) -> Origin | None:
    """Scheme, host and port of an origin; None for "null" and whatever else is none."""
    try:
        parts = urlsplit(text.strip())
        port = _PORTS[parts.scheme] if parts.port is None else parts.port
    except (ValueError, KeyError):
        return None
    if not parts.hostname or parts.path or parts.query or parts.fragment or parts.username is not None:
        return None
    return parts.scheme, parts.hostname, port


def is_own(text: str, request: Any) -> bool:
    """Whether it is the origin that the request itself was sent to. Raises DisallowedHost for a strange Host."""
    own = read(f"{'https' if request.is_secure() else 'http'}://{request.get_host()}")
    return own is not None and read(text) == own


def is_trusted(text: str, request: Any) -> bool:
    """Whether it is our own, or one of CSRF_TRUSTED_ORIGINS, whose ``*.`` is any name below. Raises DisallowedHost."""
    origin = read(text)
    return is_own(text, request) or any(_matches(origin, each) for each in settings.CSRF_TRUSTED_ORIGINS)


def _matches(origin: Origin | None, pattern: str) -> bool:
    wanted = read(pattern.replace("://*.", "://", 1))
    if origin is None or wanted is None or (origin[0], origin[2]) != (wanted[0], wanted[2]):
        return False
    return origin[1].endswith(f".{wanted[1]}") if "://*." in pattern else origin[1] == wanted[1]


def foreign(request: Any) -> bool:
    """Whether the page of somebody else made it: for views that ask for no CSRF token. Raises DisallowedHost."""
    origin = request.headers.get("Origin")
    if origin is not None:
        return not is_trusted(origin, request)
    return came_from_elsewhere(request)


def came_from_elsewhere(request: Any) -> bool:
    """Whether the browser says that what made the request is not of this very scheme, host and port."""
    return request.headers.get("Sec-Fetch-Site", "none").strip().lower() not in _NOT_ELSEWHERE


class OwnPages:
    """Around an ASGI application of WebSockets: only pages of ours may open one.

    A browser sends a WebSocket's handshake with our cookies from any page, and no rule of its own keeps that page from
    reading what comes (RFC 6455 s10.2), so the whole origin counts: what listens on another port is somebody else.
    """

    def __init__(self, application: Any) -> None:
        self._application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Hand it on, or close it before it is open, which is a 403."""
        if self._may(scope):
            await self._application(scope, receive, send)
            return
        await receive()
        await send({"type": "websocket.close"})

    def _may(self, scope: Any) -> bool:
        scheme = "https" if scope.get("scheme") == "wss" else "http"
        request = ASGIRequest({**scope, "type": "http", "method": "GET", "scheme": scheme}, BytesIO())
        addresses.disbelieve_scheme(request)
        try:
            return "Origin" in request.headers and is_trusted(request.headers["Origin"], request)
        except DisallowedHost:
            return False
