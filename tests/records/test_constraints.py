"""What the database itself refuses, whoever writes."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from sessions_app import commands
from sessions_app.models import NodeCommand, Peer, Route
from tests.rows import make_ended, make_failure, make_message, make_session

pytestmark = pytest.mark.django_db


def refused(constraint, work):
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        work()


def test_a_key_has_one_live_session():
    make_session(key="a-b")
    refused("one_live_session_a_key", lambda: make_session(key="a-b", state="setting_up"))


def test_a_key_is_free_again_when_its_session_has_ended():
    make_ended(key="a-b")
    make_ended(key="a-b")
    make_session(key="a-b")


@pytest.mark.parametrize(
    "values",
    [{"state": "ended"}, {"state": "live", "ended_at": timezone.now()}, {"state": "unheard-of"}],
)
def test_a_session_has_an_end_exactly_when_it_ended(values):
    refused("session_ended_exactly", lambda: make_session(**values))


@pytest.mark.parametrize("values", [{"state": "pending"}, {"finished_at": None}])
def test_a_message_is_finished_exactly_when_it_has_an_outcome(values):
    session = make_session()
    refused("message_finished_exactly", lambda: make_message(session, **values))


def test_a_message_goes_one_of_two_ways():
    session = make_session()
    refused("message_direction_known", lambda: make_message(session, direction="up"))


@pytest.mark.parametrize("values", [{"code": None}, {"reason": None}])
def test_code_and_reason_of_a_failure_are_there_together(values):
    refused("failure_code_and_reason_together", lambda: make_failure(**values))


@pytest.mark.parametrize("code", [200, 408, 700])
def test_a_route_rejects_with_a_final_code_and_never_408(code):
    refused("route_reject_code", lambda: Route.objects.create(name="r", action="reject", reject_code=code))


def test_a_route_has_a_known_action():
    refused("route_action_known", lambda: Route.objects.create(name="r", action="drop"))


def test_routes_and_peers_have_names_of_their_own():
    Route.objects.create(name="r", action="reject")
    refused("name", lambda: Route.objects.create(name="r", action="reject"))
    Peer.objects.create(name="p", network="192.0.2.0/24")
    refused("name", lambda: Peer.objects.create(name="p", network="192.0.2.0/24"))


def test_a_wish_to_end_a_session_is_one_command_until_it_is_done():
    session = make_session()
    first = commands.end_session(session, by="a")
    assert commands.end_session(session, by="b") == first
    NodeCommand.objects.update(done_at=timezone.now())
    assert commands.end_session(session, by="b") != first


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM sessions_app_gatewaysession ORDER BY created_at DESC, id DESC LIMIT 50",
        "SELECT * FROM sessions_app_gatewaysession WHERE bucket BETWEEN 0 AND 63 AND ended_at IS NULL",
        "SELECT * FROM sessions_app_messagerecord ORDER BY received_at DESC, id DESC LIMIT 50",
        "SELECT * FROM sessions_app_setupfailure ORDER BY created_at DESC, id DESC LIMIT 50",
    ],
)
def test_lists_and_sweeps_have_their_index(sql):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
        cursor.execute(f"EXPLAIN {sql}")
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "Index Scan" in plan or "Bitmap Index Scan" in plan, plan
    assert "Sort" not in plan, plan
