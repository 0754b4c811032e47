"""Views for machines: they know no login and trust whoever asks from an address of a setting.

Such a view must not be reached through whoever happens to be at that address: neither through a browser, in which any
page of the world can make requests to this machine, nor through a proxy, which asks for strangers. So the connection's
address counts alone, and a request that shows a page or a proxy behind it is refused. Every view that trusts an address
is marked by :func:`for_machines`; tests/pages/test_machine_views.py holds all others to a login.
"""

from __future__ import annotations

import functools
import hmac
import logging
from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port
from django.utils.log import log_response
from django.views.decorators.csrf import csrf_exempt

from sessions_app import addresses, origins
from sessions_app.conf import gateway_config

logger = logging.getLogger("django.security.machines")

PROXIES: Final = frozenset({
    "forwarded", "via", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "true-client-ip", "client-ip",
    "cf-connecting-ip", "fastly-client-ip", "x-originating-ip", "x-remote-ip", "x-remote-addr", "x-appengine-user-ip",
    "x-azure-clientip", "cdn-loop", "max-forwards", "proxy-authorization", "proxy-connection",
})  # fmt: skip
"""What proxies add or pass on: RFC 7239, RFC 9110 s7.6, RFC 8586, and the customs of before."""
FAMILIES: Final = ("x-forwarded", "x-original-", "x-envoy-")

View = Callable[..., HttpResponse]


class Refused(Exception):
    """Why a machine is not answered: ``status`` 401 where a token is missing or wrong, else 403."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def check(request: HttpRequest, networks: str, token: str = "") -> None:
    """Raises Refused unless a machine of these networks asks, by itself, with the token where there is one.

    ``networks`` and ``token`` are names of fields of GatewayConfig. Raises DisallowedHost for a Host that is not ours.
    """
    config = gateway_config()
    if not addresses.is_in(addresses.of_connection(request), getattr(config, networks)):
        raise Refused(403, f"Not from this address (GATEWAY_{networks.upper()}).")
    if header := _of_proxy(request):
        raise Refused(403, f"Not through a proxy ({header}).")
    origin = request.headers.get("Origin")
    if (origin is not None and not origins.is_own(origin, request)) or origins.came_from_elsewhere(request):
        raise Refused(403, "Not for a web page.")
    if _may_be_rebound(request):
        raise Refused(403, "Not by this name (ALLOWED_HOSTS has *): ask by address.")
    secret = getattr(config, token) if token else ""
    if secret and not _has(request, secret):
        raise Refused(401, f"The token is missing or wrong (GATEWAY_{token.upper()}).")


def for_machines(networks: str, token: str = "") -> Callable[[View], View]:
    """Marks a view as one for machines, which :func:`check` lets in. It needs no CSRF token: no page gets there."""

    def mark(view: View) -> View:
        @csrf_exempt
        @functools.wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            try:
                check(request, networks, token)
            except Refused as why:
                return _refusal(request, why)
            return view(request, *args, **kwargs)

        guarded.for_machines = (networks, token)  # type: ignore[attr-defined]  # what the tests look for
        return guarded

    return mark


def _refusal(request: HttpRequest, why: Refused) -> HttpResponse:
    response = HttpResponse(f"{why}\n", status=why.status, content_type="text/plain")
    if why.status == 401:
        response["WWW-Authenticate"] = "Bearer"  # RFC 6750 s3
    log_response("%s: %s", request.path, why, response=response, request=request, logger=logger)
    return response


def _of_proxy(request: HttpRequest) -> str:
    """The first header field that a proxy left; empty where there is none."""
    return next((name for name in request.headers if name.lower() in PROXIES or name.lower().startswith(FAMILIES)), "")


def _may_be_rebound(request: HttpRequest) -> bool:
    """Whether a page may have made its own name mean this machine (DNS rebinding): where ALLOWED_HOSTS allows any name.

    Otherwise Django has refused a Host that is not in ALLOWED_HOSTS before a view is asked.
    """
    name, _ = split_domain_port(request.get_host())
    known = name == "localhost" or addresses.read(name.strip("[]")) is not None
    return "*" in settings.ALLOWED_HOSTS and not known


def _has(request: HttpRequest, secret: str) -> bool:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), secret.encode())
