"""Commands to the process that owns a session: the row is written here, the process does the rest."""

from __future__ import annotations

from django.db import connection, transaction

from sessions_app.models import GatewaySession, NodeCommand
from sessions_app.store.node import COMMANDS


def end_session(session: GatewaySession, by: str) -> NodeCommand:
    """Ask the session's process to end it; ``by`` says who wants it. The same wish twice is one command."""
    return _command(session, NodeCommand.Verb.END_SESSION, by)


def expire_session(session: GatewaySession) -> NodeCommand:
    """Ask the session's process to end it if it is silent by its own times."""
    return _command(session, NodeCommand.Verb.EXPIRE_SESSION, "cleanup")


def _command(session: GatewaySession, verb: str, by: str) -> NodeCommand:
    with transaction.atomic():
        command, _ = NodeCommand.objects.get_or_create(
            session=session, verb=verb, done_at=None, defaults={"node": session.node, "by": by}
        )
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, %s)", [COMMANDS, session.node])
    return command
