"""Django signals of the gateway. Receivers run in a thread of their own, after the rows are committed.

Each is sent with the fields of its event, see :mod:`sessions_app.events`, as keyword arguments.
"""

from __future__ import annotations

import logging
from typing import Any, Final

from django.dispatch import Signal

logger = logging.getLogger(__name__)

setup_failed = Signal()
"""E_MSRP_GW_SETUP_FAILED: ``key``, ``from_uri``, ``to_uri``, ``ruri``, ``code``, ``reason`` (the last two None where
no reply came), ``leg``, ``layer``, ``detail``, ``failure_id``, ``session_id``."""
session_started = Signal()
session_ended = Signal()
message_delivered = Signal()
message_failed = Signal()

_FIELDS = ("key", "from_uri", "to_uri", "ruri", "code", "reason", "leg", "layer", "detail", "session_id")
_SIGNALS: Final = {
    "session_started": session_started,
    "session_ended": session_ended,
    "message_delivered": message_delivered,
    "message_failed": message_failed,
}


def wanted() -> bool:
    """Whether anybody listens to one of those that :func:`send` sends."""
    return any(signal.has_listeners() for signal in _SIGNALS.values())


def send(found: list[dict[str, Any]]) -> None:
    """Send the signals of events; :data:`setup_failed` has a way of its own, see below."""
    if not wanted():
        return
    for event in found:
        signal = _SIGNALS.get(event["event"])
        if signal is not None and signal.has_listeners():
            _robust(event["event"], signal, {name: value for name, value in event.items() if name != "event"})


def send_setup_failed(failure: dict[str, Any]) -> None:
    """Send :data:`setup_failed` for a row of the writer's; a receiver's exception is logged and stops nobody else."""
    values = {name: failure[name] for name in _FIELDS}
    _robust("setup_failed", setup_failed, {"failure_id": failure["id"], **values})


def _robust(name: str, signal: Signal, values: dict[str, Any]) -> None:
    for receiver, outcome in signal.send_robust(sender=None, **values):
        if isinstance(outcome, Exception):
            logger.error("receiver %r of %s failed", receiver, name, exc_info=outcome)
