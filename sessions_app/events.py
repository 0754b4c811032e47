"""The gateway's events: what a committed batch of the audit says has happened, as plain dictionaries.

==================  ============================================================================================
session_started     a session became live: ``session``, and what is known of it
session_ended       it ended: ``session``, ``reason``
setup_failed        E_MSRP_GW_SETUP_FAILED: ``key``, ``from_uri``, ``to_uri``, ``ruri``, ``code``, ``reason`` ...
message_delivered   a message was delivered or accepted: ``message``, ``session``, ``direction``, codes
message_failed      a message failed or expired: the same, and ``side``, ``layer``, ``code``, ``lost_with``, ``detail``
==================  ============================================================================================

Each has ``event``, ``id`` (the same when it is told again), ``at`` (ISO 8601) and ``node``. No event has a body.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from sessions_app.store import columns
from sessions_app.store.batch import Batch

NAMES: Final = ("setup_failed", "session_started", "session_ended", "message_delivered", "message_failed")

_MESSAGE: Final = tuple(columns.MESSAGE)
_STATE_OF_MESSAGE: Final = _MESSAGE.index("state")
_OUTCOME: Final = tuple(columns.MESSAGE_OUTCOME)
_DELIVERED: Final = frozenset({"delivered", "accepted"})
_SESSION: Final = ("key", "from_uri", "to_uri", "initiator", "route", "source", "call_id")
_FAILURE: Final = (
    "key",
    "from_uri",
    "to_uri",
    "ruri",
    "code",
    "reason",
    "leg",
    "layer",
    "detail",
    "answered",
    "waiting",
)
_UNESCAPED: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}


def of_batch(batch: Batch, node: str, most: int | None = None) -> Iterator[dict[str, Any]]:
    """What happened, in the order of the tables. Events of outcomes are ``incomplete``: see :func:`complete`.

    ``most``: of so many delivered messages at the most, for which nobody asked; the rest is an event ``skipped`` with
    their ``number``. A thousand messages a second are not worth a thousand dictionaries that nobody reads.
    """
    for identity, values in batch.sessions.items():
        yield from _session(identity, values, node)
    for identity, changes in batch.session_changes.items():
        yield from _session(identity, changes, node)
    for failure in batch.failures:
        known = {name: failure.get(name) for name in _FAILURE}
        yield _event("setup_failed", failure["id"], failure["created_at"], node, session=failure["session_id"], **known)
    delivered = 0
    for lines, names, place in ((batch.messages, _MESSAGE, _STATE_OF_MESSAGE), (batch.outcomes, _OUTCOME, 1)):
        for line in lines:
            state = line.split("\t", place + 1)[place]
            if state == "pending":
                continue
            if state in _DELIVERED:
                delivered += 1
                if most is not None and delivered > most:
                    continue
            event = _message(dict(zip(names, line.rstrip("\n").split("\t"), strict=False)), node)
            if names is _OUTCOME:
                event["incomplete"] = True
            yield event
    if most is not None and delivered > most:
        yield {"event": "skipped", "number": delivered - most}


def _session(identity: str, values: dict[str, Any], node: str) -> Iterator[dict[str, Any]]:
    known = {name: values[name] for name in _SESSION if name in values}
    if values.get("established_at"):
        yield _event("session_started", identity, values["established_at"], node, session=identity, **known)
    if values.get("state") in ("ended", "failed") and values.get("ended_at"):
        known["reason"] = values.get("end_reason", "")
        yield _event(
            "session_ended", identity, values["ended_at"], node, session=identity, state=values["state"], **known
        )


def _message(row: dict[str, str], node: str) -> dict[str, Any]:
    name = "message_delivered" if row["state"] in _DELIVERED else "message_failed"
    known: dict[str, Any] = {
        "message": row["id"],
        "state": row["state"],
        "sip_code": _number(row.get("sip_code")),
        "msrp_code": _number(row.get("msrp_code")),
        "detail": _text(row.get("detail", "")),
    }
    if name == "message_failed":
        known["code"] = _number(row.get("code"))
        for field in ("side", "layer", "lost_with"):
            known[field] = _text(row.get(field, ""))
    for field in ("direction", "from_uri", "to_uri", "call_id", "message_id", "content_type"):
        if field in row:
            known[field] = _text(row[field])
    if "session_id" in row:
        known["session"] = row["session_id"]
    if row.get("size"):
        known["size"] = _number(row["size"])
    event = _event(name, row["id"], None, node, **known)
    event["at"] = row.get("finished_at", "").replace(" ", "T")
    return event


def _event(name: str, about: str, at: float | None, node: str, **known: Any) -> dict[str, Any]:
    stamp = "" if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    return {
        "event": name,
        "id": str(uuid5(NAMESPACE_URL, f"parley:{name}:{about}")),
        "at": stamp,
        "node": node,
        **known,
    }


def _number(text: str | None) -> int | None:
    return int(text) if text and text != "\\N" else None


def _text(text: str) -> str | None:
    """A value of a COPY line."""
    if text == "\\N":
        return None
    if "\\" not in text:
        return text
    pieces = text.split("\\")
    out = [pieces[0]]
    rest = iter(pieces[1:])
    for piece in rest:
        if piece:
            out.append(_UNESCAPED.get(piece[0], piece[0]) + piece[1:])
        else:  # an escaped backslash, whose second half begins the next piece
            out.append("\\" + next(rest, ""))
    return "".join(out)


_ROWS: Final = """
SELECT message.id::text, session_id::text AS session, direction, message.from_uri, message.to_uri, message.call_id,
       message_id, content_type, size
  FROM sessions_app_messagerecord AS message WHERE message.id = ANY(%s::uuid[])
"""


def complete(connection: Any, events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Fill in what only the rows know, by one query; ``connection`` is psycopg's."""
    events = list(events)
    wanted = [event["message"] for event in events if event.get("incomplete")]
    found: dict[str, Any] = {}
    if wanted:
        for identity, session, direction, from_uri, to_uri, call_id, message_id, kind, size in connection.execute(
            _ROWS, [wanted]
        ):
            found[identity] = {
                "session": session,
                "direction": direction,
                "from_uri": from_uri,
                "to_uri": to_uri,
                "call_id": call_id,
                "message_id": message_id,
                "content_type": kind,
                "size": size,
            }
    for event in events:
        if event.pop("incomplete", False):
            event.update(found.get(event["message"], {}))
    return events


_NAMES_OF: Final = """
SELECT id::text, key, from_uri, to_uri, initiator, route, source, call_id
  FROM sessions_app_gatewaysession WHERE id = ANY(%s::uuid[])
"""


def name_sessions(connection: Any, found: list[dict[str, Any]]) -> None:
    """Fill in the key and addresses of sessions of which only a change is known, and the key of those in which a
    message failed, by one query.
    """
    changed = [event for event in found if event["event"].startswith("session") and "key" not in event]
    failed = [event for event in found if event["event"] == "message_failed" and event.get("session")]
    if not changed and not failed:
        return
    wanted = list({event["session"] for event in (*changed, *failed)})
    rows = connection.execute(_NAMES_OF, [wanted]).fetchall()
    known = {identity: dict(zip(_SESSION, names, strict=True)) for identity, *names in rows}
    for event in changed:
        event.update(known.get(event["session"], {}))
    for event in failed:
        if event["session"] in known:
            event["key"] = known[event["session"]]["key"]
