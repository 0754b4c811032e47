"""What comes a second time is known again: on another session, after a restart (RULEBOOK M13, S18)."""

import pytest

from tests.wire.session_peer import SessionPeer
from tests.wire.sip_peer import SipPeer

SUCCESS = ["Success-Report: yes"]


@pytest.fixture
def pair(second_gateway):
    """In the gateway that says 202 after a second and may be killed."""
    made = SipPeer("alice", second_gateway), SessionPeer("bob", second_gateway)
    yield made
    for each in made:
        each.close()


def test_the_same_message_id_on_a_new_session_is_answered_and_not_delivered_again(alice, bob):
    call = bob.call(alice.uri)
    tid = call.send("once", message_id="Same1", reports=SUCCESS)
    alice.respond(alice.expect("MESSAGE"), 200)
    assert call.wire.response_to(tid).code == 200
    call.wire.close()
    again = bob.call(alice.uri)
    tid = again.send("once", message_id="Same1", reports=SUCCESS)
    assert again.wire.response_to(tid).code == 200
    assert again.report("Same1")["Status"] == "000 200 OK", "what is due is still due (RFC 4975 s5.4)"
    assert alice.has_received("MESSAGE") == []


def test_one_that_is_still_under_way_is_answered_where_its_sender_is_now(alice, bob):
    call = bob.call(alice.uri)
    call.send("slow", message_id="Same2", reports=SUCCESS)
    message = alice.expect("MESSAGE")
    call.wire.close()
    again = bob.call(alice.uri)
    tid = again.send("slow", message_id="Same2", reports=SUCCESS)
    assert again.wire.response_to(tid).code == 200, "it is kept"
    alice.respond(message, 200)
    assert again.report("Same2")["Status"] == "000 200 OK"
    assert alice.has_received("MESSAGE") == []


def test_one_that_failed_may_be_tried_again_as_another_request(alice, bob):
    call = bob.call(alice.uri)
    tid = call.send("please", message_id="Same3")
    first = alice.expect("MESSAGE")
    alice.respond(first, 486)
    call.wire.response_to(tid)
    tid = call.send("please", message_id="Same3")
    second = alice.expect("MESSAGE")
    assert (second.call_id, second.cseq) == (first.call_id, (2, "MESSAGE"))
    alice.respond(second, 200)
    assert call.wire.response_to(tid).code == 200


def test_a_message_that_is_repeated_to_a_restarted_gateway_gets_its_answer_and_goes_nowhere(second_gateway, pair):
    alice, bob = pair
    sent = alice.message(bob.uri, "once")
    call = bob.take_call()
    call.take_message()
    assert alice.final_answer_to(sent).status == 200
    second_gateway.message_row(sent.call_id, state="delivered")
    second_gateway.kill()
    second_gateway.start()
    alice.write(sent.raw)
    assert alice.final_answer_to(sent).status == 200
    assert bob.has_received("INVITE") == []


def test_a_message_promised_by_202_is_still_202_after_a_restart(second_gateway, pair):
    alice, bob = pair
    sent = alice.message(bob.uri, "kept")
    call = bob.take_call()
    send = call.expect_message()
    assert alice.final_answer_to(sent).status == 202
    second_gateway.kill()
    second_gateway.start()
    alice.write(sent.raw)
    assert alice.final_answer_to(sent).status == 202
    again = call.take_offer().take_message()
    assert again["Message-ID"] == send["Message-ID"]
    second_gateway.message_row(sent.call_id, state="delivered")
    alice.fence()
    assert call.wire.having("SEND") == [], "once"


def test_a_message_that_had_no_answer_is_the_same_send_after_a_restart(second_gateway, pair):
    """Its row does not exist: the Message-ID follows from the MESSAGE, so bob can tell."""
    alice, bob = pair
    sent = alice.message(bob.uri, "first words")
    call = bob.take_call()
    send = call.expect_message()
    second_gateway.kill()
    second_gateway.start()
    alice.write(sent.raw)
    again = bob.take_call().take_message()
    assert (again.body, again["Message-ID"]) == (send.body, send["Message-ID"])
    assert alice.final_answer_to(sent).status == 200


def test_a_send_that_was_delivered_before_a_restart_is_known_after_it(second_gateway, pair):
    alice, bob = pair
    call = bob.call(alice.uri)
    tid = call.send("once", message_id="Same4", reports=SUCCESS)
    message = alice.expect("MESSAGE")
    alice.respond(message, 200)
    assert call.wire.response_to(tid).code == 200
    second_gateway.message_row(message.call_id, state="delivered")
    second_gateway.kill()
    second_gateway.start()
    again = bob.call(alice.uri)
    tid = again.send("once", message_id="Same4", reports=SUCCESS)
    assert again.wire.response_to(tid).code == 200
    assert again.report("Same4")["Status"] == "000 200 OK"
    assert alice.has_received("MESSAGE") == []
