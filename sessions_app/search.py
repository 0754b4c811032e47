"""Finding sessions by any part of what names them, however many there are.

* Part of a session's key, URIs, Call-ID or MSRP paths: the trigram index ``session_text``.
* Part of a failed set-up's key, URIs, reason or detail: the trigram index ``failure_text``.
* The whole Call-ID or Message-ID of a message: the Bloom index ``message_ids``.
* Part of one, among the latest LATEST messages only: a trigram index on messages would cost the message path five times
  what the row does (measured: 13 us a row without, 65 us with).
"""

from __future__ import annotations

from typing import Any, Final

from django.db import connection, transaction
from django.db.models import CharField, F, Func, Lookup, Q, QuerySet, TextField

from sessions_app.models import GatewaySession, MessageRecord

SHORTEST: Final = 3
"""Characters that a trigram index needs."""
LATEST: Final = 20_000
"""Messages that are looked through for part of an id."""
SUMMARIZE: Final = "SELECT brin_summarize_new_values('message_ids')"
"""Takes new messages into the Bloom index; what it has not taken in is read row by row. Repeated by the cleanup."""
MOST: Final = 200
"""Sessions that are found by way of their messages."""
MOST_SOURCES: Final = 5000
"""Different source addresses that are held against a peer's network."""

_TEXT: Final = ("key", "from_uri", "to_uri", "ruri", "call_id", "local_path", "peer_path")


class SessionText(Func):
    """All that names a session, as one text: the expression of the index, to the letter."""

    template = "(%(expressions)s)"
    arg_joiner = " || ' ' || "
    output_field = TextField()

    def __init__(self, *fields: Any, **extra: Any) -> None:
        super().__init__(*(fields or (F(name) for name in _TEXT)), **extra)


class FailureText(SessionText):
    """All that a failed set-up says, as one text: the expression of the index ``failure_text``."""

    def __init__(self, *fields: Any, **extra: Any) -> None:
        reason = Func(F("reason"), template="COALESCE(%(expressions)s, '')", output_field=TextField())
        known = (F("key"), F("from_uri"), F("to_uri"), F("ruri"), reason, F("detail"))
        super().__init__(*(fields or known), **extra)


@TextField.register_lookup
class ILike(Lookup):
    """ILIKE with the text anywhere. Django's icontains says UPPER() LIKE UPPER(), which this index does not serve."""

    lookup_name = "ilike"

    def get_prep_lookup(self) -> Any:
        """The pattern."""
        return pattern(self.rhs)

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        """See the class."""
        left, left_params = self.process_lhs(compiler, connection)
        right, right_params = self.process_rhs(compiler, connection)
        return f"{left} ILIKE {right}", [*left_params, *right_params]


CharField.register_lookup(ILike)


def sessions_with(
    sessions: QuerySet[GatewaySession], text: str, named: list[tuple[Any, Any]] | None = None
) -> QuerySet[GatewaySession]:
    """Sessions that ``text`` names in any of these ways; an empty text names all.

    ``named``: what :func:`messages_named` said of it, where that is known.
    """
    text = text.strip()
    if not text:
        return sessions
    found = Q(text__ilike=text)
    by_message = _sessions_of_messages(text, named)
    if by_message:
        found |= Q(pk__in=by_message)
    return sessions.alias(text=SessionText()).filter(found)


def messages_with(messages: QuerySet[MessageRecord], text: str) -> QuerySet[MessageRecord]:
    """Messages with this Call-ID or Message-ID; where there are none, those of sessions that ``text`` names."""
    text = text.strip()
    named = messages_named(text) if text and " " not in text else []
    if named:
        return messages.filter(pk__in=[message for message, _ in named])
    return messages.filter(session__in=sessions_with(GatewaySession.objects.order_by(), text, named).values("pk"))


def with_part(rows: QuerySet[Any], whole: Func, part: str) -> QuerySet[Any]:
    """Rows with ``part`` somewhere in the ``whole`` text of the model: for a filter that has no index of its own."""
    return rows.alias(text=whole).filter(text__ilike=part)


def with_sip_code(code: int) -> Q:
    """Messages with this final answer; said so that each part of a rare 202 has an index (message_outcome has one)."""
    found = Q(sip_code=code)
    accepted = Q(state=MessageRecord.State.ACCEPTED)
    return (found & accepted) | (found & ~accepted) if 200 < code < 300 else found


def messages_named(text: str) -> list[tuple[Any, Any]]:
    """Id and session of messages with this whole Call-ID or Message-ID, MOST at the most.

    By the Bloom index: the planner thinks that a column without any order makes it useless, and would read the table.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(
            "SELECT id, session_id FROM sessions_app_messagerecord WHERE call_id = %s OR message_id = %s LIMIT %s",
            [text, text, MOST],
        )
        found = cursor.fetchall()
        cursor.execute("SET LOCAL enable_seqscan = on")
    return found


def _sessions_of_messages(text: str, named: list[tuple[Any, Any]] | None) -> list[Any]:
    if " " in text or len(text) > 255:
        return []
    found = [session for _, session in (messages_named(text) if named is None else named)]
    if not found:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT DISTINCT session_id FROM (SELECT session_id, call_id, message_id"
                " FROM sessions_app_messagerecord ORDER BY received_at DESC, id DESC LIMIT %s) AS latest"
                " WHERE call_id ILIKE %s OR message_id ILIKE %s LIMIT %s",
                [LATEST, pattern(text), pattern(text), MOST],
            )
            found = [row[0] for row in cursor.fetchall()]
    return list(set(found))


def pattern(text: str) -> str:
    """An ILIKE pattern for any text with this in it."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def sources_in(network: str) -> list[str]:
    """Addresses in ``network`` that sessions came from. Finds each by one step in the index of sources."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH RECURSIVE step AS (
                (SELECT source FROM sessions_app_gatewaysession ORDER BY source LIMIT 1)
                UNION ALL
                SELECT (SELECT source FROM sessions_app_gatewaysession WHERE source > step.source
                         ORDER BY source LIMIT 1)
                  FROM step WHERE step.source IS NOT NULL
            )
            SELECT source FROM (SELECT source FROM step WHERE source ~ '^[0-9a-fA-F:.]+$' LIMIT %s) AS known
             WHERE CASE WHEN source ~ '^[0-9a-fA-F:.]+$' THEN source::inet <<= %s::inet END
            """,
            [MOST_SOURCES, network],
        )
        return [row[0] for row in cursor.fetchall()]


class HostOf(Func):
    """The host of a SIP URI, without its port."""

    function = "parley_host"
    output_field = TextField()
