"""Requests refused before there is a session: an operator finds them with their frames, a flood leaves few rows."""

from __future__ import annotations

import urllib.request

import pytest

from tests.wire.conftest import SHORT_TIMES
from tests.wire.running import Running
from tests.wire.sip_peer import SipPeer
from tests.wire.test_strangers import untrusted

FRAMES = """
SELECT direction, convert_from(data, 'UTF8') AS data, masked FROM sessions_app_traceframe
 WHERE session_id = %s ORDER BY at, id
"""
ROWS = "SELECT * FROM sessions_app_setupfailure WHERE from_uri = %s"


@pytest.fixture(scope="module")
def own_gateway():
    """What is told is one refusal a minute of a source and code; other tests of the common gateway use that up."""
    gateway = Running(**SHORT_TIMES)
    try:
        yield gateway.start()
        assert gateway.complaints == []
    finally:
        gateway.close()


@pytest.fixture
def gateway(own_gateway):
    return own_gateway


def story(gateway, uri):
    """The set-up failure of this sender, and its frames."""
    (row,) = gateway.wait_for_rows(ROWS, uri, within=15)
    return row, gateway.wait_for_rows(FRAMES, row["id"], count=2)


def test_a_type_that_is_not_carried(gateway, alice, bob):
    sent = alice.message(bob.uri, "<p>a private word</p>", content_type="image/png")
    assert alice.final_answer_to(sent).status == 415
    row, (request, answer) = story(gateway, alice.uri)
    assert (row["layer"], row["answered"], row["session_id"], row["leg"]) == ("refusal", 415, None, "gateway")
    assert row["detail"] == "415 Unsupported Media Type to MESSAGE from 127.0.0.1"
    assert (row["to_uri"], row["ruri"], row["code"]) == (bob.uri, bob.uri, None)
    assert (request["direction"], answer["direction"]) == ("in", "out")
    assert request["data"].startswith(f"MESSAGE {bob.uri} SIP/2.0\r\n")
    assert request["data"].endswith("x" * len("<p>a private word</p>"))
    assert answer["data"].startswith("SIP/2.0 415 ")


def test_a_request_that_no_route_takes(gateway, page, session):
    carol, dave = page("carol"), session("dave")
    gateway.change_routes("UPDATE sessions_app_route SET enabled = false")
    try:
        assert carol.final_answer_to(carol.message(dave.uri)).status == 403
    finally:
        gateway.change_routes("UPDATE sessions_app_route SET enabled = true")
    row, frames = story(gateway, carol.uri)
    assert row["detail"] == "403 No route takes this request to MESSAGE from 127.0.0.1"
    assert len(frames) == 2


def test_an_offer_that_cannot_be_used_has_its_frames_at_the_row_that_the_gateway_makes(gateway, bob, alice):
    sent = bob.invite(alice.uri, accept_types="image/png")
    assert bob.final_answer_to(sent).status == 488
    row, (request, answer) = story(gateway, bob.uri)
    assert (row["layer"], row["answered"], row["session_id"]) == ("type", 488, None)
    assert request["data"].startswith("INVITE ")
    assert answer["data"].startswith("SIP/2.0 488 ")


def test_a_message_that_fails_in_a_session_is_told_once(gateway, page, bob):
    erin = page("erin")
    waiting = erin.message(bob.uri)
    bob.respond(bob.expect("INVITE"), 486, "Busy Here")
    assert erin.final_answer_to(waiting).status == 480
    fence = page("fence")
    assert fence.final_answer_to(fence.message(bob.uri, content_type="image/gif", max_forwards=0)).status == 483
    story(gateway, fence.uri)
    (row,) = gateway.rows(ROWS, erin.uri)
    assert row["code"] == 486


@pytest.fixture
def fresh_gateway():
    """With nobody's rates used up."""
    gateway = Running()
    try:
        yield gateway.start()
        assert gateway.complaints == []
    finally:
        gateway.close()


def test_a_flood_of_strangers_leaves_one_row_a_minute_and_the_rest_is_counted(fresh_gateway):
    mallory = SipPeer("mallory", fresh_gateway)
    try:
        with untrusted(fresh_gateway):
            sent = [mallory.message("sip:victim@127.0.0.1", "x" * 200) for _ in range(500)]
            assert mallory.final_answer_to(sent[0]).status == 403
            assert mallory.final_answer_to(sent[1]).status == 403
            row, _ = story(fresh_gateway, mallory.uri)
            assert (row["layer"], row["detail"]) == ("stranger", "403 Forbidden to MESSAGE from 127.0.0.1")
        with urllib.request.urlopen(f"{fresh_gateway.address}/metrics") as answer:
            told = {
                name: float(line.split()[-1])
                for line in answer.read().decode().splitlines()
                for name in (
                    'parley_trace_lost_total{what="refusals"}',
                    'parley_gateway_total{what="strangers_unheard"}',
                )
                if line.startswith(name)
            }
        assert sum(told.values()) >= 490, "answered without a row, or not looked at"
        assert len(fresh_gateway.rows("SELECT 1 FROM sessions_app_setupfailure")) == 1
    finally:
        mallory.close()
