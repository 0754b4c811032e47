"""A gateway whose request route is a callable of its operator's, and whose sessions end after a second of silence."""

import json
import time

import pytest

from tests.wire.running import Running
from tests.wire.session_peer import SessionPeer
from tests.wire.sip_peer import SipPeer

SILENT_FOR = 1


@pytest.fixture(scope="module")
def gateway():
    running = Running(
        GATEWAY_ROUTE="tests.wire.custom_route.route",
        GATEWAY_SESSION_TIMEOUT=str(SILENT_FOR),
        GATEWAY_MESSAGE_TIMEOUT=str(SILENT_FOR),
    )
    try:
        yield running.start()
    finally:
        running.close()


@pytest.fixture
def ends(gateway):
    alice, bob = SipPeer("alice", gateway), SessionPeer("bob", gateway)
    yield alice, bob
    alice.close()
    bob.close()


def test_msg_to_msrp_and_msrp_gw_answer_meet_under_the_callables_key(gateway, ends):
    alice, bob = ends
    call = bob.call(alice.uri)  # msrp_gw_answer
    sent = alice.message(bob.uri, "into your session")  # msg_to_msrp: no second INVITE
    assert call.take_message().body == b"into your session"
    assert alice.final_answer_to(sent).status == 200
    assert gateway.session_row(call.call_id)["key"].startswith("ours sip:")
    assert call.bye().status == 200


def test_reject_answers_with_its_code_and_reason(gateway):
    mallory = SipPeer("mallory", gateway)
    answer = mallory.final_answer_to(mallory.message(mallory.uri))
    mallory.close()
    assert (answer.status, answer.reason) == (603, "Not you")


def test_a_failed_set_up_reaches_the_receivers_of_the_signal(gateway, ends):
    alice, bob = ends
    sent = alice.message(bob.uri)
    bob.respond(bob.expect("INVITE"), 486, "Busy Here")
    assert alice.final_answer_to(sent).status == 480
    told = gateway.state / "failures"
    deadline = time.monotonic() + 5
    while not told.exists() or not told.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    failure = json.loads(told.read_text().splitlines()[-1])
    assert (failure["code"], failure["reason"]) == (486, "Busy Here")
    assert failure["key"].startswith("ours ")


def test_cleanup_ends_a_silent_session_with_a_bye(gateway, ends):
    alice, bob = ends
    sent = alice.message(bob.uri, "the last word")
    call = bob.take_call()
    call.take_message()
    assert alice.final_answer_to(sent).status == 200
    gateway.wait_for_rows(
        "SELECT 1 FROM sessions_app_gatewaysession WHERE call_id = %s AND state = 'live'"
        " AND greatest(last_message_at, last_send_at) < now() - make_interval(secs => %s)",
        call.call_id,
        SILENT_FOR,
    )
    done = gateway.manage("shell", code="from sessions_app.tasks import cleanup\nprint(cleanup())\n")
    assert done.returncode == 0, done.stderr
    call.expect_bye()
    assert "silent for 1 s" in gateway.session_row(call.call_id, state="ended")["end_reason"]
