"""isComposing between the sides (RFC 3994; RULEBOOK C1)."""

import pytest

from tests.wire.cpim import cpim

TYPE = "application/im-iscomposing+xml"
TAKES = {"accept_types": f"text/plain {TYPE}"}


def composing(state, refresh=None):
    extra = f"<refresh>{refresh}</refresh>" if refresh else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<isComposing xmlns="urn:ietf:params:xml:ns:im-iscomposing">'
        f"<state>{state}</state><contenttype>text/plain</contenttype>{extra}</isComposing>"
    ).encode()


@pytest.fixture
def both(alice, bob):
    """A live session whose MSRP side takes isComposing."""
    first = alice.message(bob.uri, "first")
    call = bob.take_call(**TAKES)
    call.take_message()
    assert alice.final_answer_to(first).status == 200
    return call


def test_it_passes_to_the_msrp_side_without_a_row_and_without_a_report(gateway, alice, bob, both):
    before = gateway.session_row(both.call_id, state="live")["last_message_at"]
    for state in ("active", "idle"):
        sent = alice.message(bob.uri, composing(state), content_type=TYPE)
        send = both.expect_message()
        assert (send.body, send["Content-Type"], send["Failure-Report"]) == (composing(state), TYPE, "no")
        assert alice.final_answer_to(sent).status == 200
        assert gateway.rows("SELECT 1 FROM sessions_app_messagerecord WHERE call_id = %s", sent.call_id) == []
    after = gateway.session_row(both.call_id)["last_message_at"]
    assert after == before, "typing is no sign of life"


def test_an_idle_that_says_nothing_new_is_not_passed_on(alice, bob, both):
    sent = alice.message(bob.uri, composing("idle"), content_type=TYPE)
    assert alice.final_answer_to(sent).status == 200
    alice.fence()
    assert both.wire.having("SEND") == []


def test_a_message_ends_it(alice, bob, both):
    for _ in range(2):
        sent = alice.message(bob.uri, composing("active"), content_type=TYPE)
        assert both.expect_message()["Content-Type"] == TYPE
        assert alice.final_answer_to(sent).status == 200
        text = alice.message(bob.uri, "done")
        both.take_message()
        assert alice.final_answer_to(text).status == 200


def test_a_peer_that_does_not_take_it_is_not_bothered(alice, bob, live):
    answer = alice.final_answer_to(alice.message(bob.uri, composing("active"), content_type=TYPE))
    assert (answer.status, answer["Accept"]) == (415, "text/plain")
    assert live.wire.having("SEND") == []


def test_it_sets_up_no_session(alice, bob):
    assert alice.final_answer_to(alice.message(bob.uri, composing("active"), content_type=TYPE)).status == 202
    assert bob.has_received("INVITE") == []


def test_a_malformed_one_is_400(alice, bob, both):
    assert alice.final_answer_to(alice.message(bob.uri, b"<isComposing", content_type=TYPE)).status == 400


def test_it_passes_to_the_message_side(gateway, alice, bob):
    call = bob.call(alice.uri, **TAKES)
    tid = call.send(composing("active"), content_type=TYPE)
    assert call.wire.response_to(tid).code == 200
    message = alice.expect("MESSAGE")
    assert (message.body, message["Content-Type"]) == (composing("active"), TYPE)
    alice.respond(message, 200)
    assert gateway.rows("SELECT 1 FROM sessions_app_messagerecord WHERE to_uri = %s", alice.uri) == []


def test_it_is_unwrapped_for_the_message_side(alice, bob):
    call = bob.call(alice.uri, accept_types="message/cpim text/plain")
    body = cpim(composing("active").decode(), sender=bob.uri, recipient=alice.uri, kind=TYPE)
    call.send(body, content_type="message/cpim")
    message = alice.expect("MESSAGE")
    assert (message.body, message["Content-Type"]) == (composing("active"), TYPE)


def test_after_a_415_the_message_side_is_left_alone(alice, bob):
    call = bob.call(alice.uri, **TAKES)
    call.send(composing("active"), content_type=TYPE)
    alice.respond(alice.expect("MESSAGE"), 415, headers=["Accept: text/plain"])
    tid = call.send("text")
    alice.respond(alice.expect("MESSAGE"), 200)
    assert call.wire.response_to(tid).code == 200
    tid = call.send(composing("active"), content_type=TYPE)
    assert call.wire.response_to(tid).code == 200
    assert alice.has_received("MESSAGE") == []


def test_behind_a_busy_target_only_the_latest_waits_and_a_message_takes_its_place(alice, bob):
    call = bob.call(alice.uri, **TAKES)
    call.send("one")
    one = alice.expect("MESSAGE")
    for state in ("active", "idle", "active"):
        tid = call.send(composing(state), content_type=TYPE)
        assert call.wire.response_to(tid).code == 200
    alice.respond(one, 200)
    latest = alice.expect("MESSAGE")
    assert latest.body == composing("active")
    call.send(composing("idle"), content_type=TYPE)
    tid = call.send("two")
    alice.respond(latest, 200)
    two = alice.expect("MESSAGE")
    assert two.body == b"two"
    alice.respond(two, 200)
    assert call.wire.response_to(tid).code == 200
    assert alice.has_received("MESSAGE") == []
