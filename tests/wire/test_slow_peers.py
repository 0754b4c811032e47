"""An MSRP peer that takes its time: 100, then 202 with the message kept, then its outcome. 202 comes at 5 s here."""

import pytest

from tests.wire.session_peer import SessionPeer
from tests.wire.sip_peer import SipPeer


@pytest.fixture
def pairs(gateway):
    """alice and bob over UDP, and over TCP, each with a live session, so that both wait at the same time."""
    made = {}
    for transport in ("udp", "tcp"):
        alice, bob = SipPeer("alice", gateway, transport), SessionPeer("bob", gateway, transport)
        first = alice.message(bob.uri, "first")
        call = bob.take_call()
        call.take_message()
        assert alice.final_answer_to(first).status == 200
        made[transport] = alice, bob, call
    yield made
    for alice, bob, _ in made.values():
        alice.close()
        bob.close()


def test_a_slow_msrp_peer_costs_nobody_their_message(gateway, pairs):
    sent = {}
    for transport, (alice, bob, call) in pairs.items():
        sent[transport] = [alice.message(bob.uri, "will be taken"), alice.message(bob.uri, "will be refused")]
        sent[transport] += [call.expect_message(), call.expect_message()]

    for transport, (alice, _, _) in pairs.items():
        for message, send in zip(sent[transport][:2], sent[transport][2:], strict=True):
            trying = alice.answer_to(message)
            assert trying.status == 100, "RFC 4320 s4.1: without regard to transport"
            assert 3.2 < trying.at - send.at < 4.2, "when Timer E reaches T2"
    for transport, (alice, _, call) in pairs.items():
        taken, refused, take, refuse = sent[transport]
        for message, send, body in ((taken, take, b"will be taken"), (refused, refuse, b"will be refused")):
            answer = alice.answer_to(message)
            assert answer.status == 202
            assert 4.5 < answer.at - send.at < 6
            row = gateway.message_row(message.call_id)
            assert (row["state"], bytes(row["body"])) == ("pending", body), "202 waits for the commit"
        alice.write(taken.raw)
        assert alice.final_answer_to(taken).status == 202, "a repeat gets the same answer"
        call.wire.answer(take)
        call.wire.answer(refuse, 413, "Too big")
    for transport, (alice, _, call) in pairs.items():
        taken, refused, *_ = sent[transport]
        row = gateway.message_row(taken.call_id, state="delivered")
        assert (row["body"], row["msrp_code"]) == (None, 200)
        row = gateway.message_row(refused.call_id, state="failed")
        assert (row["body"], row["msrp_code"], row["sip_code"]) == (None, 413, 413)
        assert not alice.has_answer(taken), "there is one final answer"
        assert call.wire.having("SEND") == []
