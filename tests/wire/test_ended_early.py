"""Sessions that an operator ends before they live: whatever of them comes later finds nobody, and hurts nobody."""


def end(gateway, row):
    """An operator's wish, carried out."""
    gateway.execute(
        "INSERT INTO sessions_app_nodecommand (node, verb, session_id, by, created_at, result)"
        " VALUES (%s, 'end_session', %s, 'sql', now(), '')",
        row["node"],
        row["id"],
    )
    gateway.execute("SELECT pg_notify('parley_command', %s)", row["node"])
    gateway.wait_for_rows(
        "SELECT 1 FROM sessions_app_nodecommand WHERE session_id = %s AND done_at IS NOT NULL", row["id"]
    )


def test_a_ringing_call_is_cancelled_and_its_late_200_hung_up(gateway, alice, bob):
    sent = alice.message(bob.uri, "meanwhile")
    invite = bob.expect("INVITE")
    bob.respond(invite, 180, "Ringing")
    (row,) = gateway.wait_for_rows("SELECT * FROM sessions_app_gatewaysession WHERE from_uri = %s", alice.uri)
    end(gateway, row)
    assert bob.expect("CANCEL").branch == invite.branch
    assert alice.final_answer_to(sent).status == 480
    late = bob.answer(invite)
    bob.expect("ACK", call_id=invite.call_id)
    late.expect_bye()
    again = alice.message(bob.uri, "once more")
    assert bob.take_call().take_message().body == b"once more"
    assert alice.final_answer_to(again).status == 200


def test_an_answered_call_hears_of_its_end_after_its_ack_and_its_sends_are_481(gateway, alice, bob):
    sent = bob.invite(alice.uri)
    answer = bob.final_answer_to(sent)
    assert answer.status == 200
    call = bob.dialog_of(sent, answer)
    end(gateway, gateway.session_row(call.call_id))
    call.ack()
    call.expect_bye()
    wire = bob.msrp.connect()
    assert wire.response_to(wire.bind(call.gateway_path, call.own_path)).code == 481
    assert alice.has_received("MESSAGE") == []
    assert bob.call(alice.uri).bye().status == 200
