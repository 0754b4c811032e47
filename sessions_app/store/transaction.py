"""One batch as one transaction: a COPY a table, changes by way of temporary tables.

A batch that the database refuses is written again row by row, each in its own savepoint, so that what is wrong with one
row costs that row only; it is logged with the database's own words.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

import psycopg
from psycopg import sql

from sessions_app.store import columns
from sessions_app.store.batch import Batch, Committed
from sessions_app.store.confirmations import confirm
from sessions_app.store.lane import Connection

logger = logging.getLogger(__name__)

SESSION_TABLE = "sessions_app_gatewaysession"
MESSAGE_TABLE = "sessions_app_messagerecord"
FAILURE_TABLE = "sessions_app_setupfailure"
EVENT_TABLE = "sessions_app_sessionevent"


def prepare(connection: Connection, *, bodies_kept: Iterable[str] = ()) -> None:
    """Make the temporary tables of this connection; tell it after which outcomes a message keeps its body."""
    connection.execute("SELECT set_config('parley.bodies_kept', %s, false)", [",".join(bodies_kept)])
    for name, forms, table in (
        ("message_outcome", columns.MESSAGE_OUTCOME, MESSAGE_TABLE),
        ("session_change", columns.SESSION_CHANGE, SESSION_TABLE),
    ):
        connection.execute(
            sql.SQL("CREATE TEMP TABLE {} ON COMMIT DELETE ROWS AS SELECT {} FROM {} LIMIT 0").format(
                sql.Identifier(name), _names(forms), sql.Identifier(table)
            )
        )


def keep(connection: Connection, lines: list[str]) -> None:
    """Commit messages that are owed: one COPY, which is its own transaction."""
    try:
        _copy_messages(connection, lines)
    except (psycopg.IntegrityError, psycopg.DataError) as error:
        # Most likely they are there already: a connection that died took the answer to the commit along.
        logger.error("%d messages were refused, writing them one by one: %s", len(lines), error)
        _one_by_one(connection, [(_copy_messages, line) for line in lines])


def write(connection: Connection, batch: Batch) -> None:
    """Commit a batch. Raises psycopg.OperationalError where the database is away: nothing was written then."""
    try:
        with connection.transaction():
            calls = _write(connection, batch)
        batch.callbacks += calls
    except (psycopg.IntegrityError, psycopg.DataError) as error:
        logger.error("a batch of %d rows was refused, writing them one by one: %s", len(batch), error)
        _write_singly(connection, batch)


def _write(connection: Connection, batch: Batch) -> list[tuple[Committed, Any]]:
    # A session that ends frees its key for one that begins, so changes go before new sessions.
    _change_sessions(connection, _change_rows(batch))
    _free_keys(connection, batch)
    _copy_sessions(connection, [columns.row(columns.SESSION, each) for each in batch.sessions.values()])
    _copy_messages(connection, batch.messages)
    _outcomes(connection, batch.outcomes)
    _copy_failures(connection, [columns.row(columns.SETUP_FAILURE, each) for each in batch.failures])
    _copy_events(connection, batch.events)
    return confirm(connection, batch.confirmations)


def _free_keys(connection: Connection, batch: Batch) -> None:
    """A key has one session, and the newest takes it: what a dead process left under it, or another one holds, ends.

    Otherwise the constraint would refuse the new session's row, and with it what is owed to somebody in it.
    """
    keys = [each["key"] for each in batch.sessions.values() if each.get("ended_at") is None]
    if keys:
        connection.execute(
            f"UPDATE {SESSION_TABLE} SET state = CASE state WHEN 'live' THEN 'ended' ELSE 'failed' END,"  # noqa: S608
            " ended_at = now(), end_reason = 'its key has a newer session'"
            " WHERE ended_at IS NULL AND key = ANY(%s) AND id <> ALL(%s)",
            [[key[:512] for key in keys], list(batch.sessions)],
        )


def _copy_sessions(connection: Connection, lines: Iterable[str]) -> None:
    copy(connection, SESSION_TABLE, columns.SESSION, lines)


def _copy_messages(connection: Connection, lines: Iterable[str]) -> None:
    copy(connection, MESSAGE_TABLE, columns.MESSAGE, lines)


def _copy_failures(connection: Connection, lines: Iterable[str]) -> None:
    copy(connection, FAILURE_TABLE, columns.SETUP_FAILURE, lines)


def _copy_events(connection: Connection, lines: Iterable[str]) -> None:
    copy(connection, EVENT_TABLE, columns.SESSION_EVENT, lines)


def _names(forms: dict[str, columns.Form]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, forms))


def copy(connection: Connection, table: str, forms: dict[str, columns.Form], rows: Iterable[str]) -> None:
    """COPY lines into a table; nothing is said to the database where there are none."""
    data = "".join(rows)
    if not data:
        return
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), _names(forms))
    with connection.cursor() as cursor, cursor.copy(statement) as stream:
        stream.write(data)


def _change_rows(batch: Batch) -> list[str]:
    forms = columns.SESSION_CHANGE
    return [columns.row(forms, {"id": identity, **changes}) for identity, changes in batch.session_changes.items()]


_CHANGED = ", ".join(
    # An end is for good, also one that somebody else wrote.
    f"{name} = CASE WHEN session.ended_at IS NULL THEN coalesce(change.{name}, session.{name}) ELSE session.{name} END"
    if name in ("state", "ended_at", "end_reason")
    else f"{name} = coalesce(change.{name}, session.{name})"
    for name in columns.SESSION_CHANGE
    if name != "id"
)


def _change_sessions(connection: Connection, lines: list[str]) -> None:
    if not lines:
        return
    copy(connection, "session_change", columns.SESSION_CHANGE, lines)
    connection.execute(
        f"UPDATE {SESSION_TABLE} AS session SET {_CHANGED}"  # noqa: S608 - names from the table above
        " FROM session_change AS change WHERE session.id = change.id"
    )
    connection.execute("DELETE FROM session_change")  # a second call in this transaction starts afresh


def _outcomes(connection: Connection, lines: list[str]) -> None:
    if not lines:
        return
    copy(connection, "message_outcome", columns.MESSAGE_OUTCOME, lines)
    # A body was kept because somebody was owed the message, and goes with that unless the setting keeps it.
    connection.execute(
        f"UPDATE {MESSAGE_TABLE} AS message SET state = outcome.state, finished_at = outcome.finished_at,"  # noqa: S608
        " sip_code = outcome.sip_code, msrp_code = outcome.msrp_code, side = outcome.side,"
        " layer = outcome.layer, code = outcome.code, lost_with = outcome.lost_with, detail = outcome.detail,"
        " confirmation = outcome.confirmation,"
        " body = CASE WHEN outcome.state = ANY(string_to_array(current_setting('parley.bodies_kept'), ','))"
        " THEN message.body END"
        " FROM message_outcome AS outcome WHERE message.id = outcome.id"
    )
    connection.execute("DELETE FROM message_outcome")


def _write_singly(connection: Connection, batch: Batch) -> None:
    _one_by_one(connection, [(_change_sessions, line) for line in _change_rows(batch)])
    _free_keys(connection, batch)
    steps: list[tuple[Callable[[Connection, list[str]], None], str]] = [
        *((_copy_sessions, columns.row(columns.SESSION, each)) for each in batch.sessions.values()),
        *((_copy_messages, line) for line in batch.messages),
        *((_outcomes, line) for line in batch.outcomes),
        *((_copy_failures, columns.row(columns.SETUP_FAILURE, each)) for each in batch.failures),
        *((_copy_events, line) for line in batch.events),
    ]
    _one_by_one(connection, steps)
    with connection.transaction():
        calls = confirm(connection, batch.confirmations)
    batch.callbacks += calls


def _one_by_one(connection: Connection, steps: list[tuple[Callable[[Connection, list[str]], None], str]]) -> None:
    with connection.transaction():
        for step, line in steps:
            try:
                with connection.transaction():
                    step(connection, [line])
            except (psycopg.IntegrityError, psycopg.DataError) as error:
                logger.error("not kept, by %s: row %s: %s", step.__name__, line[:36], str(error).strip())
