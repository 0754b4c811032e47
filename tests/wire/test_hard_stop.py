"""SIGKILL at the worst moment: what was acknowledged is delivered after the restart, no session stays as a ghost."""

import os
import signal
import time

import pytest

from gateway_project.postgres.cluster import Cluster
from tests.wire.session_peer import SessionPeer
from tests.wire.sip_peer import SipPeer


@pytest.fixture
def people(second_gateway):
    """Two of each side."""
    made = [
        SipPeer("alice", second_gateway),
        SessionPeer("bob", second_gateway),
        SipPeer("carol", second_gateway),
        SessionPeer("dan", second_gateway),
    ]
    yield made
    for each in made:
        each.close()


def test_after_a_kill_every_acknowledged_message_arrives_and_the_keys_are_free(second_gateway, people):
    gateway = second_gateway
    alice, bob, carol, dan = people
    kept = alice.message(bob.uri, "kept for bob")
    to_bob = bob.take_call()
    send = to_bob.expect_message()
    assert alice.final_answer_to(kept).status == 202, "after a second in this gateway"
    from_dan = dan.call(carol.uri)
    acknowledged = [from_dan.send(f"number {number}") for number in range(2)]
    before = carol.expect("MESSAGE")
    assert {from_dan.wire.response_to(tid).code for tid in acknowledged} == {200}
    gateway.session_row(to_bob.call_id, state="live")
    gateway.session_row(from_dan.call_id, state="live")

    gateway.kill()
    to_bob.wire.expect_close()
    gateway.start()

    from_dan.expect_bye()
    assert "stopped without ending it" in gateway.session_row(from_dan.call_id, state="ended")["end_reason"]
    again = to_bob.take_offer().take_message()
    assert (again.body, again["Message-ID"]) == (b"kept for bob", send["Message-ID"]), "bob can tell that he has it"
    gateway.session_row(to_bob.call_id, state="live")
    row = gateway.message_row(kept.call_id, state="delivered")
    assert row["body"] is None
    first = carol.expect("MESSAGE", call_id=before.call_id)
    assert (first.body, first.cseq, first.from_tag) == (b"number 0", before.cseq, before.from_tag), "carol too"
    assert carol.has_received("MESSAGE") == []
    carol.respond(first, 200)
    second = carol.expect("MESSAGE")
    assert second.body == b"number 1"
    carol.respond(second, 200)

    sent = carol.message(dan.uri, "are you there?")
    assert dan.take_call().take_message().body == b"are you there?"
    assert carol.final_answer_to(sent).status == 200
    bob.call(alice.uri).send("all well")
    alice.respond(alice.expect("MESSAGE"), 200)


def test_sigterm_says_good_bye(second_gateway, people):
    gateway = second_gateway
    alice, bob, carol, dan = people
    first = alice.message(bob.uri, "first")
    to_bob = bob.take_call()
    to_bob.take_message()
    assert alice.final_answer_to(first).status == 200
    from_dan = dan.call(carol.uri)
    assert gateway.stop() == 0
    to_bob.expect_bye()
    from_dan.expect_bye()
    to_bob.wire.expect_close()
    gateway.start()
    for call in (to_bob, from_dan):
        assert gateway.session_row(call.call_id, state="ended")["end_reason"] == "the gateway is stopping"
    assert alice.has_received("MESSAGE") == []


def test_a_planned_stop_keeps_the_promises_that_a_kill_keeps(second_gateway, people):
    gateway = second_gateway
    alice, bob, carol, dan = people
    under_way = alice.message(bob.uri, "on its way")
    to_bob = bob.take_call()
    send = to_bob.expect_message()
    ringing = carol.message(dan.uri, "still ringing")
    dan.respond(dan.expect("INVITE"), 180, "Ringing")
    for peer, sent in ((alice, under_way), (carol, ringing)):
        assert peer.final_answer_to(sent).status == 202
    assert gateway.stop() == 0
    dan.expect("CANCEL")
    gateway.start()
    again = bob.take_call().take_message()
    assert (again.body, again["Message-ID"]) == (b"on its way", send["Message-ID"])
    assert dan.take_call().take_message().body == b"still ringing"
    for sent in (under_way, ringing):
        gateway.message_row(sent.call_id, state="delivered")


def test_the_database_dies_and_nobody_notices(second_gateway, people):
    """It is started again by the gateway; meanwhile messages pass, and their rows are written late."""
    gateway = second_gateway
    alice, bob, *_ = people
    first = alice.message(bob.uri, "before")
    call = bob.take_call()
    call.take_message()
    assert alice.final_answer_to(first).status == 200
    os.kill(Cluster(gateway.state).pid(), signal.SIGKILL)
    sent = [first]
    for number in range(20):
        sent.append(alice.message(bob.uri, f"number {number}"))
        call.take_message()
        assert alice.final_answer_to(sent[-1]).status == 200
    deadline = time.monotonic() + 10
    while not Cluster(gateway.state).ready():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    gateway.wait_for_rows(
        "SELECT 1 FROM sessions_app_messagerecord WHERE call_id = ANY(%s) AND state = 'delivered'",
        [each.call_id for each in sent],
        count=len(sent),
        within=15,
    )
    gateway.session_row(call.call_id, state="live")


def test_routes_are_read_again_after_the_database_died_and_whenever_they_change_later(second_gateway, people):
    gateway = second_gateway
    with gateway.route(priority=1, method="MESSAGE", action="reject", to_pattern="never"):
        pass  # what was read with is there now
    for _ in range(2):
        before = gateway.reloads
        dead = Cluster(gateway.state).pid()
        os.kill(dead, signal.SIGKILL)
        deadline = time.monotonic() + 60
        while gateway.reloads == before or Cluster(gateway.state).pid() in (None, dead):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    alice, bob, *_ = people
    with gateway.route(
        priority=1, method="MESSAGE", action="reject", from_pattern=alice.uri, reject_code=603, reject_reason="Not you"
    ):
        assert alice.final_answer_to(alice.message(bob.uri, "hello?")).status == 603
