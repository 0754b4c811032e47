"""Writing the audit trail: who did or read what, from where."""

from __future__ import annotations

import logging
from typing import Any

from sessions_app.addresses import of_caller
from sessions_app.models import AuditEntry

logger = logging.getLogger(__name__)

Action = AuditEntry.Action


def record(request: Any, action: str, target: object = "", detail: str = "") -> None:
    """Something that the user of ``request`` did. Also a line of the log."""
    write(request.user.get_username(), action, target, detail, of_caller(request))


def write(who: str, action: str, target: object = "", detail: str = "", address: str | None = None) -> None:
    """The same where there is no request."""
    AuditEntry.objects.create(
        who=who[:150], action=action, target=str(target)[:64], detail=detail[:500], address=address or None
    )
    logger.info("audit: %s", action, extra={"user": who, "target": str(target), "detail": detail})
