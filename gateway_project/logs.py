"""One log record, one line: `key=value` pairs for people, JSON for machines."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

#: What every LogRecord has; whatever else stands on one came by `extra=` and is worth a pair.
ORDINARY = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class LineFormatter(logging.Formatter):
    """`2026-01-01T00:00:00.000Z level=info logger=x event="what happened" call_id=...`"""

    def format(self, record: logging.LogRecord) -> str:
        pairs = fields(record)
        stamp = pairs.pop("ts")
        return f"{stamp} " + " ".join(f"{name}={_word(value)}" for name, value in pairs.items())


class JsonFormatter(logging.Formatter):
    """The same fields as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(fields(record), default=str, ensure_ascii=False)


def fields(record: logging.LogRecord) -> dict[str, Any]:
    """The fields of a record in the order they are written; a traceback, if any, is the last."""
    stamp = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    found = {"ts": stamp, "level": record.levelname.lower(), "logger": record.name, "event": record.getMessage()}
    found |= {name: value for name, value in vars(record).items() if name not in ORDINARY and _plain(value)}
    if record.exc_info:
        found["exc"] = logging.Formatter().formatException(record.exc_info)
    return found


def _plain(value: Any) -> bool:
    # Django hangs its request and server objects on records; they are no text for a log line.
    return value is None or isinstance(value, str | int | float | bool)


def _word(value: Any) -> str:
    text = str(value)
    if text and text.isprintable() and not any(c in text for c in ' "='):
        return text
    return json.dumps(text, ensure_ascii=False)
