"""What an operator asks of a running gateway: retry, send, drain; and what it counts and tells meanwhile."""

from __future__ import annotations

import uuid


def shell(gateway, code: str) -> str:
    done = gateway.manage("shell", code=code)
    assert done.returncode == 0, done.stderr
    return done.stdout


def command(gateway, call: str) -> str:
    """Give a command; its result."""
    return (
        shell(
            gateway,
            "from sessions_app import commands\nfrom sessions_app.models import *\n"
            f"given = {call}\nassert commands.wait(given, 10)\nprint('RESULT', given.result)\n",
        )
        .rpartition("RESULT ")[2]
        .strip()
    )


def failed_message(gateway, live, phone_uri: str) -> str:
    """A message to the message side that failed, with its body still there."""
    row = gateway.session_row(live.call_id)
    identity = str(uuid.uuid4())
    gateway.execute(
        "INSERT INTO sessions_app_messagerecord (id, session_id, direction, state, from_uri, to_uri, call_id,"
        " message_id, content_type, size, body, received_at, finished_at, side, layer, code, detail) VALUES (%s, %s,"
        " 'to_page', 'failed', %s, %s, 'c', %s, 'text/plain', 5, 'again', now(), now(), 'message', 'sip', 486,"
        " '486 Busy Here')",
        identity,
        row["id"],
        row["to_uri"],
        phone_uri,
        uuid.UUID(identity).hex,
    )
    return identity


def retry(gateway, identity: str, **elsewhere) -> str:
    message = f"MessageRecord.objects.select_related('session').get(pk='{identity}')"
    extra = "".join(f", {name}={value!r}" for name, value in elsewhere.items())
    return command(gateway, f"commands.retry_message({message}, 'otto'{extra})")


def message_row(gateway, identity: str):
    (row,) = gateway.wait_for_rows(
        "SELECT * FROM sessions_app_messagerecord WHERE id = %s AND state <> 'pending'", identity
    )
    return row


def test_a_retried_message_is_delivered_and_its_row_says_so(gateway, live, alice):
    identity = failed_message(gateway, live, alice.uri)
    assert retry(gateway, identity) == "sent again to the message side"
    request = alice.expect("MESSAGE")
    assert request.body == b"again"
    alice.respond(request, 200)
    assert gateway.wait_for_rows(
        "SELECT * FROM sessions_app_messagerecord WHERE id = %s AND state = 'delivered'", identity
    )


def test_a_message_can_be_sent_elsewhere(gateway, live, alice, page):
    identity = failed_message(gateway, live, alice.uri)
    carol = page("carol")
    assert retry(gateway, identity, ruri=carol.uri) == "sent again to the message side"
    carol.respond(carol.expect("MESSAGE"), 200)
    assert gateway.wait_for_rows(
        "SELECT * FROM sessions_app_messagerecord WHERE id = %s AND state = 'delivered'", identity
    )


def test_a_message_to_msrp_goes_into_the_live_session_of_its_key(gateway, live):
    identity = failed_message(gateway, live, "sip:x@y")
    gateway.execute("UPDATE sessions_app_messagerecord SET direction = 'to_msrp' WHERE id = %s", identity)
    assert retry(gateway, identity) == "sent again in the live session"
    assert live.take_message().body == b"again"
    assert gateway.wait_for_rows(
        "SELECT * FROM sessions_app_messagerecord WHERE id = %s AND state = 'delivered'", identity
    )


def test_a_message_without_its_body_or_that_has_not_failed_is_left_alone(gateway, live, alice):
    identity = failed_message(gateway, live, alice.uri)
    gateway.execute("UPDATE sessions_app_messagerecord SET body = NULL WHERE id = %s", identity)
    assert "body is not kept" in retry(gateway, identity)
    gateway.execute("UPDATE sessions_app_messagerecord SET state = 'delivered' WHERE id = %s", identity)
    assert "not failed" in retry(gateway, identity)
    assert not alice.has_received("MESSAGE")


def test_a_message_is_handed_in_by_route_and_into_a_session(gateway, live, alice, bob):
    row = gateway.session_row(live.call_id)
    sent = command(
        gateway, f"commands.send_by_route('otto', '{alice.uri}', '{bob.uri}', '', 'text/plain', b'by route')"
    )
    assert live.take_message().body == b"by route"
    assert message_row(gateway, sent.split()[1])["state"] == "delivered"
    this = f"GatewaySession.objects.get(pk='{row['id']}')"
    sent = command(gateway, f"commands.send_into({this}, 'otto', 'to_page', 'text/plain', b'to the phone')")
    request = alice.expect("MESSAGE")
    assert request.body == b"to the phone"
    alice.respond(request, 200)
    assert message_row(gateway, sent.split()[1])["state"] == "delivered"


def test_a_message_that_no_route_takes_or_whose_type_is_not_carried_is_not_sent(gateway, alice, bob):
    call = "commands.send_by_route('otto', '{}', '{}', '{}', '{}', b'x')"
    assert "no peer" in command(gateway, call.format(alice.uri, bob.uri, "203.0.113.9", "text/plain"))
    assert "not carried" in command(gateway, call.format(alice.uri, bob.uri, "", "image/png"))
    assert "URI" in command(gateway, call.format("sip:a b@x", bob.uri, "", "text/plain"))


def test_a_drained_node_says_so_and_takes_sessions_again_when_it_is_resumed(gateway, alice, bob):
    assert command(gateway, "commands.drain(Node.objects.get(), 'otto')") == "takes no new sessions"
    gateway.wait_for_rows("SELECT * FROM sessions_app_node WHERE draining_since IS NOT NULL")
    refused = alice.final_answer_to(alice.message("sip:nobody@127.0.0.1:9", "x"))
    assert (refused.status, "retry-after" in refused) == (503, True)
    assert command(gateway, "commands.resume(Node.objects.get(), 'otto')") == "takes new sessions"
    gateway.wait_for_rows("SELECT * FROM sessions_app_node WHERE draining_since IS NULL")


def test_what_it_carries_is_counted_by_the_minute(gateway, live, alice, bob):
    sent = alice.message(bob.uri, "one more")
    live.take_message()
    alice.final_answer_to(sent)
    counted = "SELECT 1 WHERE EXISTS (SELECT 1 FROM sessions_app_traffic WHERE to_msrp > 0)"
    assert gateway.wait_for_rows(counted, within=40.0)
