"""A process that dies for good: another one on the same database delivers what it owed and ends what it left."""

import pytest

from gateway_project.postgres.cluster import Cluster
from tests.wire.conftest import SHORT_TIMES
from tests.wire.running import Running
from tests.wire.session_peer import SessionPeer
from tests.wire.sip_peer import SipPeer


@pytest.fixture
def two_nodes():
    """Two gateways on one database; each takes the other for dead after 10 s of silence."""
    settings = SHORT_TIMES | {"GATEWAY_ANSWER_WAIT": "1", "GATEWAY_NODE_TIMEOUT": "10"}
    first = Running(**settings, GATEWAY_NODE_NAME="first").start()
    second = Running(**settings, GATEWAY_NODE_NAME="second", DATABASE_URL=Cluster(first.state).url).start()
    yield first, second
    second.close()
    first.close()


def test_what_a_dead_node_owed_is_delivered_by_another(two_nodes):
    first, second = two_nodes
    alice, bob = SipPeer("alice", first), SessionPeer("bob", first)
    carol, dan = SipPeer("carol", first), SessionPeer("dan", first)
    idle = SessionPeer("erin", first)
    try:
        kept = alice.message(bob.uri, "kept for bob")
        to_bob = bob.take_call()
        send = to_bob.expect_message()
        assert alice.final_answer_to(kept).status == 202
        from_dan = dan.call(carol.uri)
        tid = from_dan.send("kept for carol")
        before = carol.expect("MESSAGE")
        assert from_dan.wire.response_to(tid).code == 200
        from_erin = idle.call(alice.uri)
        for call in (to_bob, from_dan, from_erin):
            first.session_row(call.call_id, state="live")
        first.kill()

        again = carol.expect("MESSAGE", within=30, call_id=before.call_id)
        assert (again.body, again.cseq, again.from_tag) == (before.body, before.cseq, before.from_tag)
        carol.respond(again, 200)
        offer = to_bob.expect_offer(within=10)
        assert f":{second.sip_port}".encode() in offer.raw.partition(b"Contact:")[2].partition(b"\r\n")[0]
        resent = to_bob.answer_offer(offer).take_message()
        assert (resent.body, resent["Message-ID"]) == (send.body, send["Message-ID"])
        from_erin.expect_bye()
        from_dan.expect_bye()
        first.message_row(kept.call_id, state="delivered")
        first.message_row(before.call_id, state="delivered")
        assert first.session_row(to_bob.call_id, state="live")["node"] == "second"
        assert first.session_row(from_erin.call_id, state="ended")["end_reason"].startswith("the gateway stopped")

        first.start()
        assert first.session_row(to_bob.call_id)["state"] == "live", "it is another's now"
        assert alice.has_received("MESSAGE") == []
    finally:
        for each in (alice, bob, carol, dan, idle):
            each.close()
