"""Django signals of the gateway. Receivers run in a thread of their own, after the row is committed."""

from __future__ import annotations

import logging
from typing import Any

from django.dispatch import Signal

logger = logging.getLogger(__name__)

setup_failed = Signal()
"""E_MSRP_GW_SETUP_FAILED: ``key``, ``from_uri``, ``to_uri``, ``ruri``, ``code``, ``reason`` (the last two None where
no reply came), ``leg``, ``layer``, ``detail``, ``failure_id``, ``session_id``."""

_FIELDS = ("key", "from_uri", "to_uri", "ruri", "code", "reason", "leg", "layer", "detail", "session_id")


def send_setup_failed(failure: dict[str, Any]) -> None:
    """Send :data:`setup_failed` for a row of the writer's; a receiver's exception is logged and stops nobody else."""
    values = {name: failure[name] for name in _FIELDS}
    for receiver, outcome in setup_failed.send_robust(sender=None, failure_id=failure["id"], **values):
        if isinstance(outcome, Exception):
            logger.error("receiver %r of setup_failed failed", receiver, exc_info=outcome)
