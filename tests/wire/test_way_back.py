"""Phones that say nothing useful in From: their replies take the way that their own MESSAGEs came (RFC 5626 s5.3)."""

from __future__ import annotations

import pytest


def write_no_port(phone):
    """From as PJSIP and linphone write it, of an address where nobody listens."""
    phone.uri = f"sip:{phone.user}@127.0.0.9"


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("way_back", ["source", "flow"])
def test_replies_reach_a_phone_where_it_sends_from(gateway, page, session, transport, way_back):
    phone, bob = page("alice", transport), session("bob", "udp")
    write_no_port(phone)
    with gateway.route(way_back=way_back, notify_failure=False):
        sent = phone.message(bob.uri, "from behind a NAT")
        call = bob.take_call()
        call.take_message()
        assert phone.final_answer_to(sent).status == 200
        tid = call.send("and back")
        reply = phone.expect("MESSAGE")
        phone.respond(reply, 200)
        assert (reply.ruri, reply.body) == (phone.uri, b"and back")
        assert call.wire.response_to(tid).code == 200


def test_a_phone_that_comes_back_on_another_connection_is_reached_there(gateway, page, bob):
    phone = page("alice", "tcp")
    write_no_port(phone)
    with gateway.route(way_back="flow", notify_failure=False):
        sent = phone.message(bob.uri, "one")
        call = bob.take_call()
        call.take_message()
        assert phone.final_answer_to(sent).status == 200
        before = gateway.session_row(call.call_id, state="live")["back_hop"]
        phone.hang_up_stream()
        sent = phone.message(bob.uri, "two")
        call.take_message()
        assert phone.final_answer_to(sent).status == 200
        tid = call.send("found you")
        phone.respond(phone.expect("MESSAGE"), 200)
        assert call.wire.response_to(tid).code == 200
        after = gateway.session_row(call.call_id, to_page=1)["back_hop"]
        assert (before == after, after.endswith(";transport=tcp;ob")) == (False, True)
        [event] = gateway.wait_for_rows(
            "SELECT detail FROM sessions_app_sessionevent AS event JOIN sessions_app_gatewaysession AS session"
            " ON session.id = event.session_id WHERE kind = 'way_back' AND call_id = %s",
            call.call_id,
        )
        assert event["detail"] == after
