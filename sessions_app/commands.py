"""Commands to gateway processes: the row is written here, the process does the rest (sessions_app/orders.py)."""

from __future__ import annotations

import base64
import time
import uuid
from datetime import timedelta
from typing import Any, Final

from django.db import connection, transaction
from django.utils import timezone

from sessions_app.models import GatewaySession, MessageRecord, Node, NodeCommand
from sessions_app.store.node import COMMANDS

ALIVE: Final = timedelta(seconds=20)
"""Four heartbeats: a node that was heard of since then takes commands."""


class NoNode(Exception):
    """No gateway process runs that could carry the command out."""


def end_session(session: GatewaySession, by: str) -> NodeCommand:
    """Ask the session's process to end it; ``by`` says who wants it. The same wish twice is one command."""
    return _about(session, NodeCommand.Verb.END_SESSION, by)


def expire_session(session: GatewaySession) -> NodeCommand:
    """Ask the session's process to end it if it is silent by its own times."""
    return _about(session, NodeCommand.Verb.EXPIRE_SESSION, "cleanup")


def capture(session: GatewaySession, by: str, seconds: int = 60) -> NodeCommand:
    """Ask the session's process to store its frames for a time, whatever GATEWAY_TRACE says."""
    return _about(session, NodeCommand.Verb.CAPTURE, by, {"seconds": seconds})


def retry_message(
    message: MessageRecord, by: str, *, ruri: str = "", next_hop: str = "", batch: uuid.UUID | None = None
) -> NodeCommand:
    """Ask a process to deliver a failed message: its session's where that runs, else any. Raises NoNode."""
    argument = {"message": str(message.pk), "ruri": ruri, "next_hop": next_hop}
    return _tell(_runs(message.session.node), NodeCommand.Verb.RETRY_MESSAGE, by, argument, batch)


def send_by_route(by: str, from_uri: str, to_uri: str, source: str, content_type: str, body: bytes) -> NodeCommand:
    """Ask any process to send a message as if it had come as a MESSAGE from ``source``. Raises NoNode."""
    argument = {"from": from_uri, "to": to_uri, "source": source, **_content(content_type, body)}
    return _tell(_runs(""), NodeCommand.Verb.SEND_MESSAGE, by, argument)


def send_into(session: GatewaySession, by: str, direction: str, content_type: str, body: bytes) -> NodeCommand:
    """Ask the session's process to send a message to one side of it."""
    argument = {"session": str(session.pk), "direction": direction, **_content(content_type, body)}
    return _tell(session.node, NodeCommand.Verb.SEND_MESSAGE, by, argument)


def drain(node: Node, by: str) -> NodeCommand:
    """Ask a process to take no new sessions."""
    return _tell(node.name, NodeCommand.Verb.DRAIN, by, {})


def resume(node: Node, by: str) -> NodeCommand:
    """Ask a process to take new sessions again."""
    return _tell(node.name, NodeCommand.Verb.RESUME, by, {})


def wait(command: NodeCommand, seconds: float) -> bool:
    """Wait until it is carried out; False if that is not known in time."""
    deadline = time.monotonic() + seconds
    while command.done_at is None:
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.02)
        command.refresh_from_db(fields=["done_at", "result"])
    return True


def _content(content_type: str, body: bytes) -> dict[str, str]:
    return {"type": content_type, "body": base64.b64encode(body).decode()}


def _runs(wanted: str) -> str:
    """The node ``wanted`` if it runs, else another that does and takes new sessions."""
    running = list(
        Node.objects.filter(stopped_at=None, heartbeat_at__gte=timezone.now() - ALIVE)
        .order_by("draining_since", "name")
        .values_list("name", "draining_since")
    )
    names = [name for name, draining in running if draining is None] or [name for name, _ in running]
    if not names:
        raise NoNode("No gateway process runs; start one, then try again.")
    return wanted if wanted in names else names[0]


def _about(session: GatewaySession, verb: str, by: str, argument: dict[str, Any] | None = None) -> NodeCommand:
    with transaction.atomic():
        command, _ = NodeCommand.objects.get_or_create(
            session=session,
            verb=verb,
            done_at=None,
            defaults={"node": session.node, "by": by, "argument": argument or {}},
        )
        _wake(session.node)
    return command


def _tell(node: str, verb: str, by: str, argument: dict[str, Any], batch: uuid.UUID | None = None) -> NodeCommand:
    with transaction.atomic():
        command = NodeCommand.objects.create(node=node, verb=verb, by=by, argument=argument, batch=batch)
        _wake(node)
    return command


def _wake(node: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [COMMANDS, node])
