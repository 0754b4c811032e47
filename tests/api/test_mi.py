"""The management interface: JSON-RPC 2.0 on /mi, and the real opensips-cli as its client."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from sessions_app import mi, subscriptions
from sessions_app.models import EventSubscription, NodeCommand
from tests.rows import ago, make_ended, make_node, make_session


@pytest.fixture
def call(client):
    """POST a JSON document (or raw text) to /mi."""

    def post(document, **extra):
        body = document if isinstance(document, str | bytes) else json.dumps(document)
        return client.post("/mi", body, content_type="application/json", **extra)

    return post


def request(method, params=None, identity="1"):
    return {"jsonrpc": "2.0", "id": identity, "method": method, **({} if params is None else {"params": params})}


@pytest.mark.django_db
class TestMethods:
    def test_which_names_them_all(self, call):
        answer = call(request("which", {}, "21750")).json()
        assert answer == {
            "jsonrpc": "2.0",
            "id": "21750",
            "result": [
                "event_subscribe",
                "events_list",
                "msrp_gateway:end_session",
                "msrp_gateway:list_sessions",
                "msrp_gw_end_session",
                "msrp_gw_list_sessions",
                "subscribers_list",
                "which",
            ],
        }

    def test_which_tells_the_parameters_of_one(self, call):
        assert call(request("which", {"command": "msrp_gw_end_session"})).json()["result"] == [["key"]]

    @pytest.mark.parametrize("method", ["msrp_gw_list_sessions", "msrp_gateway:list_sessions"])
    def test_the_live_sessions_are_listed_oldest_first(self, call, method):
        newer = make_session(initiator="msrp", state="setting_up")
        older = make_session(created_at=ago(hours=1), to_msrp=3)
        make_ended()
        first, second = call(request(method)).json()["result"]
        assert (first["key"], first["state"], first["to_msrp"]) == (older.key, "live", 3)
        assert (second["key"], second["state"]) == (newer.key, "setting_up")
        assert first["msrp_ua_session_id"] == str(older.id)

    def test_a_session_shows_the_coordinates_of_its_message_side(self, call):
        session = make_session()
        (row,) = call(request("msrp_gw_list_sessions")).json()["result"]
        assert (row["msg_side_from"], row["msg_side_to"]) == (session.to_uri, session.from_uri)
        assert row["msg_side_ruri"] == session.from_uri

    @pytest.mark.parametrize("method", ["msrp_gw_end_session", "msrp_gateway:end_session"])
    @pytest.mark.parametrize("params", [{"key": "a-b"}, ["a-b"]])
    def test_an_end_is_a_command_to_the_owner(self, call, method, params):
        session = make_session(key="a-b")  # no process is there to carry it out, so nobody is waited for
        assert call(request(method, params)).json()["result"] == "OK"
        command = NodeCommand.objects.get()
        assert (command.session, command.verb, command.by) == (session, "end_session", "mi")

    def test_an_end_of_nothing_is_an_error(self, call):
        make_ended(key="a-b")
        assert call(request("msrp_gw_end_session", ["a-b"])).json()["error"] == {
            "code": 404,
            "message": "Session doesn't exist",
            "data": "a-b",
        }


class Owner:
    """A process that carries commands out with one result."""

    def __init__(self, result: str) -> None:
        self.result = result
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self) -> None:
        while not self.stop.wait(0.02):
            NodeCommand.objects.filter(done_at=None).update(done_at=timezone.now(), result=self.result)
        connection.close()

    def __enter__(self) -> Owner:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join()


@pytest.mark.django_db(transaction=True)
class TestEndWithALivingOwner:
    def test_reports_what_came_of_it(self, call):
        make_node()
        make_session(key="a-b")
        with Owner("ended"):
            assert call(request("msrp_gw_end_session", ["a-b"])).json()["result"] == "OK"
        assert NodeCommand.objects.get().done_at is not None

    def test_reports_that_it_failed(self, call):
        make_node()
        make_session(key="a-b")
        with Owner("no such live session here"):
            error = call(request("msrp_gw_end_session", ["a-b"])).json()["error"]
        assert (error["code"], error["data"]) == (500, "no such live session here")

    def test_does_not_wait_for_ever(self, call, monkeypatch):
        monkeypatch.setattr(mi, "PATIENCE", 0.1)
        make_node()
        make_session(key="a-b")
        start = time.monotonic()
        assert call(request("msrp_gw_end_session", ["a-b"])).json()["result"] == "OK"
        assert time.monotonic() - start < 2


@pytest.mark.django_db
class TestJsonRpc:
    @pytest.mark.parametrize(
        ("document", "code"),
        [
            ("{", -32700),
            (b"\xff", -32700),
            ("[" * 50_000, -32700),
            ([], -32600),
            (7, -32600),
            ({"method": "which", "id": 1}, -32600),
            ({"jsonrpc": "2.0", "id": 1}, -32600),
            ({"jsonrpc": "2.0", "id": {}, "method": "which"}, -32600),
            ([request("which")] * 51, -32600),
            (request("ps"), -32601),
            (request("msrp_gw_end_session"), -32602),
            (request("msrp_gw_end_session", {"session": "x"}), -32602),
            (request("msrp_gw_end_session", [1]), -32602),
            (request("msrp_gw_end_session", ["a\0b"]), -32602),
            (request("msrp_gw_end_session", ["a", "b"]), -32602),
            (request("msrp_gw_list_sessions", "x"), -32602),
        ],
    )
    def test_a_fault_has_its_code(self, call, document, code):
        answer = call(document)
        assert answer.status_code == 200
        assert answer.json()["error"]["code"] == code

    @pytest.mark.parametrize("identity", ["21750", 7, None])
    def test_the_id_is_echoed(self, call, identity):
        assert call(request("which", identity=identity)).json()["id"] == identity
        assert call(request("ps", identity=identity)).json()["id"] == identity

    def test_a_notification_is_not_answered(self, call):
        answer = call({"jsonrpc": "2.0", "method": "which"})
        assert (answer.status_code, answer.content) == (204, b"")

    def test_a_batch_is_answered_in_order_without_its_notifications(self, call):
        answers = call([request("which", identity=1), {"jsonrpc": "2.0", "method": "which"}, 5, request("ps")]).json()
        assert [answer["id"] for answer in answers] == [1, None, "1"]
        assert call([{"jsonrpc": "2.0", "method": "which"}]).status_code == 204

    def test_a_body_over_the_limit_is_refused(self, call):
        answer = call("x" * (mi.MAX_BODY + 1))
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, -32600)

    def test_only_post(self, client):
        assert client.get("/mi").status_code == 405


@pytest.mark.django_db
class TestWhoMayAsk:
    def test_loopback_by_default_and_nobody_else(self, call):
        assert call(request("which"), REMOTE_ADDR="::1").status_code == 200
        assert call(request("which"), REMOTE_ADDR="::ffff:127.0.0.1").status_code == 200
        assert call(request("which"), REMOTE_ADDR="192.0.2.7").status_code == 403
        assert call(request("which"), REMOTE_ADDR="").status_code == 403

    @pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
    def test_what_a_page_can_send_without_asking_is_no_command(self, client, kind):
        make_session(key="a-b")
        body = json.dumps(request("msrp_gw_end_session", ["a-b"]))
        answer = client.generic("POST", "/mi", body, content_type=kind)
        assert answer.status_code == 415
        assert not NodeCommand.objects.exists()

    def test_a_page_of_others_ends_nothing_and_subscribes_nobody(self, client):
        make_session(key="a-b")
        for document in (request("msrp_gw_end_session", ["a-b"]), request("event_subscribe", TestEvents.ARGS)):
            for kind in ("application/json", "text/plain"):
                answer = client.generic(
                    "POST", "/mi", json.dumps(document), content_type=kind, headers={"Origin": "http://evil.example"}
                )
                assert answer.status_code == 403
        assert not NodeCommand.objects.exists()
        assert not EventSubscription.objects.exists()

    def test_networks_of_the_setting(self, call, settings):
        settings.GATEWAY_MI_NETWORKS = "192.0.2.0/24"
        assert call(request("which"), REMOTE_ADDR="192.0.2.7").status_code == 200
        assert call(request("which"), REMOTE_ADDR="127.0.0.1").status_code == 403

    def test_a_header_does_not_change_where_somebody_is(self, call):
        answer = call(request("which"), REMOTE_ADDR="192.0.2.7", headers={"X-Forwarded-For": "127.0.0.1"})
        assert answer.status_code == 403

    def test_needs_no_login_and_no_csrf_token(self):
        client = Client(enforce_csrf_checks=True)
        assert client.post("/mi", json.dumps(request("which")), content_type="application/json").status_code == 200


@pytest.mark.peer
class TestOpensipsCli:
    def run(self, live_server, tmp_path, *command):
        program = Path(sys.executable).with_name("opensips-cli")
        return subprocess.run(
            [program, "-o", "communication_type=http", "-o", f"url={live_server.url}/mi", "-x", "mi", *command],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        )

    @pytest.mark.parametrize("method", ["msrp_gw_list_sessions", "msrp_gateway:list_sessions"])
    def test_lists_the_live_sessions(self, live_server, tmp_path, method):
        session = make_session(key="sip:alice@example.com sip:bob@example.net")
        done = self.run(live_server, tmp_path, method)
        assert done.returncode == 0, done.stderr
        (row,) = json.loads(done.stdout)
        assert (row["key"], row["msrp_ua_session_id"]) == (session.key, str(session.id))

    @pytest.mark.parametrize("param", ["key=sip:a@b-sip:c@d", "sip:a@b-sip:c@d"])
    def test_ends_a_session(self, live_server, tmp_path, param):
        make_session(key="sip:a@b-sip:c@d")
        done = self.run(live_server, tmp_path, "msrp_gw_end_session", param)
        assert (done.returncode, done.stdout.strip()) == (0, '"OK"'), done.stderr
        assert NodeCommand.objects.get().by == "mi"

    def test_shows_the_error_for_a_session_that_is_not_there(self, live_server, tmp_path):
        done = self.run(live_server, tmp_path, "msrp_gw_end_session", "key=nobody")
        assert done.returncode != 0
        assert "404: Session doesn't exist" in done.stdout + done.stderr


@pytest.mark.django_db
class TestEvents:
    ARGS = ["E_MSRP_GW_SETUP_FAILED", "udp:127.0.0.1:29997", 60]

    def test_a_subscription_is_kept_until_its_end(self, call):
        assert call(request("event_subscribe", self.ARGS)).json()["result"] == "OK"
        row = EventSubscription.objects.get()
        assert (row.event, row.host, row.port) == ("E_MSRP_GW_SETUP_FAILED", "127.0.0.1", 29997)
        call(request("event_subscribe", self.ARGS))
        assert EventSubscription.objects.count() == 1
        call(request("event_subscribe", [*self.ARGS[:2], "0"]))
        assert not EventSubscription.objects.exists()

    @pytest.mark.parametrize(
        "params", [["E_OTHER", "udp:127.0.0.1:5", 60], ["E_MSRP_GW_SETUP_FAILED", "tcp:127.0.0.1:5", 60],
                   ["E_MSRP_GW_SETUP_FAILED", "udp:127.0.0.1:99999", 60],
                   ["E_MSRP_GW_SETUP_FAILED", "udp:127.0.0.1:5", "x"],
                   ["E_MSRP_GW_SETUP_FAILED", "udp:127.0.0.1:5", -1],
                   ["E_MSRP_GW_SETUP_FAILED", "udp:127.0.0.1:5", 86401],
                   ["E_MSRP_GW_SETUP_FAILED", "udp:127.0.0.1:5", int("9" * 4000)]]
    )  # fmt: skip
    def test_one_that_makes_no_sense_is_refused(self, call, params):
        assert "error" in call(request("event_subscribe", params)).json()
        assert not EventSubscription.objects.exists()

    @pytest.mark.parametrize(
        "host", ["192.0.2.9", "169.254.169.254", "8.8.8.8", "224.0.0.1", "255.255.255.255", "0.0.0.0", "evil.example",
                 "127.1", "0177.0.0.1", "2130706433", "127.0.0.1%1", "[::1]"]
    )  # fmt: skip
    def test_events_go_to_no_address_that_may_not_ask_itself(self, call, host):
        answer = call(request("event_subscribe", [self.ARGS[0], f"udp:{host}:5000", 60])).json()
        assert answer["error"]["data"].startswith("socket is ")
        assert not EventSubscription.objects.exists()

    def test_events_go_to_an_address_of_the_setting(self, call, settings):
        settings.GATEWAY_MI_NETWORKS = "127.0.0.0/8 192.0.2.0/24"
        assert call(request("event_subscribe", [self.ARGS[0], "udp:192.0.2.9:5000", 60])).json()["result"] == "OK"
        assert call(request("event_subscribe", [self.ARGS[0], "udp:localhost:5000", 60])).json()["result"] == "OK"
        assert set(EventSubscription.objects.values_list("host", flat=True)) == {"192.0.2.9", "127.0.0.1"}

    def test_one_event_is_no_more_datagrams_than_there_are_subscriptions(self, call):
        for number in range(subscriptions.MOST):
            assert (
                "result"
                in call(request("event_subscribe", [self.ARGS[0], f"udp:127.0.0.1:{5000 + number}", 60])).json()
            )
        assert "error" in call(request("event_subscribe", [self.ARGS[0], "udp:127.0.0.1:4000", 60])).json()
        assert "result" in call(request("event_subscribe", [self.ARGS[0], "udp:127.0.0.1:5000", 60])).json()  # renewed
        call(request("event_subscribe", [self.ARGS[0], "udp:127.0.0.1:5000", 0]))
        assert "result" in call(request("event_subscribe", [self.ARGS[0], "udp:127.0.0.1:4000", 60])).json()

    def test_one_of_a_time_when_more_was_allowed_can_be_ended_and_is_told_of_nothing(self, call):
        EventSubscription.objects.create(event=self.ARGS[0], host="evil.example", port=53, expires_at=None)
        assert not subscriptions.may_be_told("evil.example")
        call(request("event_subscribe", [self.ARGS[0], "udp:evil.example:53", 0]))
        assert not EventSubscription.objects.exists()

    def test_the_events_are_listed(self, call):
        names = [event["name"] for event in call(request("events_list", {})).json()["result"]["Events"]]
        assert "E_MSRP_GW_SETUP_FAILED" in names
