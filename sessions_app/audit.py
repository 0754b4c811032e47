"""Writing the audit trail: who did or read what, from where."""

from __future__ import annotations

import ipaddress
import logging
from typing import Any

from sessions_app.models import AuditEntry

logger = logging.getLogger(__name__)

Action = AuditEntry.Action


def record(request: Any, action: str, target: object = "", detail: str = "") -> None:
    """Something that the user of ``request`` did. Also a line of the log."""
    write(request.user.get_username(), action, target, detail, address_of(request))


def write(who: str, action: str, target: object = "", detail: str = "", address: str | None = None) -> None:
    """The same where there is no request."""
    AuditEntry.objects.create(
        who=who[:150], action=action, target=str(target)[:64], detail=detail[:500], address=address or None
    )
    logger.info("audit: %s", action, extra={"user": who, "target": str(target), "detail": detail})


def address_of(request: Any) -> str | None:
    """Where a request came from: behind our proxy, what that says (deploy/nginx.conf)."""
    from django.conf import settings

    address = request.META.get("REMOTE_ADDR") or ""
    if settings.HTTPS_ONLY and (forwarded := request.META.get("HTTP_X_FORWARDED_FOR")):
        address = forwarded.rpartition(",")[2].strip()
    try:
        return str(ipaddress.ip_address(address.partition("%")[0]))
    except ValueError:
        return None
