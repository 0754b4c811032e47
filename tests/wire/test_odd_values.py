"""Values that are legal on the wire and awkward in a record: too long for a column, or no text at all."""

import pytest


@pytest.fixture(autouse=True)
def carries_on_and_records(gateway, page, session):
    """A batch is written together: a row that cannot be written must not take its neighbours with it."""
    yield
    alice, bob = page(), session()
    sent = alice.message(bob.uri, "after all that")
    bob.take_call().take_message()
    assert alice.final_answer_to(sent).status == 200
    assert gateway.message_row(sent.call_id)["state"] == "delivered"


def carried(alice, bob, **parts):
    """Alice's MESSAGE with these parts reaches bob and is recorded."""
    sent = alice.message(bob.uri, "odd", **parts)
    call = bob.take_call()
    call.take_message()
    assert alice.final_answer_to(sent).status == 200
    return call


def recorded(gateway, bob):
    """The one message to bob."""
    (row,) = gateway.wait_for_rows("SELECT * FROM sessions_app_messagerecord WHERE to_uri = %s", bob.uri)
    return row


def test_a_long_call_id(gateway, alice, bob):
    carried(alice, bob, call_id="c" * 600)
    assert recorded(gateway, bob)["call_id"] == "c" * 254 + "…"


def test_a_long_content_type(gateway, alice, bob):
    carried(alice, bob, content_type=f"text/plain;x={'y' * 300}")
    assert recorded(gateway, bob)["content_type"].startswith("text/plain;x=yyy")


def test_long_addresses(gateway, alice, bob):
    alice.uri = alice.uri.replace("sip:", f"sip:{'a' * 1000}-")
    carried(alice, bob)
    assert recorded(gateway, bob)["from_uri"].startswith("sip:aaa")


def test_two_long_addresses_that_differ_at_the_end_are_two_sessions(page, session):
    """The key is longer than its column; cut off, both would be one."""
    for number in range(2):
        alice, bob = page(), session()
        alice.uri = alice.uri.replace("sip:", "sip:" + "a" * 1000 + f"{number}-")
        carried(alice, bob)


@pytest.mark.parametrize("call_id", ["back\\slash", "\\N", "\\.", "quo'te\"s", "umläut-☃"])
def test_a_call_id_with_characters_that_mean_something_to_a_database(gateway, alice, bob, call_id):
    carried(alice, bob, call_id=call_id)
    assert recorded(gateway, bob)["call_id"] == call_id


def test_a_from_that_is_no_utf_8(gateway, alice, bob):
    sent = alice.compose("MESSAGE", bob.uri, headers=["Content-Type: text/plain", "Subject: x"], body=b"odd")
    alice.write(sent.raw.replace(b"From: <", b'From: "\xff\xfe\x00" <'))
    alice.fence()


def test_a_reason_phrase_that_is_no_utf_8(gateway, alice, bob):
    sent = alice.message(bob.uri)
    invite = bob.expect("INVITE")
    lines = ["SIP/2.0 486 Besch\xe4ftigt \xff", *(f"Via: {each}" for each in invite.all("Via"))]
    lines += [f"From: {invite['From']}", f"To: {invite['To']};tag=x", f"Call-ID: {invite.call_id}"]
    lines += ["CSeq: 1 INVITE", "Content-Length: 0", "", ""]
    bob.write("\r\n".join(lines).encode("latin-1"), invite.back)
    assert alice.final_answer_to(sent).status == 480
    row = gateway.failure_row(alice.uri)
    assert row["code"] == 486
    assert row["reason"].startswith("Besch")


@pytest.mark.parametrize("reason", ["x" * 2000, "", "tab\tand \\backslash\\N"])
def test_a_reason_phrase_that_is_long_or_empty_or_full_of_signs(gateway, alice, bob, reason):
    sent = alice.message(bob.uri)
    bob.respond(bob.expect("INVITE"), 486, reason)
    assert alice.final_answer_to(sent).status == 480
    row = gateway.failure_row(alice.uri)
    assert row["code"] == 486
    assert row["reason"] == (reason if len(reason) <= 255 else reason[:254] + "…")


def test_a_comment_of_an_msrp_answer_that_is_no_utf_8(gateway, alice, bob, live):
    sent = alice.message(bob.uri, "odd")
    send = live.expect_message()
    live.wire.write(
        f"MSRP {send.tid} 413 ".encode()
        + b"\xff\x00\xfe" * 200
        + f"\r\nTo-Path: {live.gateway_path}\r\nFrom-Path: {live.own_path}\r\n-------{send.tid}$\r\n".encode()
    )
    assert alice.final_answer_to(sent).status == 413
    assert gateway.message_row(sent.call_id)["msrp_code"] == 413


def test_a_kept_body_of_any_bytes(gateway, alice, called):
    body = bytes(range(256)) + b"\\N\t\n"
    tid = called.send(body)
    message = alice.expect("MESSAGE")
    assert called.wire.response_to(tid).code == 200
    row = gateway.message_row(message.call_id)
    assert bytes(row["body"]) == body == message.body
    alice.respond(message, 200)


def test_a_long_path_of_relays(gateway, alice, bob):
    relays = " ".join(f"msrp://127.0.0.1:{bob.msrp.port}/relay{'r' * 200}{number};tcp" for number in range(8))
    sent = alice.message(bob.uri, "odd")
    call = bob.answer(bob.expect("INVITE"), own_path=f"{relays} {bob.msrp.new_path()}")
    bob.expect("ACK")
    send = call.expect_connection().wire.expect("SEND")
    assert send["To-Path"] == call.own_path
    call.wire.answer(send)
    assert not alice.has_answer(sent), "that was the relay's 200"
    call.wire.request("REPORT", send["From-Path"], call.own_path, f"Message-ID: {send['Message-ID']}",
                      "Byte-Range: 1-3/3", "Status: 000 200 OK")  # fmt: skip
    assert alice.final_answer_to(sent).status == 200
    gateway.session_row(call.call_id, state="live")
