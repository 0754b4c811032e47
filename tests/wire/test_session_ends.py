"""How sessions end, and that their end leaves nothing behind: no dialog, no MSRP session, no connection, no row."""

import pytest

from tests.wire.session_peer import sdp


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


def test_a_message_under_way_at_the_bye_is_carried_by_a_new_call_as_the_same(gateway, alice, bob, live):
    """It may have arrived: a refusal could be a lie, and the Message-ID tells."""
    sent = alice.message(bob.uri, "crossing")
    send = live.expect_message()
    assert live.bye().status == 200
    again = bob.take_call().take_message()
    assert (again.body, again["Message-ID"]) == (send.body, send["Message-ID"])
    assert alice.final_answer_to(sent).status == 200
    ended(gateway, live, "BYE from the MSRP side")


def test_who_hangs_up_on_every_call_is_not_called_for_ever(alice, bob, live):
    sent = alice.message(bob.uri, "unwanted")
    live.expect_message()
    assert live.bye().status == 200
    again = bob.take_call()
    again.expect_message()
    assert again.bye().status == 200
    assert alice.final_answer_to(sent).status == 480
    assert bob.has_received("INVITE") == []


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
    gateway.session_row(called.call_id, state="live")
    newer = bob.call(alice.uri)
    called.expect_bye()
    called.wire.expect_close()
    ended(gateway, called, "replaced")
    gateway.session_row(newer.call_id, state="live")
    sent = alice.message(bob.uri, "which one?")
    assert newer.take_message().body == b"which one?"
    assert alice.final_answer_to(sent).status == 200


def test_an_invite_replaces_the_session_that_a_message_began(gateway, alice, bob, live):
    newer = bob.call(alice.uri)
    live.expect_bye()
    sent = alice.message(bob.uri, "which one?")
    assert newer.take_message().body == b"which one?"
    assert alice.final_answer_to(sent).status == 200


def test_a_message_under_way_when_their_invite_replaces_the_session_goes_out_again_as_the_same(alice, bob, live):
    """It may have arrived, so it is not refused; and before those that come later."""
    sent = [alice.message(bob.uri, "on its way")]
    first = live.expect_message()
    newer = bob.dialog_of(invite := bob.invite(alice.uri), bob.final_answer_to(invite))
    newer.ack()
    live.expect_bye()
    sent.append(alice.message(bob.uri, "later"))
    alice.fence()
    newer.connect_and_bind()
    again = newer.take_message()
    assert (again.body, again["Message-ID"]) == (b"on its way", first["Message-ID"])
    assert newer.take_message().body == b"later"
    assert [alice.final_answer_to(each).status for each in sent] == [200, 200]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_lost_msrp_connection_ends_the_session_with_a_bye(gateway, alice, bob, live):
    """DEFECTS D39."""
    live.wire.close()
    live.expect_bye()
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
    of_carol.expect_bind()
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
    assert of_alice.wire.response_to(of_alice.send("too late")).code == 481
    of_carol.send("still here")
    message = carol.expect("MESSAGE")
    carol.respond(message, 200)
    assert message.body == b"still here"
    of_carol.wire.close()
    of_carol.expect_bye()


def test_a_session_goes_at_once_to_its_successor_also_in_the_records(gateway, alice, bob):
    """One key, one live session at a time, whatever the batch they are written in."""
    calls = [bob.call(alice.uri) for _ in range(5)]
    for call in calls[:-1]:
        call.expect_bye()
        ended(gateway, call, "replaced")
    gateway.session_row(calls[-1].call_id, state="live")


def test_the_bye_takes_the_route_that_the_invite_recorded(alice, bob, session):
    """RFC 3261 s12.1.1, s12.2.1.1; we called nobody, a proxy stands between."""
    proxy = session("proxy")
    route = f"<sip:127.0.0.1:{proxy.address[1]};lr>"
    path = bob.msrp.new_path()
    sent = bob.request(
        "INVITE",
        alice.uri,
        headers=[f"Record-Route: {route}", f"Contact: <{bob.uri}>", "Content-Type: application/sdp"],
        body=sdp(path, setup="active"),
    )
    sent.own_path = path
    answer = bob.final_answer_to(sent)
    assert answer["Record-Route"] == route
    call = bob.dialog_of(sent, answer)
    call.ack()
    call.connect_and_bind()
    call.wire.close()
    bye = proxy.expect("BYE", call_id=call.call_id)
    assert (bye["Route"], bye.ruri) == (route, bob.uri)


def test_ack_and_bye_take_the_route_that_the_answer_recorded(alice, bob, session):
    """The same where we called: the route set is reversed."""
    proxy = session("proxy")
    near, far = f"<sip:127.0.0.1:{proxy.address[1]};lr>", "<sip:127.0.0.1:9;lr>"
    alice.message(bob.uri, "first")
    invite = bob.expect("INVITE")
    path = bob.msrp.new_path()
    bob.respond(
        invite,
        200,
        headers=[
            f"Record-Route: {far}, {near}",
            f"Contact: <sip:deep-inside@127.0.0.1:{bob.address[1]}>",
            "Content-Type: application/sdp",
        ],
        body=sdp(path, setup="passive"),
    )
    ack = proxy.expect("ACK", call_id=invite.call_id)
    assert (ack.all("Route"), ack.ruri) == ([near, far], f"sip:deep-inside@127.0.0.1:{bob.address[1]}")
    bob.msrp.accepted().close()
    bye = proxy.expect("BYE", call_id=invite.call_id)
    assert (bye.all("Route"), bye.ruri) == (ack.all("Route"), ack.ruri)


def test_a_message_to_the_gateway_itself_comes_to_an_end(gateway, alice):
    """It would call itself for ever."""
    sent = alice.message(f"sip:somebody@127.0.0.1:{gateway.sip_port}", "echo")
    assert alice.final_answer_to(sent).status >= 400
    gateway.wait_for_rows(
        "SELECT 1 FROM sessions_app_gatewaysession WHERE from_uri = %s AND ended_at IS NULL", alice.uri, count=0
    )


def test_somebody_may_write_to_themselves(session):
    """Both addresses are the same, and so are both sides of the key."""
    bob = session()
    sent = bob.message(bob.uri, "note to self")
    call = bob.take_call()
    assert call.take_message().body == b"note to self"
    assert bob.final_answer_to(sent).status == 200
    call.send("and back")
    message = bob.expect("MESSAGE")
    assert message.body == b"and back"
    bob.respond(message, 200)
