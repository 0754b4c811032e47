"""A connection lost while messages are owed: the session is offered anew on its dialog (RULEBOOK S5, S17, S18)."""

import pytest


def test_a_send_without_its_answer_goes_out_again_on_a_new_path_as_the_same_message(gateway, alice, bob, live):
    sent = alice.message(bob.uri, "did you get this?")
    first = live.expect_message()
    old_path = live.gateway_path
    live.wire.close()
    again = live.take_offer().take_message()
    assert (again.body, again["Message-ID"]) == (first.body, first["Message-ID"])
    assert live.gateway_path != old_path, "a new path for a new session (RFC 4975 s5.4)"
    assert alice.final_answer_to(sent).status == 200
    assert gateway.session_row(live.call_id, state="live")["local_path"] == live.gateway_path
    more = alice.message(bob.uri, "and this?")
    assert live.take_message().body == b"and this?"
    assert alice.final_answer_to(more).status == 200
    tid = live.send("both")
    alice.respond(alice.expect("MESSAGE"), 200)
    assert live.wire.response_to(tid).code == 200


def test_messages_that_come_meanwhile_wait_behind_it(alice, bob, live):
    sent = [alice.message(bob.uri, "one")]
    live.expect_message()
    live.wire.close()
    offer = live.expect_offer()
    sent += [alice.message(bob.uri, text) for text in ("two", "three")]
    alice.fence()
    live.answer_offer(offer)
    assert [live.take_message().body for _ in range(3)] == [b"one", b"two", b"three"]
    assert [alice.final_answer_to(each).status for each in sent] == [200, 200, 200]


@pytest.mark.parametrize("code", [481, 408, 488, 500])
def test_where_the_new_offer_is_refused_a_new_call_carries_them(gateway, alice, bob, live, code):
    sent = alice.message(bob.uri, "whatever it takes")
    first = live.expect_message()
    live.wire.close()
    bob.respond(live.expect_offer(), code, "No")
    if code not in (408, 481):  # these say that the dialog is gone (RFC 3261 s12.2.1.2)
        live.expect_bye()
    again = bob.take_call().take_message()
    assert again["Message-ID"] == first["Message-ID"]
    assert alice.final_answer_to(sent).status == 200
    assert "re-INVITE" in gateway.session_row(live.call_id, state="ended")["end_reason"]


def test_offers_that_cross_are_made_again_after_a_pause(alice, bob, live):
    """RFC 3261 s14.1: 2.1 to 4 s for who made the Call-ID, which is the gateway here."""
    sent = alice.message(bob.uri, "glare")
    live.expect_message()
    live.wire.close()
    offer = live.expect_offer()
    bob.respond(offer, 491, "Request Pending")
    assert bob.expect("ACK", call_id=live.call_id).cseq == (offer.cseq[0], "ACK")
    assert live.take_offer(within=5.0).take_message().body == b"glare"
    assert alice.final_answer_to(sent).status == 200


def test_while_our_offer_is_open_theirs_is_491(alice, bob, live):
    alice.message(bob.uri, "x")
    live.expect_message()
    live.wire.close()
    offer = live.expect_offer()
    assert live.offer_again(bob.msrp.new_path(), setup="passive").status == 491
    live.answer_offer(offer)
    assert live.take_message().body == b"x"


def test_a_peer_that_breaks_every_connection_is_not_offered_for_ever(gateway, alice, bob, live):
    sent = alice.message(bob.uri, "poison")
    live.expect_message()
    live.wire.close()
    live.take_offer().expect_message()
    live.wire.close()
    live.expect_bye()
    assert alice.final_answer_to(sent).status == 480
    gateway.message_row(sent.call_id, state="failed")


def test_a_session_that_owes_nothing_to_the_msrp_side_ends(gateway, alice, bob):
    """What it owes to the message side goes on without it."""
    call = bob.call(alice.uri)
    tid = call.send("kept")
    message = alice.expect("MESSAGE")
    assert call.wire.response_to(tid).code == 200
    call.wire.close()
    call.expect_bye()
    alice.respond(message, 200)
    gateway.message_row(message.call_id, state="delivered")


def test_two_sessions_on_one_connection_are_both_offered_anew_when_it_dies(gateway, page, bob):
    alice, carol = page(), page("carol")
    first = alice.message(bob.uri, "from alice")
    of_alice = bob.take_call()
    of_alice.take_message()
    assert alice.final_answer_to(first).status == 200
    second = carol.message(bob.uri, "from carol")
    of_carol = bob.answer(bob.expect("INVITE"))
    bob.expect("ACK")
    of_carol.wire = of_alice.wire
    of_carol.expect_bind()
    of_carol.take_message()
    assert carol.final_answer_to(second).status == 200
    sent = {each: each.message(bob.uri, f"again from {each.user}") for each in (alice, carol)}
    of_alice.expect_message()
    of_carol.expect_message()
    of_alice.wire.close()
    for _, call in ((alice, of_alice), (carol, of_carol)):
        call.answer_offer(call.expect_offer(), connect=False)
    wire = bob.msrp.accepted()
    for who, call in ((alice, of_alice), (carol, of_carol)):
        call.wire = wire
        call.expect_bind()
        assert call.take_message().body == f"again from {who.user}".encode()
        assert who.final_answer_to(sent[who]).status == 200


@pytest.mark.parametrize("cut", [1, 40, -12, -1], ids=["first octet", "in the head", "in the end-line", "last octet"])
def test_a_send_that_breaks_off_is_nobodys_message(gateway, alice, bob, called, cut):
    """TCP drop at a point of their SEND: nothing is acknowledged, nothing is delivered, the sender comes again."""
    body = "half a message"
    raw = (
        f"MSRP abcd1234 SEND\r\nTo-Path: {called.gateway_path}\r\nFrom-Path: {called.own_path}\r\n"
        f"Message-ID: Half{abs(cut)}\r\nByte-Range: 1-{len(body)}/{len(body)}\r\nContent-Type: text/plain\r\n\r\n"
        f"{body}\r\n-------abcd1234$\r\n"
    ).encode()
    called.wire.write(raw[:cut])
    called.wire.close()
    called.expect_bye()
    assert alice.has_received("MESSAGE") == []
    again = bob.call(alice.uri)
    tid = again.send(body, message_id=f"Half{abs(cut)}")
    message = alice.expect("MESSAGE")
    alice.respond(message, 200)
    assert again.wire.response_to(tid).code == 200
