"""Which way SIP goes: UDP, TCP, one after the other; connections that come and go (RFC 3261 s18)."""

import contextlib
import socket

import pytest

from tests.wire.sip_peer import Closed


@pytest.mark.parametrize("transport", ["tcp"])
def test_an_answer_finds_its_sender_who_has_closed_the_connection(gateway, alice, bob, live):
    """s18.2.2: a connection is opened to the port in Via."""
    sent = alice.message(bob.uri, "I hang up now")
    send = live.expect_message()
    alice.hang_up_stream()
    alice.inbox.take(lambda each: isinstance(each, Closed), 5, "end of the connection")
    bob.fence()
    live.wire.answer(send)
    assert alice.final_answer_to(sent).status == 200


@pytest.mark.parametrize("transport", ["tcp"])
def test_a_connection_that_was_lost_is_made_anew(gateway, alice, bob, called):
    called.send("first")
    message = alice.expect("MESSAGE")
    alice.respond(message, 200)
    message.back.shutdown(socket.SHUT_RDWR)
    alice.inbox.take(lambda each: isinstance(each, Closed), 5, "end of the connection")
    bob.fence()
    called.send("second")
    again = alice.expect("MESSAGE")
    assert again.body == b"second"
    alice.respond(again, 200)


def test_a_message_above_1300_octets_leaves_by_tcp(page, bob):
    """s18.1.1, RFC 3428 s8, DEFECTS D24. Her address does not say so, but she has TCP."""
    alice = page("alice", "tcp")
    alice.uri = alice.uri.removesuffix(";transport=tcp")
    call = bob.call(alice.uri)
    tid = call.send("x" * 5000)
    message = alice.expect("MESSAGE")
    assert message["Via"].startswith("SIP/2.0/TCP ")
    assert message.body == b"x" * 5000
    alice.respond(message, 200)
    assert call.wire.response_to(tid).code == 200


def test_a_message_that_no_datagram_holds_and_no_connection_takes_is_a_failure(gateway, alice, called):
    tid = called.send("x" * 90_000, message_id="Huge1")
    code = called.wire.response_to(tid).code
    if code == 200:  # kept first
        code = int(called.report("Huge1")["Status"].split()[1])
    assert code in (403, 408, 413)
    called.send("small")
    message = alice.expect("MESSAGE")
    assert message.body == b"small"
    alice.respond(message, 200)


def test_the_sip_side_of_a_session_may_use_udp_for_one_and_tcp_for_the_other(page, session):
    alice, bob = page("alice", "udp"), session("bob", "tcp")
    sent = alice.message(bob.uri, "to tcp")
    call = bob.take_call()
    assert call.take_message().body == b"to tcp"
    assert alice.final_answer_to(sent).status == 200
    call.send("to udp")
    message = alice.expect("MESSAGE")
    assert message["Via"].startswith("SIP/2.0/UDP ")
    alice.respond(message, 200)
    assert call.bye().status == 200


def test_answers_go_where_the_request_came_from_with_rport_and_to_via_without(gateway, alice, bob):
    """RFC 3581 s4, s18.2.2: a message that came through NAT, and one that did not."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nat:
        nat.bind(("127.0.0.1", 0))
        nat.settimeout(5)
        with_rport = alice.compose("OPTIONS", bob.uri)
        nat.sendto(with_rport.raw, gateway.sip)
        answer = nat.recv(65536)
        assert f"rport={nat.getsockname()[1]}".encode() in answer
        assert b"received=127.0.0.1" in answer
        without = alice.compose("OPTIONS", bob.uri)
        nat.sendto(without.raw.replace(b";rport", b""), gateway.sip)
        assert alice.final_answer_to(without).status == 200


def test_a_silent_sip_connection_is_closed(second_gateway):
    """After 2 s in that gateway; one that sends its keep-alive stays."""
    with contextlib.ExitStack() as held:
        silent, alive = (
            held.enter_context(socket.create_connection(second_gateway.sip, timeout=1.2)) for _ in range(2)
        )
        for _ in range(3):
            alive.sendall(b"\r\n\r\n")
            assert alive.recv(100) == b"\r\n"
            with contextlib.suppress(TimeoutError):
                if silent.recv(100) == b"":
                    break
        else:
            pytest.fail("the silent connection is still open")
        alive.sendall(b"\r\n\r\n")
        assert alive.recv(100) == b"\r\n"
