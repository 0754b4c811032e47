"""Reading the body of a message: a permission of its own, and every reading is put on the audit trail."""

from __future__ import annotations

from typing import Any, Final

from sessions_app import audit
from sessions_app.models import MessageRecord

PERMISSION: Final = "sessions_app.read_body"
SHOWN: Final = 60_000
"""Octets of a body that a page shows."""


def read(request: Any, message: MessageRecord) -> bytes | None:
    """The body, or None where it is not kept. Raises PermissionDenied."""
    from django.core.exceptions import PermissionDenied

    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    kept = MessageRecord.objects.only("body").get(pk=message.pk).body
    if kept is None:
        return None
    audit.record(request, audit.Action.READ_BODY, message.pk, f"{message.from_uri} > {message.to_uri}")
    return bytes(kept)


def as_text(body: bytes) -> str:
    """For people: what is no text shows itself as such."""
    text = body[:SHOWN].decode("utf-8", "replace")
    return text + ("…" if len(body) > SHOWN else "")
