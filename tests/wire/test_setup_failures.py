"""Set-ups that fail: what the waiting MESSAGE is answered, what the records say, how the MSRP side is let go."""

import pytest

from tests.wire.session_peer import sdp


def failed(gateway, alice, sent, *, code, reason, layer, detail, answered, waiting=1):
    """The set-up failed like this, in the answer and in all records."""
    answer = alice.final_answer_to(sent)
    assert answer.status == answered
    row = gateway.failure_row(alice.uri)
    assert (row["code"], row["reason"]) == (code, reason)
    assert (row["leg"], row["layer"]) == ("msrp", layer)
    assert detail in row["detail"]
    assert (row["answered"], row["waiting"]) == (answered, waiting)
    (session,) = gateway.rows("SELECT * FROM sessions_app_gatewaysession WHERE id = %s", row["session_id"])
    assert (session["state"], session["key"]) == ("failed", row["key"])
    message = gateway.message_row(sent.call_id)
    assert (message["state"], message["sip_code"], message["body"]) == ("failed", answered, None)
    return answer


REFUSED = [(403, 403), (404, 404), (410, 410), (480, 480), (484, 484), (486, 480), (488, 480), (500, 500), (503, 500),
           (401, 500), (407, 500), (600, 480), (603, 603), (604, 604), (302, 480), (408, 480)]  # fmt: skip


def test_a_refused_invite(gateway, page, session):
    """RULEBOOK A6: never 408, never 503; 480 says when to come again where that may help."""
    asked = []
    for invite, message in REFUSED:
        alice, bob = page(), session()
        sent = alice.message(bob.uri)
        bob.respond(bob.expect("INVITE"), invite, "Not Now")
        assert bob.expect("ACK").cseq == (1, "ACK")
        asked.append((alice, sent, invite, message))
    for alice, sent, invite, message in asked:
        answer = failed(gateway, alice, sent, code=invite, reason="Not Now", layer="sip", detail=f"{invite} Not Now",
                        answered=message)  # fmt: skip
        assert ("Retry-After" in answer) == (invite in (480, 486, 600, 408))


@pytest.mark.parametrize("transport", ["tcp"])
def test_a_refused_invite_over_tcp(gateway, alice, bob):
    sent = alice.message(bob.uri)
    bob.respond(bob.expect("INVITE"), 486, "Busy Here")
    failed(gateway, alice, sent, code=486, reason="Busy Here", layer="sip", detail="486", answered=480)


def test_nobody_answers_and_the_ringing_is_cancelled(gateway, alice, bob):
    """Ring timeout is 2 s here."""
    sent = alice.message(bob.uri)
    invite = bob.expect("INVITE")
    bob.respond(invite, 180, "Ringing")
    cancel = bob.expect("CANCEL")
    assert (cancel.branch, cancel.cseq, cancel.ruri) == (invite.branch, (1, "CANCEL"), invite.ruri)
    assert 1.5 < cancel.at - invite.at < 3
    bob.respond(invite, 487, "Request Terminated")
    bob.expect("ACK")
    failed(gateway, alice, sent, code=None, reason=None, layer="timer", detail="ring timeout", answered=480)


@pytest.mark.parametrize(
    ("body", "layer", "detail", "answered"),
    [
        (b"", "sdp", "no SDP", 480),
        (b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n", "sdp", "message line", 480),
        (b"this is no description", "sdp", "", 480),
        (sdp("msrp://127.0.0.1:9/abc;tcp", port=0), "sdp", "port 0", 480),
        (sdp("msrp://127.0.0.1/abc;tcp"), "sdp", "port", 480),
        (sdp("http://127.0.0.1:9/"), "sdp", "", 480),
        (sdp("msrps://127.0.0.1:9/abc;tcp", proto="TCP/TLS/MSRP"), "sdp", "TLS", 480),
        (sdp("msrp://127.0.0.1:9/abc;tcp", proto="TCP/TLS/MSRP"), "sdp", "TLS", 480),
        (sdp("msrp://127.0.0.1:9/abc;tcp", accept_types="image/png video/mp4"), "type", "type", 415),
    ],
    ids=[
        "no SDP",
        "no message line",
        "no description",
        "port 0",
        "no port",
        "no MSRP URI",
        "TLS",
        "TLS by its line",
        "foreign types",
    ],
)
def test_a_200_that_makes_no_session_is_acknowledged_and_gets_a_bye(gateway, alice, bob, body, layer, detail, answered):
    sent = alice.message(bob.uri)
    invite = bob.expect("INVITE")
    call = bob.answer(invite, body)
    assert bob.expect("ACK").to_tag == call.own_tag
    bye = call.expect_bye()
    assert (bye.to_tag, bye.cseq) == (call.own_tag, (2, "BYE"))
    answer = failed(gateway, alice, sent, code=None, reason=None, layer=layer, detail=detail, answered=answered)
    assert answered != 415 or answer["Accept"] == "text/plain, message/cpim"


def test_the_msrp_connection_is_refused(gateway, alice, bob):
    sent = alice.message(bob.uri)
    invite = bob.expect("INVITE")
    bob.msrp.close_listener()
    call = bob.answer(invite)
    bob.expect("ACK")
    call.expect_bye()
    failed(gateway, alice, sent, code=None, reason=None, layer="tcp", detail="connection refused", answered=500)


def test_the_msrp_side_does_not_bind_in_time(gateway, alice, bob):
    """It said `active` and never came; bind timeout is 2 s here."""
    sent = alice.message(bob.uri)
    call = bob.answer(bob.expect("INVITE"), setup="active")
    bob.expect("ACK")
    call.expect_bye()
    failed(gateway, alice, sent, code=None, reason=None, layer="msrp", detail="bound", answered=500)


def test_the_sip_connection_is_refused(gateway, alice, bob):
    bob.close()
    sent = alice.message(bob.uri + ";transport=tcp")
    failed(gateway, alice, sent, code=None, reason=None, layer="tcp", detail="connection refused", answered=500)


def test_nobody_has_that_name(gateway, alice):
    sent = alice.message("sip:bob@nobody.invalid")
    failed(gateway, alice, sent, code=None, reason=None, layer="dns", detail="nobody.invalid", answered=500)


def test_every_waiting_message_is_answered_and_the_key_is_free_again(gateway, alice, bob):
    """DEFECTS D5, D19."""
    sent = [alice.message(bob.uri, f"number {number}") for number in range(5)]
    invite = bob.expect("INVITE")
    alice.fence()
    bob.respond(invite, 486, "Busy Here")
    assert [alice.final_answer_to(each).status for each in sent] == [480] * 5
    assert gateway.failure_row(alice.uri)["waiting"] == 5
    again = alice.message(bob.uri, "once more")
    assert bob.take_call().take_message().body == b"once more"
    assert alice.final_answer_to(again).status == 200


def test_d22_a_timeout_does_not_repeat_the_code_of_the_failure_before(gateway, alice, bob):
    first = alice.message(bob.uri)
    bob.respond(bob.expect("INVITE"), 486, "Busy Here")
    assert alice.final_answer_to(first).status == 480
    second = alice.message(bob.uri)
    bob.respond(bob.expect("INVITE"), 180)
    assert alice.final_answer_to(second).status == 480
    older, newer = gateway.wait_for_rows(
        "SELECT code, reason FROM sessions_app_setupfailure WHERE from_uri = %s ORDER BY id", alice.uri, count=2
    )
    assert (older["code"], older["reason"]) == (486, "Busy Here")
    assert (newer["code"], newer["reason"]) == (None, None)


def test_where_the_route_says_so_the_sender_is_told_by_a_message(gateway, alice, bob):
    with gateway.route(
        to_pattern=f".*{bob.user}.*",
        notify_failure=True,
        failure_template="Not delivered to {to}: {code} {reason} ({detail})",
    ):
        sent = alice.message(bob.uri, "hello")
        bob.respond(bob.expect("INVITE"), 486, "Busy Here")
        assert alice.final_answer_to(sent).status == 480
        notice = alice.expect("MESSAGE")
        alice.respond(notice, 200)
    assert (notice.ruri, notice.from_uri, notice.to_uri) == (alice.uri, bob.uri, alice.uri)
    assert notice.body.decode() == f"Not delivered to {bob.uri}: 486 Busy Here (486 Busy Here)"
    assert notice["Content-Type"].startswith("text/plain")


def test_without_that_the_sender_is_told_by_the_answer_only(alice, bob):
    sent = alice.message(bob.uri, "hello")
    bob.respond(bob.expect("INVITE"), 486, "Busy Here")
    assert alice.final_answer_to(sent).status == 480
    assert alice.has_received("MESSAGE") == []


UNUSABLE = [
    (b"", 488, "sdp"),
    (b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n", 488, "sdp"),
    (sdp("msrp://127.0.0.1:9/abc;tcp", accept_types="image/png video/mp4"), 488, "type"),
    (sdp("msrp://127.0.0.1/abc;tcp"), 488, "sdp"),
    (b"this is no description", 400, "sdp"),
]


@pytest.mark.parametrize(
    ("offer", "code", "layer"), UNUSABLE, ids=["no SDP", "no message line", "foreign types", "no port", "nonsense"]
)
def test_an_offer_that_makes_no_session_is_refused_and_recorded(gateway, alice, bob, offer, code, layer):
    """DEFECTS D27."""
    headers = [f"Contact: <{bob.uri}>", *(["Content-Type: application/sdp"] if offer else [])]
    sent = bob.request("INVITE", alice.uri, headers=headers, body=offer)
    answer = bob.final_answer_to(sent)
    assert answer.status == code
    bob.request("ACK", alice.uri, to=answer["To"], call_id=sent.call_id, from_tag=sent.from_tag, branch=sent.branch)
    row = gateway.failure_row(bob.uri)
    assert (row["code"], row["reason"], row["session_id"]) == (None, None, None)
    assert (row["layer"], row["answered"]) == (layer, code)
    assert bob.call(alice.uri)
