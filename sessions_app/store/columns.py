"""How the gateway's values become rows: for each table its columns, and for each column its form.

One table here for every table written in batches. A test holds them against the models.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sessions_app.store.copy_text import NULL, document, line, moment, number, octets, text

Form = Callable[[Any], str]


def _text(limit: int) -> Form:
    return lambda value: text(value, limit)


def _plain(value: Any) -> str:
    """A value that is known to need no escapes: an id, a choice."""
    return str(value)


SESSION: Final[dict[str, Form]] = {
    "id": _plain,
    "key": _text(512),
    "bucket": number,
    "node": _text(100),
    "state": _plain,
    "initiator": _plain,
    "from_uri": _text(512),
    "to_uri": _text(512),
    "ruri": _text(512),
    "source": _text(64),
    "route": _text(100),
    "call_id": _text(255),
    "dialog": document,
    "local_path": _text(512),
    "peer_path": _text(1024),
    "content_types": _text(255),
    "peer_types": _text(255),
    "next_hop": _text(255),
    "back_hop": _text(255),
    "to_msrp": number,
    "to_page": number,
    "undelivered": number,
    "created_at": moment,
    "established_at": moment,
    "last_message_at": moment,
    "last_send_at": moment,
    "ended_at": moment,
    "end_reason": _text(255),
}

SESSION_CHANGE: Final[dict[str, Form]] = {
    name: SESSION[name]
    for name in (
        "id",
        "state",
        "dialog",
        "local_path",
        "peer_path",
        "peer_types",
        "next_hop",
        "back_hop",
        "to_msrp",
        "to_page",
        "undelivered",
        "established_at",
        "last_message_at",
        "last_send_at",
        "ended_at",
        "end_reason",
    )
}
"""What changes in a session's life. Nothing here goes back to null, so null stands for "as it was"."""

_CAUSE: Final[dict[str, Form]] = {
    "side": _plain,
    "layer": _text(16),
    "code": number,
    "lost_with": _plain,
    "detail": _text(255),
}
"""Of a message, see :class:`sessions_app.cause.Cause`."""

MESSAGE: Final[dict[str, Form]] = {
    "id": _plain,
    "session_id": _plain,
    "direction": _plain,
    "state": _plain,
    "from_uri": _text(512),
    "to_uri": _text(512),
    "call_id": _text(255),
    "message_id": _text(128),
    "content_type": _text(255),
    "size": number,
    "body": octets,
    "received_at": moment,
    "finished_at": moment,
    "sip_code": number,
    "msrp_code": number,
    **_CAUSE,
    "sha256": octets,
    "subject": _text(255),
    "imdn_id": _text(128),
    "notify": _text(64),
    "confirmation": _text(64),
    "expires_at": moment,
}

MESSAGE_OUTCOME: Final[dict[str, Form]] = {
    "id": _plain,
    "state": _plain,
    "finished_at": moment,
    "sip_code": number,
    "msrp_code": number,
    **_CAUSE,
    "confirmation": _text(64),
}

SETUP_FAILURE: Final[dict[str, Form]] = {
    "id": _plain,
    "session_id": lambda value: NULL if value is None else str(value),
    "key": _text(512),
    "from_uri": _text(512),
    "to_uri": _text(512),
    "ruri": _text(512),
    "code": number,
    "reason": _text(255),
    "leg": _plain,
    "layer": _text(16),
    "detail": _text(255),
    "answered": number,
    "waiting": number,
    "node": _text(100),
    "created_at": moment,
}

SESSION_EVENT: Final[dict[str, Form]] = {
    "session_id": _plain,
    "at": moment,
    "kind": _text(32),
    "detail": _text(255),
}

TRACE_FRAME: Final[dict[str, Form]] = {
    "session_id": _plain,
    "at": moment,
    "leg": _plain,
    "direction": _plain,
    "protocol": _plain,
    "transport": _plain,
    "source": _text(64),
    "destination": _text(64),
    "data": octets,
    "masked": _plain,
}


def row(forms: dict[str, Form], values: dict[str, Any]) -> str:
    """A COPY line of ``values``; a column that it has not is null."""
    return line([form(values[name]) if name in values else NULL for name, form in forms.items()])
