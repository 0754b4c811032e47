"""The REST interface: who gets what, how lists are narrowed, how a session is ended."""

from __future__ import annotations

import base64
import uuid

import pytest
from django.core.cache import cache
from django.core.management import call_command
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from sessions_app.cause import Cause, LostWith, Side
from sessions_app.models import AuditEntry, NodeCommand, Peer, Route
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
    reader,
    viewer,
)

pytestmark = pytest.mark.django_db

LISTS = ["sessions", "messages", "failures", "setup-failures", "routes", "peers", "nodes"]


@pytest.fixture
def api():
    client = APIClient()
    client.force_authenticate(viewer())
    return client


def found(client, address, **query):
    answer = client.get(f"/api/v1/{address}/", query)
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["results"]]


@pytest.mark.parametrize("name", LISTS)
def test_nothing_without_authentication(client, name):
    answer = client.get(f"/api/v1/{name}/")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Token"


@pytest.mark.parametrize("name", LISTS)
def test_a_user_without_the_view_permission_gets_403(name):
    client = APIClient()
    client.force_authenticate(make_user("nobody"))
    assert client.get(f"/api/v1/{name}/").status_code == 403


@pytest.mark.parametrize("name", LISTS)
def test_records_are_read_only(admin_client, name):
    methods = {"post", "put", "patch", "delete"} - ({"post"} if name == "messages" else set())
    for method in methods:
        answer = getattr(admin_client, method)(f"/api/v1/{name}/")
        assert answer.status_code == 405
        assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("name", LISTS)
def test_an_administrator_reads_every_list(admin_client, name):
    make_failure(make_session())
    Route.objects.create(name="r", method="MESSAGE", action="msg_to_msrp")
    Peer.objects.create(name="p", network="192.0.2.0/24")
    answer = admin_client.get(f"/api/v1/{name}/")
    assert answer.status_code == 200
    assert {"next", "previous", "results"} == set(answer.json())


def test_token_basic_and_session_authentication_all_work(client):
    user = viewer()
    token = Token.objects.create(user=user).key
    basic = base64.b64encode(b"vera:secret").decode()
    assert client.get("/api/v1/sessions/", headers={"Authorization": f"Token {token}"}).status_code == 200
    assert client.get("/api/v1/sessions/", headers={"Authorization": f"Basic {basic}"}).status_code == 200
    client.force_login(user)
    assert client.get("/api/v1/sessions/").status_code == 200


def test_a_token_is_given_for_name_and_password_and_the_tries_are_limited(client):
    cache.clear()
    user = viewer()
    answer = client.post("/api/v1/token/", {"username": "vera", "password": "secret"})
    assert answer.json() == {"token": Token.objects.get(user=user).key}
    codes = {
        client.post(
            "/api/v1/token/",
            {"username": "vera", "password": "wrong"},
            headers={"X-Forwarded-For": f"192.0.2.{number}"},  # a caller's own word about who it is
        ).status_code
        for number in range(12)
    }
    assert codes == {401, 429}
    cache.clear()


@pytest.mark.parametrize(
    "name", ["x" * 151, "x" * 10_000, "a\0b", "\0", "\ud800"], ids=lambda name: f"{name[:3]!r}, {len(name)}"
)
def test_a_name_that_nobody_can_have_is_a_wrong_name_wherever_it_is_given(client, settings, name):
    settings.AXES_ENABLED = True
    cache.clear()
    basic = base64.b64encode(f"{name}:secret".encode("utf-8", "surrogatepass")).decode()
    for address in ("/api/v1/sessions/", "/api/v1/events/"):
        assert client.get(address, headers={"Authorization": f"Basic {basic}"}).status_code == 401
    body = {"username": name, "password": "secret"}
    assert client.post("/api/v1/token/", body, content_type="application/json").status_code == 400
    if "\ud800" not in name:
        for address in ("/login/", "/admin/login/"):
            assert client.post(address, body).status_code == 200  # the form again, with its fault
    cache.clear()


def test_sessions_are_listed_newest_first_and_page_by_page(api):
    sessions = [make_session(created_at=ago(minutes=number)) for number in range(5)]
    address, seen = "/api/v1/sessions/?limit=2", []
    while address:
        page = api.get(address).json()
        seen.append([row["id"] for row in page["results"]])
        address = page["next"]
    ids = [str(session.id) for session in sessions]
    assert seen == [ids[:2], ids[2:4], ids[4:]]
    back = api.get(page["previous"]).json()
    assert [row["id"] for row in back["results"]] == ids[2:4]
    assert found(api, "sessions", sort="oldest")[0] == ids[-1]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=x", "limit"),
        ("limit=", "limit"),
    ],
)
def test_a_page_that_cannot_be_is_a_problem(api, query, field):
    answer = api.get(f"/api/v1/sessions/?{query}")
    assert answer.status_code == 400
    assert [fault["field"] for fault in answer.json()["errors"]] == [field]


@pytest.mark.parametrize("cursor", ["x", "WzBd"])
def test_a_cursor_of_no_page_is_not_found(api, cursor):
    answer = api.get(f"/api/v1/sessions/?cursor={cursor}")
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


def test_a_reader_who_has_it_already_gets_304(api):
    session = make_session()
    for address in ("/api/v1/sessions/", f"/api/v1/sessions/{session.id}/"):
        first = api.get(address)
        again = api.get(address, headers={"If-None-Match": first["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
    session.to_msrp = 7
    session.save()
    assert api.get(address, headers={"If-None-Match": first["ETag"]}).status_code == 200


@pytest.mark.parametrize("address", ["/api/v1/nothing/", "/api/v1/sessions/x/", "/api/"])
def test_an_address_that_is_nothing_is_a_problem(api, address):
    answer = api.get(address)
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"
    assert {"type", "title", "status", "detail"} <= set(answer.json())


def test_a_list_takes_one_query_however_long_it_is(api, django_assert_num_queries):
    for _ in range(30):
        make_message(make_session())
    api.get("/api/v1/sessions/")  # permissions of the user are read once
    with django_assert_num_queries(1):
        api.get("/api/v1/sessions/")
    with django_assert_num_queries(1):
        api.get("/api/v1/messages/")


def test_sessions_are_narrowed_by_their_columns(api):
    make_node("gateway-2")
    live = make_session(node="gateway-2", from_uri="sip:carol@example.org", created_at=ago(hours=3))
    ended = make_ended(initiator="msrp", to_uri="sip:dave@example.org", created_at=ago(hours=1))
    for query in (
        {"state": "live"},
        {"live": "true"},
        {"key": live.key},
        {"node": "gateway-2"},
        {"initiator": "message"},
        {"from_uri": "CAROL"},
        {"created_before": ago(hours=2).isoformat()},
    ):
        assert found(api, "sessions", **query) == [str(live.id)], query
    for query in (
        {"state": "ended"},
        {"live": "false"},
        {"to_uri": "dave"},
        {"initiator": "msrp"},
        {"created_after": ago(hours=2).isoformat()},
    ):
        assert found(api, "sessions", **query) == [str(ended.id)], query
    assert len(found(api, "sessions", state=["live", "ended"])) == 2


@pytest.mark.parametrize(
    "query",
    [
        "sessions/?state=dead",
        "sessions/?created_after=yesterday",
        "messages/?session=7",
        "messages/?sip_code=busy",
        "setup-failures/?code=busy",
        "sessions/?state=",
        "sessions/?live=perhaps",
        "routes/?enabled=1",
    ],
)
def test_a_filter_that_makes_no_sense_is_named_in_a_400(api, query):
    answer = api.get(f"/api/v1/{query}")
    assert answer.status_code == 400
    (fault,) = answer.json()["errors"]
    assert fault["field"] == query.partition("?")[2].partition("=")[0]


@pytest.mark.parametrize("query", ["node=nobody", "peer=nobody"])
def test_a_node_or_peer_that_there_is_not_is_not_found(api, query):
    answer = api.get(f"/api/v1/sessions/?{query}")
    assert (answer.status_code, answer.json()["detail"]) == (404, f"There is no {query.split('=')[0]} of this name.")


def test_a_session_by_itself_comes_with_its_events_and_no_secret(api):
    session = make_session()
    make_event(session, "invite_sent", detail="192.0.2.7:5070")
    answer = api.get(f"/api/v1/sessions/{session.id}/").json()
    assert [(event["kind"], event["detail"]) for event in answer["events"]] == [("invite_sent", "192.0.2.7:5070")]
    assert "dialog" not in answer
    assert api.get(f"/api/v1/sessions/{uuid.uuid4()}/").status_code == 404
    assert api.get("/api/v1/sessions/not-an-id/").status_code == 404


def test_messages_are_narrowed_by_their_columns_and_show_no_body(api):
    one, other = make_session(), make_session()
    good = make_message(one, received_at=ago(hours=3), finished_at=ago(hours=3))
    bad = make_message(other, direction="to_page", state="failed", sip_code=486, msrp_code=None, body=b"secret")
    for query in (
        {"session": one.id},
        {"direction": "to_msrp"},
        {"state": "delivered"},
        {"sip_code": 200},
        {"msrp_code": 200},
        {"received_before": ago(hours=2).isoformat()},
    ):
        assert found(api, "messages", **query) == [str(good.id)], query
    assert found(api, "messages", received_after=ago(hours=2).isoformat()) == [str(bad.id)]
    answer = api.get(f"/api/v1/messages/{bad.id}/")
    assert b"secret" not in answer.content
    assert "body" not in answer.json()


def test_messages_are_narrowed_by_their_cause_as_failed_set_ups_are(api):
    session = make_session()
    busy = Cause(Side.MSRP, "sip", "486 Busy Here", 486, LostWith.SETUP)
    refused = make_message(session, busy, state="failed", sip_code=480, msrp_code=None)
    silent = make_message(session, Cause(Side.MESSAGE, "timer", "no answer in 32 s"), state="failed")
    make_message(session)
    for query in ({"side": "msrp"}, {"layer": "sip"}, {"code": 486}, {"code__isnull": "false"}):
        assert found(api, "messages", **query) == [str(refused.id)], query
    for query in ({"side": "message"}, {"layer": "timer"}, {"state": "failed", "code__isnull": "true"}):
        assert found(api, "messages", **query) == [str(silent.id)], query
    row = api.get(f"/api/v1/messages/{refused.id}/").json()
    cause = {name: row[name] for name in ("side", "layer", "code", "lost_with", "detail")}
    assert cause == {"side": "msrp", "layer": "sip", "code": 486, "lost_with": "setup", "detail": "486 Busy Here"}


def test_failures_are_narrowed_by_their_columns(api):
    busy = make_failure(created_at=ago(hours=3), key="busy-key")
    silent = make_failure(code=None, reason=None, layer="timer", leg="gateway", detail="no answer in 40 s")
    for query in (
        {"code": 486},
        {"code__isnull": "false"},
        {"layer": "sip"},
        {"leg": "msrp"},
        {"key": "busy-key"},
        {"created_before": ago(hours=2).isoformat()},
    ):
        assert found(api, "setup-failures", **query) == [str(busy.id)], query
    for query in ({"code__isnull": "true"}, {"layer": "timer"}, {"created_after": ago(hours=2).isoformat()}):
        assert found(api, "setup-failures", **query) == [str(silent.id)], query
    row = api.get(f"/api/v1/setup-failures/{silent.id}/").json()
    assert (row["code"], row["reason"], row["detail"]) == (None, None, "no answer in 40 s")


class TestEndingASession:
    def test_is_a_command_to_its_process(self):
        session, client = make_session(), APIClient()
        client.force_authenticate(operator())
        answer = client.post(f"/api/v1/sessions/{session.id}/end/")
        assert answer.status_code == 202
        command = NodeCommand.objects.get()
        assert (command.session, command.verb, command.by) == (session, "end_session", "otto")
        assert (answer.json()["id"], answer.json()["state"]) == (command.id, "pending")

    def test_asked_twice_is_one_command(self):
        session, client = make_session(), APIClient()
        client.force_authenticate(operator())
        first, second = (client.post(f"/api/v1/sessions/{session.id}/end/").json() for _ in range(2))
        assert first == second
        assert NodeCommand.objects.count() == 1

    def test_of_one_that_has_ended_is_a_conflict(self):
        session, client = make_ended(), APIClient()
        client.force_authenticate(operator())
        answer = client.post(f"/api/v1/sessions/{session.id}/end/")
        assert (answer.status_code, answer.json()["detail"]) == (409, "The session has ended.")
        assert answer["Content-Type"] == "application/problem+json"

    def test_of_one_that_never_was_is_not_found(self):
        client = APIClient()
        client.force_authenticate(operator())
        assert client.post(f"/api/v1/sessions/{uuid.uuid4()}/end/").status_code == 404

    def test_needs_the_change_permission(self, api):
        session = make_session()
        assert api.post(f"/api/v1/sessions/{session.id}/end/").status_code == 403
        assert APIClient().post(f"/api/v1/sessions/{session.id}/end/").status_code == 401
        assert not NodeCommand.objects.exists()

    def test_from_a_page_needs_the_csrf_token(self):
        session = make_session()
        client = APIClient(enforce_csrf_checks=True)
        client.force_login(operator())
        assert client.post(f"/api/v1/sessions/{session.id}/end/").status_code == 403
        assert not NodeCommand.objects.exists()


class TestSendingAMessage:
    ROUTED = {"from_uri": "sip:alice@example.com", "to_uri": "sip:bob@example.net", "text": "Hello", "wait": 0}

    @pytest.fixture
    def otto(self):
        client = APIClient()
        client.force_authenticate(operator())
        return client

    def test_is_a_command_and_tells_where_the_outcome_will_be(self, otto, monkeypatch):
        make_node()
        answer = otto.post("/api/v1/messages/", self.ROUTED, format="json")
        assert answer.status_code == 202
        command = NodeCommand.objects.get()
        assert (command.verb, command.argument["to"]) == ("send_message", "sip:bob@example.net")
        assert base64.b64decode(command.argument["body"]) == b"Hello"

    def test_tells_the_outcome_where_there_is_one(self, otto, monkeypatch):
        make_node()
        message = make_message(make_session(), Cause(Side.MSRP, "tcp", "connection refused"), state="failed")

        def carried_out(command, seconds):
            command.result = f"sent {message.pk}"
            return True

        monkeypatch.setattr("sessions_app.commands.wait", carried_out)
        answer = otto.post("/api/v1/messages/", self.ROUTED, format="json")
        assert (answer.status_code, answer.json()["state"]) == (201, "failed")
        assert answer["Location"].endswith(f"/api/v1/messages/{message.pk}/")

    def test_that_is_not_taken_says_why(self, otto, monkeypatch):
        make_node()

        def refused(command, seconds):
            command.result = "not sent: no route takes this message"
            return True

        monkeypatch.setattr("sessions_app.commands.wait", refused)
        answer = otto.post("/api/v1/messages/", self.ROUTED, format="json")
        assert (answer.status_code, answer.json()["detail"]) == (409, "not sent: no route takes this message")

    def test_without_any_process_is_503(self, otto):
        assert otto.post("/api/v1/messages/", self.ROUTED, format="json").status_code == 503

    @pytest.mark.parametrize(
        ("wish", "field"),
        [
            ({"text": "x"}, "from_uri"),
            ({"text": "x", "from_uri": "sip:a@b", "to_uri": "sip:c@d", "form_uri": "sip:e@f"}, "form_uri"),
            ({"text": "x", "session": str(uuid.uuid4()), "direction": "to_page", "to_uri": "sip:a@b"}, "to_uri"),
            ({"text": "x", "from_uri": "sip:a@b"}, "to_uri"),
            ({"text": "x", "from_uri": "sip:a b@c", "to_uri": "sip:a@b"}, "from_uri"),
            ({"text": "x", "session": "x"}, "session"),
            ({"text": "x", "session": str(uuid.uuid4())}, "direction"),
            ({"text": "", "from_uri": "sip:a@b", "to_uri": "sip:c@d"}, "text"),
            ({"text": "x", "from_uri": "sip:a@b", "to_uri": "sip:c@d", "wait": 99}, "wait"),
            ({"text": "x", "from_uri": "sip:a@b", "to_uri": "sip:c@d", "content_type": "text"}, "content_type"),
        ],
    )
    def test_that_makes_no_sense_is_named_by_its_field(self, otto, wish, field):
        answer = otto.post("/api/v1/messages/", wish, format="json")
        assert answer.status_code == 400
        assert field in [fault["field"] for fault in answer.json()["errors"]]

    def test_is_for_those_who_may(self, api):
        assert api.post("/api/v1/messages/", self.ROUTED, format="json").status_code == 403

    def test_into_a_session_that_has_ended_is_a_conflict(self, otto):
        wish = {"text": "x", "session": str(make_ended().pk), "direction": "to_page"}
        assert otto.post("/api/v1/messages/", wish, format="json").status_code == 409


class TestRetryingAMessage:
    @pytest.fixture
    def otto(self):
        client = APIClient()
        client.force_authenticate(operator())
        return client

    def test_is_a_command(self, otto):
        make_node()
        message = make_message(make_session(), state="failed", body=b"x")
        assert otto.post(f"/api/v1/messages/{message.pk}/retry/", {}, format="json").status_code == 202
        assert NodeCommand.objects.get().argument["message"] == str(message.pk)

    @pytest.mark.parametrize("values", [{"state": "delivered", "body": b"x"}, {"state": "failed"}])
    def test_of_what_cannot_be_retried_is_a_conflict(self, otto, values):
        message = make_message(make_session(), **values)
        assert otto.post(f"/api/v1/messages/{message.pk}/retry/", {}, format="json").status_code == 409


def test_a_body_is_read_by_permission_and_audited(api):
    message = make_message(make_session(), state="failed", body=b"private")
    assert api.get(f"/api/v1/messages/{message.pk}/body/").status_code == 403
    client = APIClient()
    client.force_authenticate(reader())
    answer = client.get(f"/api/v1/messages/{message.pk}/body/")
    assert base64.b64decode(answer.json()["base64"]) == b"private"
    assert AuditEntry.objects.get(action="read_body").who == "rita"
    message.body = None
    message.save()
    assert client.get(f"/api/v1/messages/{message.pk}/body/").status_code == 410


def test_the_documentation_page_fetches_nothing_from_elsewhere(client):
    page = client.get("/api/docs/").content.decode()
    assert "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js" in page
    assert "https://" not in page


def test_the_openapi_document_is_clean(tmp_path):
    call_command("spectacular", "--validate", "--fail-on-warn", file=str(tmp_path / "schema.yaml"))


def test_the_openapi_document_is_served(client):
    answer = client.get("/api/schema/")
    assert answer.status_code == 200
    assert b"/api/v1/sessions/{id}/end/" in answer.content
