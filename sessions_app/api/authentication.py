"""Basic authentication for programs. A browser that has been given a password once sends it along by itself."""

from __future__ import annotations

from typing import Any

from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from sessions_app import origins
from sessions_app.lockout import LONGEST


class BasicAuthentication(authentication.BasicAuthentication):
    """Not for the pages of others: a browser adds what it knows to their requests, too, and no CSRF token is asked for.

    The session's cookie needs such a token, and a token of ours is nothing that a browser adds by itself.
    """

    def authenticate(self, request: Request) -> Any:
        """Raises PermissionDenied where a page of somebody else's made a request that has a password."""
        words = authentication.get_authorization_header(request).lower().split()
        if words[:1] == [b"basic"] and origins.foreign(request):
            raise PermissionDenied("Not for the page of another origin.")
        return super().authenticate(request)

    def authenticate_credentials(self, userid: str, password: str, request: Request | None = None) -> Any:
        """Raises AuthenticationFailed, for a name that nobody can have without asking: no table could note it."""
        if len(userid) > LONGEST or "\0" in userid:
            raise AuthenticationFailed("Invalid username/password.")
        return super().authenticate_credentials(userid, password, request)
