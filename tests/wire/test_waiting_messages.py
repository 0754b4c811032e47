"""MESSAGEs that waited for a set-up: each gets its own answer, whatever becomes of the others."""

import pytest


def test_each_waiting_message_is_answered_for_itself(gateway, alice, bob):
    sent = [alice.message(bob.uri, f"number {number}") for number in range(4)]
    call = bob.take_call()
    for code in (200, 413, 200, 403):
        call.wire.answer(call.expect_message(), code, "Really")
    assert [alice.final_answer_to(each).status for each in sent] == [200, 413, 200, 403]
    assert [gateway.message_row(each.call_id)["state"] for each in sent] == [
        "delivered", "failed", "delivered", "failed"]  # fmt: skip
    assert call.bye().status == 200, "a refused message is no end of the session"


def test_a_set_up_that_fails_before_its_invite_leaves_a_free_key_each_time(gateway, alice):
    """No message is ever queued to a session that nobody calls."""
    for count in (1, 2, 3):
        sent = alice.message("sip:nobody@nowhere.invalid")
        assert alice.final_answer_to(sent).status == 500
        rows = gateway.wait_for_rows(
            "SELECT code, waiting FROM sessions_app_setupfailure WHERE from_uri = %s", alice.uri, count=count
        )
        assert {(row["code"], row["waiting"]) for row in rows} == {(None, 1)}


@pytest.mark.parametrize(
    "written",
    ['"Alice; <A>" <{uri}>;tag={tag};p=1', "<{uri}>  ;  p=1 ; tag={tag}", 'Alice <{uri}>;tag={tag};p="<;>"'],
)
def test_the_address_of_the_way_back_is_the_uri_whatever_stands_around_it(alice, bob, written):
    sent = alice.compose("MESSAGE", bob.uri, headers=["Content-Type: text/plain"], body=b"hello")
    plain = f"<{alice.uri}>;tag={sent.from_tag}"
    alice.write(sent.raw.replace(plain.encode(), written.format(uri=alice.uri, tag=sent.from_tag).encode()))
    call = bob.take_call()
    call.take_message()
    assert alice.final_answer_to(sent).status == 200
    call.send("and back")
    back = alice.expect("MESSAGE")
    assert (back.ruri, back.to_uri, back.body) == (alice.uri, alice.uri, b"and back")
    alice.respond(back, 200, "OK")
