"""What an offer and an answer agree on: who connects, which types, how much (RFC 4975 s8, RFC 6135)."""

import pytest

from tests.wire.session_peer import attribute


def carries(alice, bob, call):
    """Messages pass both ways."""
    sent = alice.message(bob.uri, "one way")
    assert call.take_message().body == b"one way"
    assert alice.final_answer_to(sent).status == 200
    tid = call.send("the other way")
    message = alice.expect("MESSAGE")
    assert message.body == b"the other way"
    alice.respond(message, 200)
    assert call.wire.response_to(tid).code == 200


@pytest.mark.parametrize("setup", ["passive", None, "holdconn"])
def test_the_gateway_connects_to_an_answer_that_is_not_active(alice, bob, setup):
    sent = alice.message(bob.uri, "first")
    call = bob.take_call(setup=setup)
    assert call.take_message().body == b"first", "its first SEND binds the session"
    assert alice.final_answer_to(sent).status == 200
    carries(alice, bob, call)


def test_the_gateway_waits_for_the_connection_of_an_active_answer(alice, bob):
    sent = alice.message(bob.uri, "first")
    call = bob.answer(bob.expect("INVITE"), setup="active")
    bob.expect("ACK")
    call.connect_and_bind()
    assert call.take_message().body == b"first"
    assert alice.final_answer_to(sent).status == 200
    carries(alice, bob, call)


@pytest.mark.parametrize(
    ("offered", "answered"), [("active", "passive"), ("passive", "active"), ("actpass", "passive"), (None, "passive")]
)
def test_the_gateway_answers_an_offer(alice, bob, offered, answered):
    call = bob.call(alice.uri, setup=offered)
    assert attribute(call.answer.body, "setup") == answered
    carries(alice, bob, call)


def test_a_session_with_content_at_once_needs_no_empty_send(alice, bob):
    sent = bob.invite(alice.uri)
    call = bob.dialog_of(sent, bob.final_answer_to(sent))
    call.ack()
    call.wire = bob.msrp.connect()
    tid = call.send("at once")
    message = alice.expect("MESSAGE")
    assert message.body == b"at once"
    alice.respond(message, 200)
    assert call.wire.response_to(tid).code == 200


@pytest.mark.parametrize(
    "accepted", ["*", "text/*", "TEXT/Plain", "text/plain;charset=utf-8", "* message/cpim", "image/png text/plain"]
)
def test_d28_types_are_compared_as_rfc_4975_says(alice, bob, accepted):
    """DEFECTS D9 too: the first type of the list need not be the common one."""
    sent = alice.message(bob.uri, "first", content_type="Text/Plain;charset=UTF-8")
    call = bob.take_call(accept_types=accepted)
    send = call.take_message()
    assert (send.body, send["Content-Type"]) == (b"first", "Text/Plain;charset=UTF-8")
    assert alice.final_answer_to(sent).status == 200


@pytest.mark.parametrize("offered", ["*", "TEXT/PLAIN", "image/png text/*"])
def test_an_offer_of_such_types_is_taken(alice, bob, offered):
    assert bob.call(alice.uri, accept_types=offered)


def test_d25_a_type_that_the_peer_does_not_take_is_not_sent(gateway, alice, bob):
    with gateway.route(to_pattern=f".*{bob.user}.*", content_types="text/plain image/gif"):
        sent = alice.message(bob.uri, "GIF89a", content_type="image/gif")
        call = bob.take_call(accept_types="text/plain")
        answer = alice.final_answer_to(sent)
        assert (answer.status, answer["Accept"]) == (415, "text/plain")
        plain = alice.message(bob.uri, "second")
        assert call.take_message().body == b"second"
        assert alice.final_answer_to(plain).status == 200


def test_a_message_above_the_peers_max_size_is_413(alice, bob):
    sent = alice.message(bob.uri, "x" * 101)
    call = bob.take_call(extra=["a=max-size:100"])
    assert alice.final_answer_to(sent).status == 413
    fits = alice.message(bob.uri, "x" * 100)
    assert len(call.take_message().body) == 100
    assert alice.final_answer_to(fits).status == 200


def test_a_message_above_our_max_size_is_413(gateway, alice, called):
    """100,000 octets in this gateway."""
    assert attribute(called.answer.body, "max-size") == "100000"
    tid = called.send("x" * 100_001)
    assert called.wire.response_to(tid).code == 413
    early = called.wire.request(
        "SEND",
        called.gateway_path,
        called.own_path,
        "Message-ID: TooBig",
        "Byte-Range: 1-5/100001",
        "Content-Type: text/plain",
        body=b"first",
        flag="+",
    )
    assert called.wire.response_to(early).code == 413, "on the first chunk that shows it"
    called.send("fits")
    message = alice.expect("MESSAGE")
    assert message.body == b"fits"
    alice.respond(message, 200)


def test_an_offer_with_more_than_a_message_line_is_answered_line_by_line(alice, bob):
    sent = bob.invite(alice.uri, extra=["m=audio 4000 RTP/AVP 0", "m=image 0 udptl t38"])
    answer = bob.final_answer_to(sent)
    assert answer.status == 200
    lines = [line.split()[:2] for line in answer.body.decode().splitlines() if line.startswith("m=")]
    assert lines[1:] == [["m=audio", "0"], ["m=image", "0"]]
    assert lines[0][0] == "m=message"
    assert lines[0][1] != "0"
    bob.dialog_of(sent, answer).ack()
