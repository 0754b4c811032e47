"""From a SIP MESSAGE to a SEND: what goes where, in which order, and when the MESSAGE is answered."""

import pytest

from tests.wire.session_peer import attribute

BOTH = pytest.mark.parametrize("transport", ["udp", "tcp"])


@BOTH
def test_a_message_opens_a_session_and_is_answered_200_only_after_the_msrp_200(gateway, alice, bob):
    sent = alice.message(bob.uri, "hello bob")
    invite = bob.expect("INVITE")
    assert (invite.ruri, invite.from_uri, invite.to_uri) == (bob.uri, alice.uri, bob.uri)
    assert attribute(invite.body, "accept-types").split() == [
        "message/cpim", "text/plain", "application/im-iscomposing+xml", "message/imdn+xml"]  # fmt: skip
    assert attribute(invite.body, "accept-wrapped-types").split() == [
        "text/plain", "application/im-iscomposing+xml", "message/imdn+xml"]  # fmt: skip
    assert attribute(invite.body, "setup") == "actpass"
    assert attribute(invite.body, "path").startswith(f"msrp://127.0.0.1:{gateway.msrp_port}/")
    assert invite["Max-Forwards"] == "69"
    call = bob.answer(invite)
    ack = bob.expect("ACK", call_id=invite.call_id)
    assert (ack.cseq, ack.to_tag, ack.ruri) == ((1, "ACK"), call.own_tag, bob.uri)
    send = call.expect_connection().expect_message()
    assert (send["To-Path"], send["From-Path"]) == (call.own_path, call.gateway_path)
    assert (send.body, send["Content-Type"], send["Byte-Range"], send.flag) == (
        b"hello bob", "text/plain", "1-9/9", "$")  # fmt: skip
    assert not alice.has_answer(sent), "nothing is delivered yet"
    call.wire.answer(send)
    assert alice.final_answer_to(sent).status == 200

    row = gateway.message_row(sent.call_id)
    assert (row["direction"], row["state"], row["sip_code"], row["msrp_code"]) == ("to_msrp", "delivered", 200, 200)
    assert (row["from_uri"], row["to_uri"], row["size"], row["body"]) == (alice.uri, bob.uri, 9, None)
    assert row["message_id"] == send["Message-ID"]
    live = gateway.session_row(invite.call_id, state="live")
    assert (live["initiator"], live["from_uri"], live["to_uri"]) == ("message", alice.uri, bob.uri)
    assert row["session_id"] == live["id"]


@BOTH
def test_the_answer_comes_back_as_a_message_with_from_and_to_mirrored(gateway, alice, bob, live):
    tid = live.send("hello alice", message_id="Answer1")
    back = alice.expect("MESSAGE")
    assert (back.ruri, back.from_uri, back.to_uri) == (alice.uri, bob.uri, alice.uri)
    assert (back.body, back["Content-Type"], back["Max-Forwards"]) == (b"hello alice", "text/plain", "69")
    assert back.from_tag
    assert back.to_tag is None
    alice.respond(back, 200, "OK")
    assert live.wire.response_to(tid).code == 200
    row = gateway.message_row(back.call_id)
    assert (row["direction"], row["state"], row["sip_code"], row["message_id"]) == (
        "to_page", "delivered", 200, "Answer1")  # fmt: skip


def test_ten_messages_make_one_invite_and_arrive_in_order(alice, bob):
    sent = [alice.message(bob.uri, f"number {number}") for number in range(10)]
    call = bob.take_call()
    sends = [call.take_message() for _ in range(10)]
    assert [send.body for send in sends] == [b"number %d" % number for number in range(10)]
    assert [alice.final_answer_to(each).status for each in sent] == [200] * 10
    assert bob.has_received("INVITE") == []
    assert len({send["Message-ID"] for send in sends}) == 10


def test_a_full_queue_answers_480_with_retry_after_and_keeps_what_it_has(alice, bob):
    """The limit of this gateway is 12."""
    sent = [alice.message(bob.uri, f"number {number}") for number in range(14)]
    for refused in sent[12:]:
        answer = alice.final_answer_to(refused)
        assert answer.status == 480
        assert int(answer["Retry-After"]) > 0
    call = bob.take_call()
    assert [call.take_message().body for _ in range(12)] == [b"number %d" % number for number in range(12)]
    assert {alice.final_answer_to(each).status for each in sent[:12]} == {200}


def test_a_retransmitted_message_is_not_doubled_before_or_after_its_answer(alice, bob, live):
    sent = alice.message(bob.uri, "once")
    send = live.expect_message()
    alice.write(sent.raw)
    assert not alice.has_answer(sent)
    live.wire.answer(send)
    first = alice.final_answer_to(sent)
    alice.write(sent.raw)
    again = alice.final_answer_to(sent)
    assert again.raw == first.raw
    alice.fence()
    assert live.wire.having("SEND") == []


def test_the_same_message_by_another_way_is_a_merged_request(alice, bob, live):
    sent = alice.message(bob.uri, "once")
    live.take_message()
    assert alice.final_answer_to(sent).status == 200
    merged = alice.message(bob.uri, "once", call_id=sent.call_id, from_tag=sent.from_tag)
    assert alice.final_answer_to(merged).status == 482
    assert live.wire.having("SEND") == []


def test_a_message_of_the_msrp_sides_invite_uses_the_same_session(alice, bob, called):
    sent = alice.message(bob.uri, "welcome")
    send = called.take_message()
    assert send.body == b"welcome"
    assert alice.final_answer_to(sent).status == 200
    assert bob.has_received("INVITE") == []


def test_a_long_message_goes_out_in_chunks_that_make_it_whole(alice, bob, live):
    text = "0123456789" * 600
    sent = alice.message(bob.uri, text)
    body = b""
    while True:
        chunk = live.expect_message()
        assert chunk["Byte-Range"].startswith(f"{len(body) + 1}-")
        assert chunk["Byte-Range"].endswith("/6000")
        body += chunk.body
        live.wire.answer(chunk)
        if chunk.flag == "$":
            break
        assert chunk.flag == "+"
    assert body == text.encode()
    assert alice.final_answer_to(sent).status == 200


@BOTH
@pytest.mark.parametrize(
    ("msrp", "sip"), [(400, 500), (403, 403), (408, 480), (413, 413), (415, 415), (481, 480), (501, 500), (506, 500)]
)
def test_a_refused_send_is_a_refused_message(gateway, alice, bob, live, msrp, sip):
    """RULEBOOK A6, and DEFECTS D23: the peer's refusal is seen."""
    sent = alice.message(bob.uri, "take this")
    live.wire.answer(live.expect_message(), msrp, "No")
    answer = alice.final_answer_to(sent)
    assert answer.status == sip
    assert sip != 415 or answer["Accept"] == "text/plain"
    row = gateway.message_row(sent.call_id)
    assert (row["state"], row["sip_code"], row["msrp_code"]) == ("failed", sip, msrp)
    assert str(msrp) in row["detail"]


def test_after_481_from_the_peer_the_next_message_sets_up_anew(gateway, alice, bob, live):
    sent = alice.message(bob.uri, "who?")
    live.wire.answer(live.expect_message(), 481, "No such session")
    assert alice.final_answer_to(sent).status == 480
    live.expect_bye()
    again = alice.message(bob.uri, "hello again")
    assert bob.take_call().take_message().body == b"hello again"
    assert alice.final_answer_to(again).status == 200
