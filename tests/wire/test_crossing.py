"""INVITEs, answers and CANCELs that cross each other; new offers in a dialog (RFC 3261 s9, s13, s14)."""


def ring(bob, alice):
    """Alice's MESSAGE makes the gateway call bob, who lets it ring."""
    sent = alice.message(bob.uri, "meanwhile")
    invite = bob.expect("INVITE")
    bob.respond(invite, 180, "Ringing")
    return sent, invite


def test_our_pending_invite_gives_way_to_theirs(gateway, alice, bob):
    sent, invite = ring(bob, alice)
    theirs = bob.invite(alice.uri)
    cancel = bob.expect("CANCEL")
    assert cancel.branch == invite.branch
    bob.respond(invite, 487, "Request Terminated")
    bob.expect("ACK")
    call = bob.dialog_of(theirs, bob.final_answer_to(theirs))
    call.ack()
    call.connect_and_bind()
    assert call.take_message().body == b"meanwhile"
    assert alice.final_answer_to(sent).status == 200
    gateway.session_row(invite.call_id, state="ended")
    gateway.session_row(theirs.call_id, state="live")
    assert gateway.rows("SELECT 1 FROM sessions_app_setupfailure WHERE from_uri = %s", alice.uri) == []
    assert alice.has_received("MESSAGE") == []


def test_an_invite_that_nobody_has_answered_yet_is_cancelled_once_somebody_does(alice, bob):
    """s9.1: a CANCEL has to wait for a provisional answer."""
    sent = alice.message(bob.uri, "meanwhile")
    invite = bob.expect("INVITE")
    call = bob.call(alice.uri)
    assert call.take_message().body == b"meanwhile"
    assert alice.final_answer_to(sent).status == 200
    assert bob.has_received("CANCEL") == []
    bob.respond(invite, 180, "Ringing")
    assert bob.expect("CANCEL").branch == invite.branch


def test_a_200_that_crosses_our_cancel_gets_its_ack_and_a_bye(alice, bob):
    sent, invite = ring(bob, alice)
    newer = bob.call(alice.uri)
    bob.expect("CANCEL")
    older = bob.answer(invite)
    ack = bob.expect("ACK", call_id=invite.call_id)
    assert ack.to_tag == older.own_tag
    bye = older.expect_bye()
    assert (bye.to_tag, bye.from_tag) == (older.own_tag, older.gateway_tag)
    assert newer.take_message().body == b"meanwhile"
    assert alice.final_answer_to(sent).status == 200


def test_a_200_after_the_ring_timeout_gets_its_ack_and_a_bye(alice, bob):
    sent, invite = ring(bob, alice)
    bob.expect("CANCEL")
    assert alice.final_answer_to(sent).status == 480
    late = bob.answer(invite)
    bob.expect("ACK", call_id=invite.call_id)
    late.expect_bye()


def test_of_two_2xx_of_a_fork_the_second_gets_its_ack_and_a_bye(alice, bob):
    sent = alice.message(bob.uri, "to whom?")
    invite = bob.expect("INVITE")
    first = bob.answer(invite, tag="desk")
    assert bob.expect("ACK").to_tag == "desk"
    second = bob.answer(invite, tag="mobile")
    assert bob.expect("ACK").to_tag == "mobile"
    assert second.expect_bye().to_tag == "mobile"
    assert first.expect_connection().take_message().body == b"to whom?"
    assert alice.final_answer_to(sent).status == 200
    assert bob.has_received("BYE") == []


def test_a_repeated_200_is_acknowledged_again(alice, bob):
    alice.message(bob.uri)
    invite = bob.expect("INVITE")
    path = bob.msrp.new_path()
    bob.answer(invite, own_path=path)
    first = bob.expect("ACK")
    bob.answer(invite, own_path=path)
    assert bob.expect_repeat("ACK").raw == first.raw
    assert bob.has_received("BYE") == []


def test_a_200_is_repeated_until_its_ack(alice, bob):
    sent = bob.invite(alice.uri)
    first = bob.final_answer_to(sent)
    again = bob.final_answer_to(sent)
    assert again.raw == first.raw
    assert 0.4 < again.at - first.at < 1
    bob.dialog_of(sent, first).ack()


def test_a_new_offer_of_the_same_path_changes_nothing(alice, bob, live):
    answer = live.offer_again(setup="actpass")
    assert answer.status == 200
    assert live.gateway_path.encode() in answer.body
    sent = alice.message(bob.uri, "still there?")
    assert live.take_message().body == b"still there?"
    assert alice.final_answer_to(sent).status == 200
    assert live.bye().status == 200


def test_a_new_offer_moves_the_path_to_a_connection_of_theirs(alice, bob, live):
    older = live.wire
    assert live.offer_again(bob.msrp.new_path(), setup="active").status == 200
    older.expect_close()
    live.connect_and_bind()
    sent = alice.message(bob.uri, "moved?")
    assert live.take_message().body == b"moved?"
    assert alice.final_answer_to(sent).status == 200
    tid = live.send("moved!")
    alice.respond(alice.expect("MESSAGE"), 200)
    assert live.wire.response_to(tid).code == 200


def test_a_new_offer_moves_the_path_to_a_connection_of_ours(alice, bob, live, session):
    elsewhere = session("elsewhere")
    older = live.wire
    assert live.offer_again(elsewhere.msrp.new_path(), setup="passive").status == 200
    older.expect_close()
    live.wire = elsewhere.msrp.accepted()
    live.expect_bind()
    sent = alice.message(bob.uri, "moved?")
    assert live.take_message().body == b"moved?"
    assert alice.final_answer_to(sent).status == 200


def test_messages_that_come_while_the_path_moves_wait_for_it(alice, bob, live):
    assert live.offer_again(bob.msrp.new_path(), setup="active").status == 200
    sent = [alice.message(bob.uri, f"number {number}") for number in range(3)]
    alice.fence()
    live.connect_and_bind()
    assert [live.take_message().body for _ in range(3)] == [b"number 0", b"number 1", b"number 2"]
    assert [alice.final_answer_to(each).status for each in sent] == [200] * 3


def test_a_message_under_way_when_the_path_moves_goes_out_again_as_the_same(gateway, alice, bob, live):
    """And before those that come later."""
    sent = [alice.message(bob.uri, "on its way")]
    first = live.expect_message()
    assert live.offer_again(bob.msrp.new_path(), setup="active").status == 200
    sent.append(alice.message(bob.uri, "later"))
    alice.fence()
    live.connect_and_bind()
    again = live.take_message()
    assert (again.body, again["Message-ID"]) == (b"on its way", first["Message-ID"])
    assert live.take_message().body == b"later"
    assert [alice.final_answer_to(each).status for each in sent] == [200, 200]


def test_a_report_goes_along_when_the_path_moves(alice, bob, called):
    kept = called.send("tell me", message_id="Moved1", reports=["Success-Report: yes"])
    assert called.wire.response_to(kept).code == 200
    message = alice.expect("MESSAGE")
    assert called.offer_again(bob.msrp.new_path(), setup="active").status == 200
    called.connect_and_bind()
    alice.respond(message, 200)
    assert called.report("Moved1")["Status"] == "000 200 OK"


def test_a_new_offer_may_lower_max_size(alice, bob, live):
    assert live.offer_again(extra=["a=max-size:10"]).status == 200
    assert alice.final_answer_to(alice.message(bob.uri, "longer than ten")).status == 413


def test_a_bye_before_the_session_is_bound(gateway, alice, bob):
    sent = bob.invite(alice.uri)
    call = bob.dialog_of(sent, bob.final_answer_to(sent))
    assert call.bye().status == 200
    assert gateway.failure_row(bob.uri)["detail"] == "BYE before the session was live"
    assert bob.call(alice.uri)


def test_a_new_offer_that_cannot_be_taken_is_refused_and_the_session_goes_on(alice, bob, live):
    path = live.own_path
    answer = live.offer_again(bob.msrp.new_path(), accept_types="image/png")
    assert answer.status == 488
    live.own_path = path
    sent = alice.message(bob.uri, "still there?")
    assert live.take_message().body == b"still there?"
    assert alice.final_answer_to(sent).status == 200


def test_a_cancel_after_our_200_is_answered_and_changes_nothing(alice, bob):
    """s9.2: the final answer was given, so it has no effect."""
    sent = bob.invite(alice.uri)
    call = bob.dialog_of(sent, bob.final_answer_to(sent))
    cancel = bob.request(
        "CANCEL", alice.uri, call_id=sent.call_id, from_tag=sent.from_tag, branch=sent.branch, cseq=sent.cseq
    )
    assert bob.final_answer_to(cancel).status == 200
    call.ack()
    call.connect_and_bind()
    call.send("hello")
    alice.respond(alice.expect("MESSAGE"), 200)


def test_a_cancel_for_nothing_is_481(alice, bob):
    assert bob.final_answer_to(bob.request("CANCEL", alice.uri)).status == 481


def test_a_retransmitted_invite_makes_one_session(gateway, alice, bob):
    sent = bob.invite(alice.uri)
    bob.write(sent.raw)
    call = bob.dialog_of(sent, bob.final_answer_to(sent))
    bob.write(sent.raw)
    call.ack()
    call.connect_and_bind()
    gateway.session_row(sent.call_id, state="live")
    assert bob.has_received("BYE") == []


def test_a_message_in_the_dialog_is_sent_to_the_msrp_session(live):
    """RULEBOOK M8."""
    sent = live.request("MESSAGE", headers=["Content-Type: text/plain"], body=b"hello")
    assert live.peer.final_answer_to(sent).status == 403


def test_requests_in_the_dialog_must_count_up(live):
    live.cseq = 10
    assert live.peer.final_answer_to(live.request("OPTIONS")).status == 200
    assert live.peer.final_answer_to(live.request("OPTIONS", cseq=9)).status == 500


def test_their_invite_with_an_offer_we_cannot_take_does_not_cost_ours(alice, bob):
    sent, invite = ring(bob, alice)
    assert bob.final_answer_to(bob.invite(alice.uri, accept_types="image/png")).status == 488
    call = bob.answer(invite)
    bob.expect("ACK", call_id=invite.call_id)
    assert call.expect_connection().take_message().body == b"meanwhile"
    assert alice.final_answer_to(sent).status == 200
    assert bob.has_received("CANCEL") == []


def test_messages_wait_for_the_bind_of_a_session_that_they_did_not_begin(alice, bob):
    theirs = bob.invite(alice.uri)
    call = bob.dialog_of(theirs, bob.final_answer_to(theirs))
    call.ack()
    sent = [alice.message(bob.uri, f"number {number}") for number in range(2)]
    alice.fence()
    call.connect_and_bind()
    assert [call.take_message().body for _ in range(2)] == [b"number 0", b"number 1"]
    assert [alice.final_answer_to(each).status for each in sent] == [200] * 2


def test_a_session_that_they_began_and_never_bound_ends_with_a_bye(gateway, alice, bob):
    """Bind timeout is 2 s here. A MESSAGE that waited is told."""
    theirs = bob.invite(alice.uri)
    call = bob.dialog_of(theirs, bob.final_answer_to(theirs))
    call.ack()
    sent = alice.message(bob.uri, "are you there?")
    call.expect_bye()
    assert alice.final_answer_to(sent).status == 500
    row = gateway.failure_row(bob.uri)
    assert (row["layer"], row["code"], row["reason"], row["waiting"]) == ("msrp", None, None, 1)
    gateway.session_row(theirs.call_id, state="failed")
