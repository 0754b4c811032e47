"""Expires of a MESSAGE that has to wait (RFC 3428 s4, RULEBOOK M9)."""


def test_a_message_that_waits_longer_than_it_is_valid_is_answered_and_never_sent(gateway, alice, bob):
    short = alice.message(bob.uri, "be quick", headers=["Expires: 1"])
    long = alice.message(bob.uri, "no hurry", headers=["Expires: 60"])
    plain = alice.message(bob.uri, "whenever")
    invite = bob.expect("INVITE")
    bob.respond(invite, 180, "Ringing")
    assert alice.final_answer_to(short).status == 480
    row = gateway.message_row(short.call_id)
    assert (row["state"], row["sip_code"]) == ("expired", 480)
    call = bob.answer(invite)
    bob.expect("ACK")
    call.expect_connection()
    assert [call.take_message().body for _ in range(2)] == [b"no hurry", b"whenever"]
    assert [alice.final_answer_to(each).status for each in (long, plain)] == [200, 200]
    assert call.wire.having("SEND") == []
