"""Where bodies are kept, and for how long (GATEWAY_STORE_BODIES)."""

import contextlib
import hashlib
import json
import urllib.request

import pytest

from tests.wire.conftest import SHORT_TIMES
from tests.wire.running import Running
from tests.wire.served import Served, Told, Visitor
from tests.wire.session_peer import SessionPeer
from tests.wire.sip_peer import SipPeer


@pytest.fixture
def people():
    """`people(**settings)`: a gateway with these settings, alice and bob."""
    made = []

    def start(**settings):
        gateway = Running(**SHORT_TIMES | settings).start()
        made.append(gateway)
        made.extend([SipPeer("alice", gateway), SessionPeer("bob", gateway)])
        return made[-3:]

    yield start
    for each in reversed(made):
        each.close()


def test_by_default_the_length_and_hash_stay_and_the_body_goes_with_the_outcome(gateway, alice, bob, called):
    tid = called.send("for your eyes only")
    message = alice.expect("MESSAGE")
    assert called.wire.response_to(tid).code == 200
    owed = gateway.message_row(message.call_id, state="pending")
    assert bytes(owed["body"]) == b"for your eyes only"
    alice.respond(message, 200)
    row = gateway.message_row(message.call_id, state="delivered")
    assert (row["body"], row["size"]) == (None, 18)
    assert bytes(row["sha256"]) == hashlib.sha256(b"for your eyes only").digest()


def test_kept_always_it_stays_with_every_outcome(people):
    gateway, alice, bob = people(GATEWAY_STORE_BODIES="always")
    sent = alice.message(bob.uri, "prompt")
    call = bob.take_call()
    call.take_message()
    assert alice.final_answer_to(sent).status == 200
    assert bytes(gateway.message_row(sent.call_id, state="delivered")["body"]) == b"prompt"
    call.send("late")
    message = alice.expect("MESSAGE")
    gateway.message_row(message.call_id, state="pending")
    alice.respond(message, 404)
    assert bytes(gateway.message_row(message.call_id, state="failed")["body"]) == b"late"


def test_kept_undelivered_it_stays_where_somebody_may_want_to_try_again(people):
    gateway, alice, bob = people(GATEWAY_STORE_BODIES="undelivered")
    arrived = alice.message(bob.uri, "arrived")
    call = bob.take_call()
    call.take_message()
    assert alice.final_answer_to(arrived).status == 200
    assert gateway.message_row(arrived.call_id, state="delivered")["body"] is None

    for wait in (False, True):  # refused at once, and after it was kept and acknowledged
        call.send("refused")
        message = alice.expect("MESSAGE")
        if wait:
            gateway.message_row(message.call_id, state="pending")
        alice.respond(message, 404)
        assert bytes(gateway.message_row(message.call_id, state="failed")["body"]) == b"refused"

    call.send("late")
    message = alice.expect("MESSAGE")
    gateway.message_row(message.call_id, state="pending")
    alice.respond(message, 200)
    assert gateway.message_row(message.call_id, state="delivered")["body"] is None


def test_kept_never_nothing_is_promised_that_would_need_it(people):
    gateway, alice, bob = people(GATEWAY_STORE_BODIES="never", GATEWAY_ANSWER_WAIT="1", GATEWAY_RING_TIMEOUT="20")
    ringing = alice.message(bob.uri, "ringing")
    bob.respond(bob.expect("INVITE"), 180, "Ringing")
    answer = alice.final_answer_to(ringing)
    assert (answer.status, answer["Retry-After"]) == (480, "30"), "no 202 without a body to deliver later"
    assert gateway.message_row(ringing.call_id, state="failed")["body"] is None

    call = bob.call(alice.uri)
    tid = call.send("wait for it")
    message = alice.expect("MESSAGE")
    alice.fence()
    assert gateway.rows("SELECT 1 FROM sessions_app_messagerecord WHERE call_id = %s", message.call_id) == []
    alice.respond(message, 200)
    assert call.wire.response_to(tid).code == 200
    assert gateway.message_row(message.call_id, state="delivered")["body"] is None
    assert gateway.rows("SELECT 1 FROM sessions_app_messagerecord WHERE body IS NOT NULL") == []


@pytest.fixture
def open_house():
    """Everything is kept, everything is logged."""
    gateway = Served(
        **SHORT_TIMES,
        GATEWAY_STORE_BODIES="always",
        GATEWAY_TRACE="all",
        GATEWAY_TRACE_BODIES="keep",
        LOG_LEVEL="DEBUG",
    )
    try:
        yield gateway.start()
    finally:
        gateway.close()


def columns_with(gateway, secret):
    """Where in the database a text stands."""
    for column in gateway.rows(
        "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public'"
    ):
        table, name = column["table_name"], column["column_name"]
        text = f"encode(\"{name}\", 'escape')" if column["data_type"] == "bytea" else f'"{name}"::text'
        if gateway.rows(f'SELECT 1 FROM "{table}" WHERE {text} LIKE %s LIMIT 1', f"%{secret}%"):
            yield table, name


def test_where_all_is_kept_bodies_are_in_two_columns_and_nothing_that_is_told_or_logged_has_them(open_house):
    gateway = open_house
    visitor = Visitor(gateway)
    delivered, failed, refused = secrets = ("Tr0ub4dor-and-3", "c0rrect-h0rse", "battery-st4ple")
    alice, bob = SipPeer("alice", gateway), SessionPeer("bob", gateway)
    with contextlib.closing(alice), contextlib.closing(bob), contextlib.closing(Told(visitor, "websocket")) as told:
        sent = alice.message(bob.uri, delivered)
        call = bob.take_call()
        call.take_message()
        assert alice.final_answer_to(sent).status == 200
        kept = call.send(failed, message_id="Fails1")
        alice.respond(alice.expect("MESSAGE"), 404)
        assert call.wire.response_to(kept).code == 403
        told.next("message_failed", message_id="Fails1")
        assert alice.final_answer_to(alice.message(bob.uri, refused, content_type="image/png")).status == 415
        assert call.bye().status == 200
        told.next("session_ended", call_id=call.invite.call_id)
        (row,) = gateway.wait_for_rows("SELECT id FROM sessions_app_setupfailure WHERE answered = 415", within=15)
        gateway.wait_for_rows("SELECT 1 FROM sessions_app_traceframe WHERE session_id = %s", row["id"], count=2)
        heard = json.dumps(told.everything())
    with urllib.request.urlopen(f"{gateway.address}/metrics") as answer:
        measured = answer.read().decode()
    for secret in secrets:
        assert secret not in heard + measured
        assert not [line for line in gateway.output if secret in line or secret.encode().hex() in line]
    everywhere = {column for secret in secrets for column in columns_with(gateway, secret)}
    assert everywhere == {("sessions_app_messagerecord", "body"), ("sessions_app_traceframe", "data")}
