"""Where a request comes from: the address of its connection, and what our own proxy says of the one behind it."""

from __future__ import annotations

import ipaddress
from typing import Any

from django.conf import settings

from sessions_app.gateway.destinations import parse_networks

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def read(text: str) -> Address | None:
    """The address that a text is, without its zone; one of IPv4 that is written as IPv6 is IPv4. None: it is none."""
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def is_in(address: Address | None, setting: str) -> bool:
    """Whether an address is in one of the networks of a setting."""
    return address is not None and any(address in network for network in parse_networks(setting))


def of_connection(request: Any) -> Address | None:
    """The other end of the connection, whatever the request says of itself; None where it has no address."""
    return read(request.META.get("REMOTE_ADDR") or "")


def of_caller(request: Any) -> str | None:
    """Whom a request counts as: lockout, limits and the audit trail go by it. None where that is not known.

    Behind our proxy (HTTPS_ONLY) it is what that one says (deploy/nginx.conf), which is its last word in
    X-Forwarded-For; whatever stands before it, and the header from anybody else, is the caller's own invention.
    """
    address = of_connection(request)
    if settings.HTTPS_ONLY and is_in(address, settings.TRUSTED_PROXIES):
        address = read(request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip()) or address
    return None if address is None else str(address)


def disbelieve_scheme(request: Any) -> None:
    """Let the scheme that our proxy names count (SECURE_PROXY_SSL_HEADER), and nobody else's: theirs becomes empty."""
    if "HTTP_X_FORWARDED_PROTO" in request.META and not is_in(of_connection(request), settings.TRUSTED_PROXIES):
        request.META["HTTP_X_FORWARDED_PROTO"] = ""
