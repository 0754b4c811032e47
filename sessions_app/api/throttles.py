"""How often one caller may ask: a user by name, whoever has none by address."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import AnonRateThrottle, ScopedRateThrottle, UserRateThrottle

from sessions_app.addresses import of_caller


class ByCaller:
    """REST framework's own way believes X-Forwarded-For from anybody, who would be somebody else at each request."""

    def get_ident(self, request: Request) -> Any:
        """The address that the caller counts as."""
        return of_caller(request) or "nowhere"


class AnonThrottle(ByCaller, AnonRateThrottle):
    """Of strangers."""


class UserThrottle(ByCaller, UserRateThrottle):
    """Of users."""


class ScopedThrottle(ByCaller, ScopedRateThrottle):
    """Of one view."""
