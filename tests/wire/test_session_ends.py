"""How sessions end, and that their end leaves nothing behind: no dialog, no MSRP session, no connection, no row."""


def ended(gateway, call, reason):
    """The session's row is closed and says why."""
    row = gateway.session_row(call.call_id, state="ended")
    assert reason in row["end_reason"]
    assert row["ended_at"] is not None
    return row


def gone(call):
    """The dialog is no more: 481."""
    assert call.bye().status == 481


def test_a_bye_of_the_msrp_side_ends_it(gateway, alice, bob, live):
    assert live.bye().status == 200
    live.wire.expect_close()
    ended(gateway, live, "BYE from the MSRP side")
    gone(live)
    again = alice.message(bob.uri, "hello again")
    assert bob.take_call().take_message().body == b"hello again"
    assert alice.final_answer_to(again).status == 200


def test_a_bye_of_the_msrp_side_ends_the_session_that_it_began(gateway, alice, called):
    assert called.bye().status == 200
    called.wire.expect_close()
    ended(gateway, called, "BYE from the MSRP side")


def test_a_message_under_way_at_the_bye_is_answered(alice, bob, live):
    sent = alice.message(bob.uri, "too late")
    live.expect_message()
    assert live.bye().status == 200
    assert alice.final_answer_to(sent).status == 480


def test_what_was_acknowledged_before_the_bye_is_still_delivered(gateway, alice, called):
    tids = [called.send(f"number {number}") for number in range(3)]
    first = alice.expect("MESSAGE")
    assert {called.wire.response_to(tid).code for tid in tids} == {200}
    assert called.bye().status == 200
    alice.respond(first, 200)
    for number in (1, 2):
        message = alice.expect("MESSAGE")
        assert message.body == b"number %d" % number
        alice.respond(message, 200)
        gateway.message_row(message.call_id, state="delivered")


def test_a_second_invite_for_a_live_key_replaces_the_session(gateway, alice, bob, called):
    """DEFECTS D16: that user's client was restarted, say."""
    newer = bob.call(alice.uri)
    called.expect_bye()
    called.wire.expect_close()
    ended(gateway, called, "replaced")
    sent = alice.message(bob.uri, "which one?")
    assert newer.take_message().body == b"which one?"
    assert alice.final_answer_to(sent).status == 200


def test_an_invite_replaces_the_session_that_a_message_began(gateway, alice, bob, live):
    newer = bob.call(alice.uri)
    live.expect_bye()
    sent = alice.message(bob.uri, "which one?")
    assert newer.take_message().body == b"which one?"
    assert alice.final_answer_to(sent).status == 200


def test_a_lost_msrp_connection_ends_the_session_with_a_bye(gateway, alice, bob, live):
    """DEFECTS D39."""
    sent = alice.message(bob.uri, "on its way")
    live.expect_message()
    live.wire.close()
    live.expect_bye()
    assert alice.final_answer_to(sent).status == 480
    ended(gateway, live, "connection lost")
    again = alice.message(bob.uri, "hello again")
    assert bob.take_call().take_message().body == b"hello again"
    assert alice.final_answer_to(again).status == 200


def test_two_sessions_share_a_connection_that_the_gateway_opened(page, bob):
    alice, carol = page(), page("carol")
    first = alice.message(bob.uri, "from alice")
    of_alice = bob.take_call()
    of_alice.take_message()
    second = carol.message(bob.uri, "from carol")
    of_carol = bob.answer(bob.expect("INVITE"))
    of_carol.wire = of_alice.wire
    of_carol.take_message()
    assert alice.final_answer_to(first).status == carol.final_answer_to(second).status == 200

    assert of_alice.bye().status == 200
    third = carol.message(bob.uri, "still here?")
    assert of_carol.take_message().body == b"still here?"
    assert carol.final_answer_to(third).status == 200
    tid = of_carol.send("yes")
    carol.respond(carol.expect("MESSAGE"), 200)
    assert of_carol.wire.response_to(tid).code == 200
    assert of_carol.bye().status == 200
    of_carol.wire.expect_close()


def test_two_sessions_share_a_connection_that_the_peer_opened(page, bob):
    alice, carol = page(), page("carol")
    of_alice = bob.call(alice.uri)
    sent = bob.invite(carol.uri)
    of_carol = bob.dialog_of(sent, bob.final_answer_to(sent))
    of_carol.ack()
    of_carol.connect_and_bind(of_alice.wire)
    of_alice.send("to alice")
    of_carol.send("to carol")
    for peer, text in ((alice, b"to alice"), (carol, b"to carol")):
        message = peer.expect("MESSAGE")
        assert message.body == text
        peer.respond(message, 200)
    assert of_alice.bye().status == 200
    of_carol.send("still here")
    message = carol.expect("MESSAGE")
    carol.respond(message, 200)
    assert message.body == b"still here"
    of_carol.wire.close()
    of_carol.expect_bye()
