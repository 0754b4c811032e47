"""How the store is spoken to: the real writer, with lanes and transactions of :mod:`database`, and what it left behind.

With :mod:`gateway_port` the only place here that knows the gateway's interfaces.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import fields
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from sessions_app.gateway import notifications
from sessions_app.store import columns
from sessions_app.store import writer as writer_module
from sessions_app.store.batch import Batch
from sessions_app.store.confirmations import Confirmation, Confirmed
from sessions_app.store.estate import Estate, Ghost, Owed, Past
from sessions_app.store.writer import Writer
from tests.simulation.database import Database, Lane, Row
from tests.simulation.ledger import Ledger
from tests.simulation.world import World


def instead(world: World, database: Database, ledger: Ledger) -> list[tuple[Any, str, Any]]:
    """What stands in for the writer's event loop, threads and SQL: module, name, replacement."""
    loop = SimpleNamespace(
        call_soon=lambda call, *arguments: world.at(0.0, call, *arguments),
        call_later=lambda delay, call, *arguments: world.at(delay, call, *arguments),
    )
    return [
        (writer_module, "asyncio", SimpleNamespace(get_running_loop=lambda: loop, Event=asyncio.Event)),
        (writer_module, "Lane", lambda *_: Lane(database)),
        (writer_module, "transaction", SimpleNamespace(prepare=lambda *_, **__: None, keep=_keep, write=_write)),
        # A callback that fails is logged there and costs nothing else.
        (writer_module, "logger", SimpleNamespace(exception=lambda _: ledger.exception(sys.exception()))),
    ]


def die(store: Writer) -> None:
    """Its process is killed."""
    for lane in (store._owed_lane, store._audit_lane):
        lane.die()  # type: ignore[attr-defined]  # it is one of :mod:`database`


def unwritten(store: Writer) -> int:
    """Rows that are not committed."""
    return store.waiting + bool(store._audit_busy)


def _keep(database: Database, lines: list[str]) -> None:
    for line in lines:
        database.insert_message(_row(columns.MESSAGE, line))


def _write(database: Database, batch: Batch) -> None:
    for identity, changes in batch.session_changes.items():
        database.change_session(identity, changes)
    for session in batch.sessions.values():
        database.insert_session(session)
    for line in batch.messages:
        database.insert_message(_row(columns.MESSAGE, line))
    for line in batch.outcomes:
        database.outcome(_row(columns.MESSAGE_OUTCOME, line))
    database.failures += batch.failures
    for news in batch.confirmations:
        _confirm(database, batch, news)


def _confirm(database: Database, batch: Batch, news: Confirmation) -> None:
    if news.id is not None:
        found = database.confirm(lambda row: row["id"] == news.id, news.before, news.state, news.text)
    elif news.imdn_id is not None:
        senders = news.senders

        def named(row: Row) -> bool:
            return bool(row["imdn_id"] == news.imdn_id != "" and row["direction"] == news.direction)

        def believed(row: Row) -> bool:
            return named(row) and (senders is None or notifications.bare(row["to_uri"]) in senders)

        found = database.confirm(believed, news.before, news.state, news.text)
        if not found and news.disbelieved is not None and any(map(named, database.messages.values())):
            batch.callbacks.append((news.disbelieved, []))
            return
    else:
        found = database.confirm(
            lambda row: (row["session_id"], row["message_id"]) == (news.session, news.message_id),
            news.before,
            news.state,
            news.text,
        )
    if news.then is not None:
        names = ("id", "session_id", "state", "notify", "imdn_id", "subject")
        rows = [Confirmed(*(row[name] for name in names), changed) for row, changed in found]
        batch.callbacks.append((news.then, rows))


_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "\\": "\\"}
_NUMBERS = frozenset({"size", "sip_code", "msrp_code", "code"})
_MOMENTS = frozenset({"received_at", "finished_at", "expires_at"})
_OCTETS = frozenset({"body", "sha256"})


def _row(forms: dict[str, Any], line: str) -> Row:
    """What PostgreSQL makes of a COPY line."""
    values = line.removesuffix("\n").split("\t")
    return {name: _value(name, value) for name, value in zip(forms, values, strict=True)}


def _value(name: str, written: str) -> Any:
    if written == r"\N":
        return None
    if "\\" in written:
        pieces = iter(written)
        written = "".join(_ESCAPES[next(pieces)] if piece == "\\" else piece for piece in pieces)
    if name in _NUMBERS:
        return int(written)
    if name in _MOMENTS:
        return datetime.fromisoformat(written).timestamp()
    if name in _OCTETS:
        return bytes.fromhex(written[2:])
    return written


# --------------------------------------------------------------------------------------- past


def estate(database: Database) -> Estate:
    """What ``store.estate.take_over`` reads."""
    ghosts = [
        Ghost(**_past(row), dialog=row["dialog"], state=row["state"], created_at=row["created_at"])
        for row in database.ghosts()
    ]
    own = [each.name for each in fields(Owed) if each.name not in {inherited.name for inherited in fields(Past)}]
    owed = [Owed(**_past(row["session"]), **{name: row[name] for name in own}) for row in database.owed()]
    seen = [
        (row["direction"], row["key"], row["message_id"], row["state"], row["sip_code"] or 0) for row in database.seen()
    ]
    return Estate(ghosts=ghosts, owed=owed, seen=seen)


def _past(session: Row) -> dict[str, Any]:
    return {
        "session": session["id"],
        **{each.name: session[each.name] for each in fields(Past) if each.name != "session"},
    }
