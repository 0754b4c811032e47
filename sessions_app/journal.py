"""One line of the log for each change of a session's state and for each failure, with the session's key.

`LOG_FORMAT=json` makes each an object. Delivered messages are told at DEBUG only: there are too many of them.
"""

from __future__ import annotations

import logging
from typing import Any, Final

logger = logging.getLogger("parley.journal")

_LEVELS: Final = {
    "session_started": logging.INFO,
    "session_ended": logging.INFO,
    "setup_failed": logging.INFO,
    "message_failed": logging.INFO,
    "message_delivered": logging.DEBUG,
}
_RENAMED: Final = {"message": "record"}
"""A log record has a message of its own."""
_SHOWN: Final = (
    "session",
    "key",
    "state",
    "reason",
    "from_uri",
    "to_uri",
    "message",
    "direction",
    "code",
    "sip_code",
    "msrp_code",
    "leg",
    "side",
    "layer",
    "lost_with",
    "detail",
    "answered",
    "call_id",
    "message_id",
    "node",
)


def write(found: list[dict[str, Any]]) -> None:
    """A line an event, as far as the log wants its level."""
    for event in found:
        level = _LEVELS.get(event["event"], logging.DEBUG)
        if logger.isEnabledFor(level):
            pairs = {_RENAMED.get(name, name): event[name] for name in _SHOWN if event.get(name) not in (None, "")}
            logger.log(level, "%s", event["event"], extra=pairs)


def refused(row: dict[str, Any]) -> None:
    """A request that was refused before there was a session."""
    names = ("from_uri", "to_uri", "ruri", "answered", "layer", "detail", "node")
    logger.info("%s", "request_refused", extra={"failure": row["id"], **{name: row[name] for name in names}})
