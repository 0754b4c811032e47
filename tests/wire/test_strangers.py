"""Who may talk to the gateway, and which route takes their requests; changes count within 2 s."""

import contextlib
import time

from tests.wire.session_peer import SessionPeer
from tests.wire.sip_peer import SipPeer

PEERS = "UPDATE sessions_app_peer SET enabled = %s WHERE name = 'loopback'"


@contextlib.contextmanager
def untrusted(gateway):
    """Loopback is no peer meanwhile."""
    gateway.change_routes(PEERS, False)
    try:
        yield
    finally:
        gateway.change_routes(PEERS, True)


def test_a_stranger_gets_403(gateway, alice, bob, live):
    with untrusted(gateway):
        assert alice.final_answer_to(alice.message(bob.uri)).status == 403
        assert bob.final_answer_to(bob.invite(alice.uri)).status == 403
    sent = alice.message(bob.uri, "friends again")
    assert live.take_message().body == b"friends again"
    assert alice.final_answer_to(sent).status == 200


def test_a_route_counts_within_two_seconds_and_so_does_its_end(gateway, alice, bob):
    def asked():
        return alice.final_answer_to(alice.message(bob.uri))

    def reason_within_two_seconds(wanted):
        deadline = time.monotonic() + 2
        while (answer := asked()).reason != wanted:
            assert time.monotonic() < deadline
        return answer

    busy = gateway.route(to_pattern=f".*{bob.user}.*", action="reject", reject_code=486, reject_reason="No Chat")
    with gateway.route(priority=5, to_pattern=f".*{bob.user}.*", action="reject", reject_reason="Go Away"):
        assert (asked().status, asked().reason) == (403, "Go Away")
        with busy:
            assert reason_within_two_seconds("No Chat").status == 486
        assert reason_within_two_seconds("Go Away").status == 403


def test_no_matching_route_is_403(gateway, alice, bob):
    gateway.change_routes("UPDATE sessions_app_route SET enabled = false")
    try:
        assert alice.final_answer_to(alice.message(bob.uri)).status == 403
        assert bob.final_answer_to(bob.invite(alice.uri)).status == 403
    finally:
        gateway.change_routes("UPDATE sessions_app_route SET enabled = true")


def test_a_route_says_where_requests_go_and_who_they_are_from(gateway, alice, bob):
    """Names that only the route can reach, both ways."""
    with gateway.route(
        to_pattern=f"sip:{bob.user}@chat.example",
        to_template="sip:helpdesk@chat.example",
        ruri_template=f"sip:{bob.user}@inside.example",
        next_hop=f"sip:127.0.0.1:{bob.address[1]}",
        back_hop=f"sip:127.0.0.1:{alice.address[1]}",
    ):
        sent = alice.message(f"sip:{bob.user}@chat.example", "help")
        invite = bob.expect("INVITE")
        assert (invite.ruri, invite.to_uri) == (f"sip:{bob.user}@inside.example", "sip:helpdesk@chat.example")
        call = bob.answer(invite)
        call.expect_connection().take_message()
        assert alice.final_answer_to(sent).status == 200
        call.send("coming")
        back = alice.expect("MESSAGE")
        alice.respond(back, 200)
        assert (back.from_uri, back.to_uri, back.ruri) == ("sip:helpdesk@chat.example", alice.uri, alice.uri)


def test_a_route_says_what_makes_a_session(gateway, page, bob):
    """One key for everybody who writes to bob: one session."""
    alice, carol = page(), page("carol")
    with gateway.route(to_pattern=f".*{bob.user}.*", key_template="{to}"):
        first = alice.message(bob.uri, "from alice")
        call = bob.take_call()
        call.take_message()
        second = carol.message(bob.uri, "from carol")
        assert call.take_message().body == b"from carol"
        assert alice.final_answer_to(first).status == carol.final_answer_to(second).status == 200
        assert bob.has_received("INVITE") == []


def test_a_stranger_hears_nothing_where_the_operator_wants_that(second_gateway):
    alice, bob = SipPeer("alice", second_gateway), SessionPeer("bob", second_gateway)
    with contextlib.closing(alice), contextlib.closing(bob):
        with untrusted(second_gateway):
            message, invite = alice.message(bob.uri), bob.invite(alice.uri)
        assert not alice.has_answer(message)
        assert not bob.has_answer(invite)
        assert bob.call(alice.uri)
