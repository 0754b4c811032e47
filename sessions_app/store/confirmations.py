"""News about a message after its outcome: an IMDN, a REPORT. It finds the row by what the news names.

Rare beside the messages themselves, so each is a statement of its own, in the transaction of its batch and after the
rows of that, which it may be about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sessions_app.cause import NO_CAUSE, Cause
from sessions_app.store.lane import Connection


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The row that news was about, as it is now."""

    id: str
    session: str
    state: str
    notify: str
    imdn_id: str
    subject: str
    changed: bool
    """Whether the news changed its state."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """``state`` becomes the row's where that is one of ``before``; ``text`` is kept in any case.

    ``cause`` becomes the row's with a state that is ``failed``.

    The row is named by ``id``, by ``imdn_id`` and ``direction``, or by ``session`` and ``message_id``.
    """

    direction: str
    state: str
    before: tuple[str, ...]
    text: str
    cause: Cause = NO_CAUSE
    id: str | None = None
    imdn_id: str | None = None
    session: str | None = None
    message_id: str | None = None
    senders: tuple[str, ...] | None = None
    """With ``imdn_id``: user and host that the news comes from; it is about nobody else's message."""
    disbelieved: Callable[[list[Confirmed]], object] | None = None
    """Called on the loop instead, where there is such a row and it went to somebody else."""
    then: Callable[[list[Confirmed]], object] | None = None
    """Called on the loop, once it is committed, with the rows that were found."""


_UPDATE = """
WITH found AS (
    SELECT id, state = ANY(%(before)s) AS changed, state = ANY(%(before)s) AND %(state)s = 'failed' AS fails
      FROM sessions_app_messagerecord
     WHERE direction = %(direction)s AND {which} FOR UPDATE
)
UPDATE sessions_app_messagerecord AS message
   SET confirmation = %(text)s,
       side = CASE WHEN found.fails THEN %(side)s ELSE side END,
       layer = CASE WHEN found.fails THEN %(layer)s ELSE layer END,
       code = CASE WHEN found.fails THEN %(code)s ELSE code END,
       detail = CASE WHEN found.fails THEN %(detail)s ELSE detail END,
       state = CASE WHEN found.changed THEN %(state)s ELSE message.state END
  FROM found WHERE message.id = found.id
RETURNING message.id::text, session_id::text, message.state, notify, imdn_id, subject, found.changed
"""
_BY_ID = _UPDATE.format(which="id = %(id)s")
_BARE = "lower(regexp_replace(regexp_replace({uri}, '^[A-Za-z]+:|[;?].*$', '', 'g'), ':[0-9]+$', ''))"
"""What ``gateway.notifications.bare`` makes of a URI."""
_IMDN = "imdn_id = %(imdn_id)s AND imdn_id <> ''"
_BY_IMDN = _UPDATE.format(
    which=f"{_IMDN} AND (%(senders)s::text[] IS NULL OR {_BARE.format(uri='to_uri')} = ANY(%(senders)s))"
)
_OF_SOMEBODY_ELSE = f"SELECT 1 FROM sessions_app_messagerecord WHERE direction = %(direction)s AND {_IMDN}"  # noqa: S608
_BY_MESSAGE = _UPDATE.format(which="session_id = %(session)s AND message_id = %(message_id)s")


def confirm(
    connection: Connection, news: Iterable[Confirmation]
) -> list[tuple[Callable[[list[Confirmed]], object], Any]]:
    """Write them; the calls that are to be made once that is committed."""
    calls: list[tuple[Callable[[list[Confirmed]], object], Any]] = []
    for each in news:
        statement = _BY_ID if each.id is not None else _BY_IMDN if each.imdn_id is not None else _BY_MESSAGE
        values = {
            "before": list(each.before),
            "direction": each.direction,
            "text": each.text[:64],
            "side": each.cause.side.value,
            "layer": each.cause.layer,
            "code": each.cause.code,
            "detail": each.cause.text[:255],
            "state": each.state,
            "id": each.id,
            "imdn_id": each.imdn_id,
            "session": each.session,
            "message_id": each.message_id,
            "senders": None if each.senders is None else list(each.senders),
        }
        rows = connection.execute(statement, values).fetchall()
        if not rows and each.disbelieved is not None and connection.execute(_OF_SOMEBODY_ELSE, values).fetchone():
            calls.append((each.disbelieved, []))
        elif each.then is not None:
            calls.append((each.then, [Confirmed(*row) for row in rows]))
    return calls
