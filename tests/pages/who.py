"""Users of each role, and the addresses that there are, for the tests of permissions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.urls import get_resolver

from tests.rows import administrator, make_user, operator, reader, viewer

WHO: dict[str, Callable[[], Any]] = {
    "stranger": AnonymousUser,
    "nobody": lambda: make_user("nobody"),
    "viewer": lambda: viewer(is_staff=True),
    "reader": lambda: reader(is_staff=True),
    "operator": lambda: operator(is_staff=True),
    "administrator": lambda: administrator(is_staff=True),
}
ALL = set(WHO)
NOBODY: set[str] = set()
KNOWN = ALL - {"stranger"}
SEE = {"viewer", "reader", "operator", "administrator"}
ACT = {"operator", "administrator"}
RULE = {"administrator"}
READ = {"reader"}


def routes() -> Iterator[tuple[str, Any]]:
    """Every address that there is, as the resolver has it, with its view."""
    yield from _walk(get_resolver().url_patterns, "")


def _walk(patterns: list[Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        route = prefix + (str(pattern.pattern).removeprefix("^") if prefix else str(pattern.pattern))
        if hasattr(pattern, "url_patterns"):
            yield from _walk(pattern.url_patterns, route)
        else:
            yield route, pattern.callback


def refused(answer: Any) -> bool:
    """To the login, or 401, 403; an action that was taken leads somewhere, but not to the login."""
    return answer.status_code in (401, 403) or (answer.status_code == 302 and "login" in answer["Location"])
