"""Events of a running gateway as programs get them: WebSocket, server-sent events, UDP, each after its row is there."""

from __future__ import annotations

import contextlib
import json
import socket
import urllib.request

import pytest

from sessions_app.events import NAMES
from tests.wire.inbox import Missing
from tests.wire.served import Told

COMMON = {"event", "id", "at", "node"}


@pytest.fixture
def gateway(served_gateway):
    return served_gateway


@pytest.fixture(params=["websocket", "server-sent events"])
def told(request, visitor):
    events = Told(visitor, request.param)
    with contextlib.closing(events):
        yield events


def one(gateway, table, identity):
    """The row of this id as it is at this moment: whoever is told finds it."""
    (row,) = gateway.rows(f"SELECT * FROM sessions_app_{table} WHERE id = %s", identity)
    return row


def test_each_event_comes_once_its_row_is_committed_and_says_what_the_row_says(gateway, told, alice, bob):
    sent = alice.message(bob.uri, "first")
    call = bob.take_call()
    call.take_message()
    assert alice.final_answer_to(sent).status == 200

    started = told.next("session_started", call_id=call.invite.call_id)
    row = one(gateway, "gatewaysession", started["session"])
    assert row["established_at"] is not None
    assert {name: started[name] for name in ("key", "from_uri", "to_uri", "initiator", "route", "node")} == {
        name: row[name] for name in ("key", "from_uri", "to_uri", "initiator", "route", "node")
    }
    assert (started["from_uri"], started["to_uri"], started["initiator"]) == (alice.uri, bob.uri, "message")

    delivered = told.next("message_delivered", call_id=sent.call_id)
    row = one(gateway, "messagerecord", delivered["message"])
    assert (row["state"], str(row["session_id"])) == ("delivered", delivered["session"]) == (
        delivered["state"], started["session"])  # fmt: skip
    assert (delivered["direction"], delivered["sip_code"], delivered["msrp_code"]) == ("to_msrp", 200, 200)
    assert (delivered["size"], delivered["content_type"]) == (5, "text/plain")

    kept = call.send("to nobody", message_id="Lost1")
    alice.respond(alice.expect("MESSAGE"), 404, "Not Found")
    assert call.wire.response_to(kept).code == 403
    failed = told.next("message_failed", message_id="Lost1")
    row = one(gateway, "messagerecord", failed["message"])
    assert (row["state"], row["detail"]) == ("failed", failed["detail"])
    assert (failed["direction"], failed["sip_code"], failed["session"]) == ("to_page", 404, started["session"])

    assert call.bye().status == 200
    ended = told.next("session_ended", session=started["session"])
    row = one(gateway, "gatewaysession", ended["session"])
    assert (row["state"], row["end_reason"]) == ("ended", ended["reason"]) == (ended["state"], ended["reason"])
    assert row["key"] == ended["key"]

    waiting = alice.message(bob.uri, "are you there?")
    bob.respond(bob.expect("INVITE"), 486, "Busy Here")
    assert alice.final_answer_to(waiting).status == 480
    broken = told.next("setup_failed", from_uri=alice.uri)
    row = gateway.failure_row(alice.uri)
    assert {
        name: broken[name] for name in ("key", "ruri", "code", "reason", "leg", "layer", "answered", "waiting")
    } == {name: row[name] for name in ("key", "ruri", "code", "reason", "leg", "layer", "answered", "waiting")}
    assert (broken["code"], broken["answered"], broken["session"]) == (486, 480, str(row["session_id"]))
    told.next("message_failed", call_id=waiting.call_id)

    everything = told.everything()
    assert {event["event"] for event in everything} <= set(NAMES)
    assert all(event.keys() >= COMMON for event in everything)
    ours = [event["id"] for event in everything]
    assert len(ours) == len(set(ours)), "nothing is told twice"
    assert not any(word in json.dumps(everything) for word in ("first", "to nobody", "are you there?"))


@pytest.mark.parametrize("way", ["websocket", "server-sent events"])
def test_who_asks_for_some_events_gets_no_others(visitor, alice, bob, way):
    with contextlib.closing(Told(visitor, way, "?event=session_ended&event=setup_failed")) as told:
        sent = alice.message(bob.uri, "first")
        call = bob.take_call()
        call.take_message()
        assert alice.final_answer_to(sent).status == 200
        assert call.bye().status == 200
        told.next("session_ended", call_id=call.invite.call_id)
        assert {event["event"] for event in told.everything()} <= {"session_ended", "setup_failed", "skipped"}


def mi(gateway, method, *parameters):
    """JSON-RPC as opensips-cli speaks it."""
    document = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(parameters)}
    request = urllib.request.Request(
        f"{gateway.address}/mi", json.dumps(document).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def test_a_subscriber_by_udp_gets_the_event_of_the_seed_as_opensips_sends_it(gateway, alice, bob):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as subscriber:
        subscriber.bind(("127.0.0.1", 0))
        subscriber.settimeout(1)
        where = f"udp:127.0.0.1:{subscriber.getsockname()[1]}"
        assert mi(gateway, "event_subscribe", "E_MSRP_GW_SETUP_FAILED", where, 60)["result"] == "OK"
        datagram = after_failures(alice, bob, lambda: subscriber.recv(65_536))
        assert mi(gateway, "event_subscribe", "E_MSRP_GW_SETUP_FAILED", where, 0)["result"] == "OK"
    told = json.loads(datagram)
    assert (told["jsonrpc"], told["method"], "id" in told) == ("2.0", "E_MSRP_GW_SETUP_FAILED", False)
    row = gateway.rows("SELECT key FROM sessions_app_setupfailure WHERE from_uri = %s LIMIT 1", alice.uri)[0]
    assert told["params"] == {
        "key": row["key"],
        "from_uri": alice.uri,
        "to_uri": bob.uri,
        "ruri": bob.uri,
        "code": 486,
        "reason": "Busy Here",
    }


def after_failures(alice, bob, got):
    """What `got` returns once somebody new was told of a failure; the gateway looks for new ones every two seconds."""
    for _ in range(8):
        waiting = alice.message(bob.uri, "are you there?")
        bob.respond(bob.expect("INVITE"), 486, "Busy Here")
        assert alice.final_answer_to(waiting).status == 480
        with contextlib.suppress(TimeoutError, Missing):
            return got()
    raise Missing("nobody was told of any failure")
