"""The admin: what is shown to whom, what may be done, and at what cost."""

from __future__ import annotations

import csv
import io

import pytest
from django.test import AsyncClient
from django.urls import reverse

from sessions_app.csv_rows import cell
from sessions_app.models import NodeCommand, Peer, Route
from tests.rows import (
    ago,
    make_ended,
    make_event,
    make_failure,
    make_message,
    make_node,
    make_session,
    make_user,
    operator,
    viewer,
)

pytestmark = pytest.mark.django_db

LISTS = ["gatewaysession", "messagerecord", "setupfailure", "node", "nodecommand", "route", "peer"]
RECORDS = ["gatewaysession", "messagerecord", "setupfailure", "node", "nodecommand"]


def changelist(model: str) -> str:
    return reverse(f"admin:sessions_app_{model}_changelist")


def change(row) -> str:
    return reverse(f"admin:sessions_app_{row._meta.model_name}_change", args=[row.pk])


@pytest.fixture
def everything():
    session = make_session()
    make_message(session)
    make_failure(session)
    make_event(session)
    make_node()
    NodeCommand.objects.create(node="gateway-1", verb="end_session", session=session)
    Route.objects.create(name="r", method="MESSAGE", action="msg_to_msrp")
    Peer.objects.create(name="p", network="192.0.2.0/24")
    return session


@pytest.mark.parametrize("model", LISTS)
def test_every_list_is_shown(admin_client, everything, model):
    answer = admin_client.get(changelist(model))
    assert answer.status_code == 200
    assert answer.context["cl"].result_count == 1


@pytest.mark.parametrize("model", LISTS)
def test_every_list_can_be_searched(admin_client, everything, model):
    assert admin_client.get(changelist(model), {"q": "no such thing"}).context["cl"].result_count in (0, 1)


def test_every_record_has_its_page(admin_client, everything):
    session = everything
    rows = [session, session.messages.get(), session.setup_failures.get(), session.commands.get()]
    for row in [*rows, Route.objects.get(), Peer.objects.get()]:
        assert admin_client.get(change(row)).status_code == 200


@pytest.mark.parametrize("model", RECORDS)
def test_records_are_read_only_even_for_a_superuser(admin_client, everything, model):
    assert admin_client.get(reverse(f"admin:sessions_app_{model}_add")).status_code == 403
    row = {"gatewaysession": everything, "messagerecord": everything.messages.get()}.get(model)
    if row is not None:
        assert admin_client.post(change(row), {"key": "other"}).status_code == 403
        assert admin_client.post(f"{change(row).removesuffix('change/')}delete/", {"post": "yes"}).status_code == 403
    page = admin_client.get(changelist(model)).content.decode()
    assert "delete_selected" not in page


def test_somebody_without_permissions_sees_no_records(client, everything):
    client.force_login(make_user("staff", is_staff=True))
    for model in LISTS:
        assert client.get(changelist(model)).status_code == 403


def test_a_stranger_is_sent_to_the_login(client):
    assert client.get(changelist("gatewaysession")).status_code == 302


class TestSessionList:
    def test_costs_the_same_however_many_rows(self, admin_client, django_assert_max_num_queries):
        for number in range(120):
            make_session(created_at=ago(minutes=number))
        with django_assert_max_num_queries(9):
            assert admin_client.get(changelist("gatewaysession")).status_code == 200

    @pytest.mark.parametrize(
        ("query", "number"),
        [
            ({"state__exact": "live"}, 1),
            ({"initiator__exact": "msrp"}, 1),
            ({"node": "gateway-2"}, 1),
            ({"route": "in"}, 1),
            ({"q": "carol"}, 1),
            ({"q": "the-call-id"}, 1),
            ({"q": "msrp://192.0.2.9"}, 1),
            ({}, 2),
        ],
    )
    def test_is_narrowed_by_filters_and_search(self, admin_client, query, number):
        make_node("gateway-2")
        Route.objects.create(name="in", method="INVITE", action="msrp_gw_answer")
        make_session(from_uri="sip:carol@example.org", call_id="the-call-id@192.0.2.1")
        make_ended(
            initiator="msrp",
            node="gateway-2",
            route="in",
            peer_path="msrp://192.0.2.9:2855/x;tcp",
            created_at=ago(days=3),
        )
        assert admin_client.get(changelist("gatewaysession"), query).context["cl"].result_count == number

    def test_a_sessions_page_does_not_cost_more_with_more_messages(self, admin_client, django_assert_max_num_queries):
        session = make_session()
        for _ in range(80):
            make_message(session)
            make_event(session)
        with django_assert_max_num_queries(9):
            page = admin_client.get(change(session)).content.decode()
        assert page.count("text/plain") == 50


class TestEndAction:
    def act(self, client, *sessions, **data):
        return client.post(
            changelist("gatewaysession"),
            {"action": "end_sessions", "_selected_action": [session.pk for session in sessions], **data},
            follow=True,
        )

    def test_asks_first(self, admin_client):
        answer = self.act(admin_client, make_session())
        assert "Yes, end it" in answer.content.decode()
        assert not NodeCommand.objects.exists()

    def test_tells_the_owners_of_the_live_ones_and_says_how_many(self, admin_client):
        sessions = [make_session(), make_session(state="setting_up"), make_ended()]
        answer = self.act(admin_client, *sessions, confirmed="yes")
        assert "Asked for the end of 2 sessions" in answer.content.decode()
        assert {(command.session_id, command.by) for command in NodeCommand.objects.all()} == {
            (session.pk, "admin") for session in sessions[:2]
        }

    def test_says_so_when_none_is_live(self, admin_client):
        assert (
            "None of these sessions is live" in self.act(admin_client, make_ended(), confirmed="yes").content.decode()
        )

    def test_is_not_there_for_a_viewer(self, client):
        client.force_login(viewer(is_staff=True))
        session = make_session()
        assert "end_sessions" not in client.get(changelist("gatewaysession")).content.decode()
        self.act(client, session, confirmed="yes")
        assert not NodeCommand.objects.exists()

    def test_is_there_for_an_operator(self, client):
        client.force_login(operator(is_staff=True))
        session = make_session()
        self.act(client, session, confirmed="yes")
        assert NodeCommand.objects.get().by == "otto"


class TestFailures:
    def export(self, client, *failures):
        return client.post(
            changelist("setupfailure"),
            {"action": "export_csv", "_selected_action": [failure.pk for failure in failures]},
        )

    def test_have_a_date_hierarchy(self, admin_client):
        make_failure(created_at=ago(days=400))
        make_failure()
        page = admin_client.get(changelist("setupfailure"))
        assert page.context["cl"].date_hierarchy == "created_at"
        assert "created_at__year" in page.content.decode()

    @pytest.mark.parametrize(
        ("query", "number"),
        [
            ({"code": "486"}, 1),
            ({"code": "none"}, 1),
            ({"code": "4xx"}, 1),
            ({"layer": "timer"}, 1),
            ({"q": "ring"}, 1),
        ],
    )
    def test_are_narrowed(self, admin_client, query, number):
        make_failure()
        make_failure(code=None, reason=None, layer="timer", detail="no answer to the ring")
        assert admin_client.get(changelist("setupfailure"), query).context["cl"].result_count == number

    def test_are_exported_as_csv(self, admin_client):
        failures = [make_failure(), make_failure(code=None, reason=None, created_at=ago(hours=1))]
        answer = self.export(admin_client, *failures)
        assert answer["Content-Disposition"].startswith('attachment; filename="setup-failures-')
        rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
        assert [row["id"] for row in rows] == [str(failure.id) for failure in failures]
        assert [(row["code"], row["reason"]) for row in rows] == [("486", "Busy Here"), ("", "")]

    def test_a_cell_that_would_be_a_formula_is_exported_as_text(self, admin_client):
        failure = make_failure(reason="=HYPERLINK(1)", detail='+1"2\r\n-3')
        (row,) = csv.DictReader(io.StringIO(b"".join(self.export(admin_client, failure).streaming_content).decode()))
        assert row["reason"] == "'=HYPERLINK(1)"
        assert row["detail"].startswith("'+1\"2")

    @pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\t=1", "\r=1"])
    def test_no_cell_begins_as_a_formula_does(self, text):
        assert cell(text) == "'" + text


@pytest.mark.django_db(transaction=True)
async def export_under_asgi(user, failure):
    client = AsyncClient()
    await client.aforce_login(user)
    answer = await client.post(changelist("setupfailure"), {"action": "export_csv", "_selected_action": [failure.pk]})
    return answer.is_async, b"".join([part async for part in answer.streaming_content])


@pytest.mark.django_db(transaction=True)
def test_the_export_is_streamed_under_asgi_too(admin_user):
    from asgiref.sync import async_to_sync

    failure = make_failure()
    is_async, body = async_to_sync(export_under_asgi)(admin_user, failure)
    assert is_async
    assert str(failure.id).encode() in body


class TestMessages:
    def test_show_no_body_even_to_a_superuser_but_the_way_to_it(self, admin_client):
        message = make_message(make_session(), state="pending", finished_at=None, body=b"a private word")
        page = admin_client.get(change(message)).content.decode()
        assert "a private word" not in page
        assert f"/messages/{message.pk}/" in page

    def test_the_list_shows_no_body_and_costs_the_same_however_long(self, admin_client, django_assert_max_num_queries):
        session = make_session()
        for _ in range(70):
            make_message(session, state="pending", finished_at=None, body=b"a private word")
        with django_assert_max_num_queries(8):
            page = admin_client.get(changelist("messagerecord"))
        assert b"a private word" not in page.content

    @pytest.mark.parametrize("query", [{"sip_code": "4xx"}, {"sip_code": "486"}, {"msrp_code": "none"}, {"q": "id-7"}])
    def test_are_narrowed(self, admin_client, query):
        session = make_session()
        make_message(session)
        make_message(session, sip_code=486, msrp_code=None, state="failed", message_id="id-7")
        assert admin_client.get(changelist("messagerecord"), query).context["cl"].result_count == 1


class TestRules:
    FORM = {
        "name": "in",
        "priority": 10,
        "enabled": "on",
        "method": "INVITE",
        "action": "msrp_gw_answer",
        "reject_code": 403,
        "reject_reason": "Forbidden",
        "key_template": "{pair}",
        "content_types": "text/plain",
        "from_template": "{from}",
        "to_template": "{to}",
        "ruri_template": "{ruri}",
        "way_back": "from",
        "failure_template": "Not delivered: {detail}",
    }

    def test_a_route_is_added(self, admin_client):
        answer = admin_client.post(reverse("admin:sessions_app_route_add"), self.FORM)
        assert answer.status_code == 302
        assert Route.objects.get().priority == 10

    @pytest.mark.parametrize(
        ("field", "value", "fault"),
        [
            ("method", "MESSAGE", "takes INVITE requests"),
            ("from_pattern", "(", "Not a regular expression"),
            ("source_network", "300.0.0.1", "does not appear to be"),
            ("reject_code", "408", "480"),
            ("key_template", "all", "one session"),
            ("next_hop", "mailto:x@y", "sip"),
            ("content_types", "text", "MIME"),
        ],
    )
    def test_a_fault_names_its_field(self, admin_client, field, value, fault):
        answer = admin_client.post(reverse("admin:sessions_app_route_add"), {**self.FORM, field: value})
        errors = answer.context["adminform"].form.errors
        assert list(errors) == [field]
        assert fault in errors[field][0]
        assert not Route.objects.exists()

    def test_routes_stand_in_the_order_in_which_they_are_asked(self, admin_client):
        for name, priority in (("last", 300), ("first", 1), ("second", 20)):
            Route.objects.create(name=name, priority=priority, method="MESSAGE", action="msg_to_msrp")
        rows = admin_client.get(changelist("route")).context["cl"].result_list
        assert [route.name for route in rows] == ["first", "second", "last"]

    def test_a_peer_with_host_bits_is_refused_at_its_field(self, admin_client):
        answer = admin_client.post(
            reverse("admin:sessions_app_peer_add"),
            {"name": "p", "network": "192.0.2.1/24", "takes_cpim": "auto", "oversize": "stream", "first_send": "empty"},
        )
        assert list(answer.context["adminform"].form.errors) == ["network"]

    def test_a_peer_that_a_route_names_is_not_deleted(self, admin_client):
        peer = Peer.objects.create(name="p", network="192.0.2.0/24")
        Route.objects.create(name="r", method="MESSAGE", action="msg_to_msrp", peer=peer)
        admin_client.post(reverse("admin:sessions_app_peer_delete", args=[peer.pk]), {"post": "yes"})
        assert Peer.objects.filter(pk=peer.pk).exists()


def test_accounts_are_managed_here_too(admin_client):
    for name in ("auth_user", "auth_group", "authtoken_tokenproxy"):
        assert admin_client.get(reverse(f"admin:{name}_changelist")).status_code == 200
    assert admin_client.get(reverse("admin:auth_user_add")).status_code == 200
