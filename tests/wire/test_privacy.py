"""Where bodies are kept, and for how long (GATEWAY_STORE_BODIES)."""

import hashlib

import pytest

from tests.wire.conftest import SHORT_TIMES
from tests.wire.running import Running
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
