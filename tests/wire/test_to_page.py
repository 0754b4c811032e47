"""From a SEND to a SIP MESSAGE: whole messages only, one at a time for each recipient, REPORTs by the final answer."""

import pytest

BOTH = pytest.mark.parametrize("transport", ["udp", "tcp"])
REPORTS = ["Success-Report: yes"]


@BOTH
def test_an_invite_makes_a_session_whose_sends_become_messages(gateway, alice, bob):
    sent = bob.invite(alice.uri)
    answer = bob.final_answer_to(sent)
    assert answer.status == 200
    call = bob.dialog_of(sent, answer)
    call.ack()
    call.connect_and_bind()
    tid = call.send("hello alice", message_id="M1")
    message = alice.expect("MESSAGE")
    assert (message.ruri, message.from_uri, message.to_uri) == (alice.uri, bob.uri, alice.uri)
    assert (message.body, message["Content-Type"], message["Max-Forwards"]) == (b"hello alice", "text/plain", "69")
    alice.respond(message, 200, "OK")
    assert call.wire.response_to(tid).code == 200
    row = gateway.message_row(message.call_id)
    assert (row["direction"], row["state"], row["sip_code"], row["msrp_code"]) == ("to_page", "delivered", 200, 200)
    live = gateway.session_row(sent.call_id, state="live")
    assert (live["initiator"], live["id"]) == ("msrp", row["session_id"])


def test_success_is_reported_on_200_and_only_if_asked(alice, called):
    asked = called.send("tell me", message_id="Asked", reports=REPORTS)
    message = alice.expect("MESSAGE")
    assert called.wire.having("REPORT") == [], "nothing is delivered yet (DEFECTS D6)"
    alice.respond(message, 200)
    assert called.wire.response_to(asked).code == 200
    report = called.report("Asked")
    assert (report["Status"], report["Byte-Range"]) == ("000 200 OK", "1-7/7")
    assert (report["To-Path"], report["From-Path"]) == (called.own_path, called.gateway_path)

    plain = called.send("no need", message_id="Plain")
    alice.respond(alice.expect("MESSAGE"), 200)
    assert called.wire.response_to(plain).code == 200
    alice.fence()
    assert called.wire.having("REPORT") == []


def test_accepted_for_later_is_no_success(gateway, alice, called):
    tid = called.send("later", message_id="Later", reports=REPORTS)
    message = alice.expect("MESSAGE")
    alice.respond(message, 202)
    assert called.wire.response_to(tid).code == 200
    assert gateway.message_row(message.call_id)["state"] == "accepted"
    assert called.wire.having("REPORT") == []


REFUSALS = [(400, 400), (401, 403), (403, 403), (404, 403), (413, 413), (415, 415), (480, 403), (486, 403), (500, 400),
            (503, 408), (603, 403)]  # fmt: skip


@BOTH
def test_a_prompt_refusal_is_the_answer_to_the_send(gateway, alice, called):
    """RULEBOOK A6, message side to MSRP side."""
    refused = []
    for sip, msrp in REFUSALS:
        tid = called.send(f"refuse me with {sip}", message_id=f"Refuse{sip}", reports=REPORTS)
        message = alice.expect("MESSAGE")
        alice.respond(message, sip)
        assert (sip, called.wire.response_to(tid).code) == (sip, msrp)
        refused.append((message.call_id, sip, msrp))
    for call_id, sip, msrp in refused:
        row = gateway.message_row(call_id)
        assert (row["state"], row["sip_code"], row["msrp_code"]) == ("failed", sip, msrp)
    assert called.wire.having("REPORT") == []


@BOTH
def test_a_late_refusal_is_a_failure_report(gateway, alice, called):
    refused = []
    for sip, msrp in REFUSALS:
        tid = called.send(f"refuse me with {sip}", message_id=f"Late{sip}")
        message = alice.expect("MESSAGE")
        assert called.wire.response_to(tid).code == 200, "kept"
        alice.respond(message, sip)
        assert called.report(f"Late{sip}")["Status"].split()[:2] == ["000", str(msrp)]
        refused.append((message.call_id, sip, msrp))
    for call_id, sip, msrp in refused:
        row = gateway.message_row(call_id, state="failed")
        assert (row["sip_code"], row["msrp_code"], row["body"]) == (sip, msrp, None)


def test_while_it_waits_it_is_kept_in_the_database(gateway, alice, called):
    tid = called.send("keep me", message_id="Kept", reports=REPORTS)
    message = alice.expect("MESSAGE")
    assert called.wire.response_to(tid).code == 200
    row = gateway.message_row(message.call_id)
    assert (row["state"], bytes(row["body"])) == ("pending", b"keep me"), "the MSRP 200 waits for this commit"
    alice.respond(message, 200)
    assert called.report("Kept")["Status"] == "000 200 OK"
    assert gateway.message_row(message.call_id, state="delivered")["body"] is None


def test_no_failure_report_means_none(alice, called):
    called.send("do not tell", message_id="Quiet", reports=["Failure-Report: no"])
    alice.respond(alice.expect("MESSAGE"), 404)
    tid = called.send("next", message_id="Next")
    alice.respond(alice.expect("MESSAGE"), 200)
    assert called.wire.response_to(tid).code == 200
    assert [str(each) for each in called.wire.inbox.everything() if "Quiet" in str(each)] == []


def test_d33_partial_failure_report_gets_no_200_but_the_refusal(alice, called):
    good = called.send("fine", message_id="Fine", reports=["Failure-Report: partial"])
    alice.respond(alice.expect("MESSAGE"), 200)
    bad = called.send("not fine", message_id="Bad", reports=["Failure-Report: partial"])
    alice.respond(alice.expect("MESSAGE"), 403)
    assert called.wire.response_to(bad).code == 403
    assert [each for each in called.wire.inbox.everything() if getattr(each, "tid", "") == good] == []


def test_one_message_is_outstanding_for_each_target(page, bob):
    alice, carol = page(), page("carol")
    to_alice, to_carol = bob.call(alice.uri), bob.call(carol.uri)
    for number in range(3):
        to_alice.send(f"number {number}")
    first = alice.expect("MESSAGE")
    to_carol.send("hello carol")
    carol.respond(carol.expect("MESSAGE"), 200)
    assert alice.has_received("MESSAGE") == [], "the first is not answered yet"
    alice.respond(first, 200)
    second = alice.expect("MESSAGE")
    assert alice.has_received("MESSAGE") == []
    alice.respond(second, 404)
    third = alice.expect("MESSAGE")
    alice.respond(third, 200)
    assert [each.body for each in (first, second, third)] == [b"number 0", b"number 1", b"number 2"]


def test_two_sessions_to_one_target_share_its_turn(alice, session):
    bob, dan = session(), session("dan")
    bob.call(alice.uri).send("from bob")
    first = alice.expect("MESSAGE")
    dan.call(alice.uri).send("from dan")
    assert alice.has_received("MESSAGE") == []
    alice.respond(first, 200)
    second = alice.expect("MESSAGE")
    alice.respond(second, 200)
    assert (second.from_uri, second.body) == (dan.uri, b"from dan")


def test_the_same_message_id_again_is_acknowledged_and_not_sent_twice(alice, called):
    tid = called.send("once", message_id="Once")
    alice.respond(alice.expect("MESSAGE"), 200)
    assert called.wire.response_to(tid).code == 200
    again = called.send("once", message_id="Once")
    assert called.wire.response_to(again).code == 200
    assert alice.has_received("MESSAGE") == []


def test_chunks_in_any_order_become_one_message(alice, called):
    """DEFECTS D3."""
    text = b"0123456789" * 30
    for start, end, flag in [(200, 300, "$"), (0, 100, "+"), (100, 200, "+")]:
        tid = called.wire.request(
            "SEND",
            called.gateway_path,
            called.own_path,
            "Message-ID: Chunked",
            f"Byte-Range: {start + 1}-{end}/300",
            "Content-Type: text/plain",
            body=text[start:end],
            flag=flag,
        )
        if (start, flag) != (100, "+"):
            assert called.wire.response_to(tid).code == 200
    message = alice.expect("MESSAGE")
    assert message.body == text
    alice.respond(message, 200)
    assert called.wire.response_to(tid).code == 200
    assert alice.has_received("MESSAGE") == []


def test_an_aborted_message_is_not_sent(alice, called):
    for flag in "+#":
        tid = called.wire.request(
            "SEND",
            called.gateway_path,
            called.own_path,
            "Message-ID: Aborted",
            f"Byte-Range: {1 if flag == '+' else 6}-*/10",
            "Content-Type: text/plain",
            body=b"hello",
            flag=flag,
        )
        assert called.wire.response_to(tid).code == 200
    assert alice.has_received("MESSAGE") == []


def test_a_message_above_1300_octets_leaves_by_tcp_where_the_recipient_has_it(page, bob):
    """DEFECTS D24."""
    alice = page()
    call = bob.call(alice.uri)
    # Nobody listens on TCP there, and this machine's own MTU carries it.
    call.send("x" * 5000)
    message = alice.expect("MESSAGE")
    assert len(message.body) == 5000
    alice.respond(message, 200)


def test_a_full_queue_refuses_the_send_before_it_is_accepted(alice, called):
    """The limit of this gateway is 12 beside the one that is outstanding."""
    tids = [called.send(f"number {number}") for number in range(14)]
    assert called.wire.response_to(tids[13]).code == 413
    for number in range(13):
        message = alice.expect("MESSAGE")
        assert message.body == b"number %d" % number
        alice.respond(message, 200)
    assert {called.wire.response_to(tid).code for tid in tids[:13]} == {200}
