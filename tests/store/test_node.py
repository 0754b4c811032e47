"""Commands to a process: a row that survives and a NOTIFY that wakes, over a real PostgreSQL."""

from __future__ import annotations

import errno
import queue
import threading
from collections.abc import Iterator

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from sessions_app import commands
from sessions_app.models import GatewaySession, Node, NodeCommand, Peer, Route
from sessions_app.store.database import conninfo
from sessions_app.store.node import COMMANDS, ROUTES, NodeLink

pytestmark = pytest.mark.django_db(transaction=True)

DEADLINE = 5


class Told:
    """What a node link brings, and what it is answered."""

    def __init__(self) -> None:
        self.commands: queue.Queue[tuple[str, str, str]] = queue.Queue()
        self.routes: queue.Queue[bool] = queue.Queue()

    def command(self, verb: str, session: str | None, by: str, argument: dict[str, str]) -> str:
        self.commands.put((verb, session, by))
        if by == "trouble":
            raise RuntimeError("no such thing")
        return "ended"


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def link(told: Told) -> Iterator[NodeLink]:
    made = NodeLink(
        conninfo(), "here", ["udp:127.0.0.1:5060"], on_command=told.command, on_routes=lambda: told.routes.put(True)
    )
    made.start()
    wait_until(lambda: listeners() == {COMMANDS, ROUTES})
    yield made
    made.stop()


def listeners() -> set[str]:
    """Channels that a backend of the node link has asked for, by its last statement: it listens to ROUTES last."""
    with psycopg.connect(conninfo(), autocommit=True) as other:
        rows = other.execute(
            "SELECT query FROM pg_stat_activity WHERE application_name = 'parley-gateway' AND pid <> pg_backend_pid()"
        ).fetchall()
    text = " ".join(row[0] for row in rows)
    return {COMMANDS, ROUTES} if ROUTES in text or "nodecommand" in text else set()


def wait_until(condition, deadline: float = DEADLINE) -> None:
    import time

    end = time.monotonic() + deadline
    while not condition():
        assert time.monotonic() < end, "did not come true in time"
        time.sleep(0.02)


def live_session(node: str = "here", key: str = "a b", state: str = "live") -> GatewaySession:
    now = timezone.now()
    return GatewaySession.objects.create(
        key=key,
        bucket=1,
        node=node,
        state=state,
        initiator="message",
        from_uri="sip:a@x",
        to_uri="sip:b@x",
        ruri="sip:b@x",
        last_message_at=now,
        last_send_at=now,
    )


def test_a_command_reaches_its_node_and_its_result_the_row(link, told):
    session = live_session()
    command = commands.end_session(session, "admin")
    assert told.commands.get(timeout=DEADLINE) == ("end_session", str(session.pk), "admin")
    wait_until(lambda: NodeCommand.objects.get(pk=command.pk).done_at is not None)
    assert NodeCommand.objects.get(pk=command.pk).result == "ended"


def test_one_command_after_the_other_is_carried_out(link, told):
    """The link listens and writes on one connection: neither may keep it from the other."""
    for number in range(3):
        commands.end_session(live_session(key=f"key {number}"), "admin")
        told.commands.get(timeout=DEADLINE)
    wait_until(lambda: not NodeCommand.objects.filter(done_at=None).exists())


def test_a_command_for_another_node_is_left_to_it(link, told):
    commands.end_session(live_session(node="there"), "admin")
    commands.end_session(live_session(key="c d"), "me")
    assert told.commands.get(timeout=DEADLINE)[2] == "me"
    assert told.commands.empty()


def test_a_command_given_while_the_node_was_away_is_found_when_it_is_back(told):
    command = commands.end_session(live_session(), "admin")
    link = NodeLink(conninfo(), "here", [], on_command=told.command, on_routes=lambda: None)
    link.start()
    told.commands.get(timeout=DEADLINE)
    link.stop()
    assert NodeCommand.objects.get(pk=command.pk).result == "ended"


def test_a_command_that_fails_says_so_and_the_next_is_carried_out(link, told, caplog):
    first = commands.end_session(live_session(key="one"), "trouble")
    second = commands.end_session(live_session(key="two"), "admin")
    wait_until(lambda: not NodeCommand.objects.filter(done_at=None).exists())
    assert NodeCommand.objects.get(pk=first.pk).result == "failed: no such thing"
    assert NodeCommand.objects.get(pk=second.pk).result == "ended"


def test_the_same_wish_twice_is_one_command():
    session = live_session()
    assert commands.end_session(session, "admin").pk == commands.end_session(session, "mi").pk


@pytest.mark.parametrize(
    "change",
    [
        lambda: Route.objects.create(name="new", method="MESSAGE", action="msg_to_msrp"),
        lambda: Peer.objects.create(name="new", network="192.0.2.0/24"),
        lambda: connection.cursor().execute("UPDATE sessions_app_route SET enabled = false"),  # not by Django at all
    ],
)
def test_every_change_of_routes_or_peers_is_told_however_it_was_made(link, told, change):
    while not told.routes.empty():
        told.routes.get()
    change()
    assert told.routes.get(timeout=DEADLINE)


def test_a_node_is_there_while_it_runs_and_says_when_it_stops(told):
    link = NodeLink(conninfo(), "here", ["udp:127.0.0.1:5060"], on_command=told.command, on_routes=lambda: None)
    link.start()
    wait_until(lambda: Node.objects.filter(name="here", stopped_at=None).exists())
    link.stop()
    node = Node.objects.get(name="here")
    assert node.stopped_at is not None
    assert node.listeners == ["udp:127.0.0.1:5060"]


def test_a_connection_that_is_cut_is_made_again(link, told):
    with psycopg.connect(conninfo(), autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'parley-gateway' AND pid <> pg_backend_pid()"
        )
    commands.end_session(live_session(), "admin")
    told.commands.get(timeout=2 * DEADLINE)


@pytest.mark.parametrize("trouble", [OSError(errno.EMFILE, "too many"), RuntimeError("a mistake of ours")])
def test_a_link_outlives_whatever_keeps_it_from_the_database(
    trouble: Exception, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = psycopg.connect
    refused: queue.Queue[bool] = queue.Queue()

    def without_descriptors(*arguments, **options):
        if threading.current_thread().name == "node-link" and refused.empty():
            refused.put(True)
            raise trouble
        return connect(*arguments, **options)

    monkeypatch.setattr(psycopg, "connect", without_descriptors)
    link = NodeLink(conninfo(), "here", [], on_command=told.command, on_routes=lambda: told.routes.put(True))
    link.start()
    wait_until(lambda: Node.objects.filter(name="here").exists())
    link.stop()
    assert refused.get(timeout=DEADLINE)
