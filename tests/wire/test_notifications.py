"""What a sender hears after the answer: IMDN, REPORT, notice (RFC 5438, RFC 4975 s7.1.2; RULEBOOK I1-I7, S27-S30)."""

import time

import pytest

from tests.wire.cpim import cpim, field, imdn, notification, told

SUCCESS = ["Success-Report: yes"]
CPIM_PEER = {"accept_types": "message/cpim text/plain message/imdn+xml"}
BOTH = "positive-delivery, negative-delivery"


def asking(sender, recipient, imdn_id, notify=BOTH, text="tell me"):
    return cpim(text, sender=sender.uri, recipient=recipient.uri, imdn_id=imdn_id, notify=notify)


def report(call, send, status="000 200 OK", byte_range=None):
    """A REPORT by the MSRP peer."""
    size = len(send.body)
    call.wire.request("REPORT", send["From-Path"], call.own_path, f"Message-ID: {send['Message-ID']}",
                      f"Byte-Range: {byte_range or f'1-{size}/{size}'}", f"Status: {status}")  # fmt: skip


# ------------------------------------------------------------------------------------------ message side to MSRP side


def test_a_request_for_delivery_becomes_a_success_report_and_that_an_imdn(gateway, alice, bob):
    sent = alice.message(bob.uri, asking(alice, bob, "m1"), content_type="message/cpim")
    call = bob.take_call(accept_types="text/plain")
    send = call.expect_message()
    assert send["Success-Report"] == "yes"
    call.wire.answer(send)
    assert alice.final_answer_to(sent).status == 200
    assert alice.has_received("MESSAGE") == [], "a 200 is no delivery notification (RFC 5438 s12.1.3.1)"
    half = len(send.body) // 2
    report(call, send, byte_range=f"{half + 1}-{len(send.body)}/{len(send.body)}")
    assert alice.has_received("MESSAGE") == [], "half of it is not delivered"
    report(call, send, byte_range=f"1-{half}/{len(send.body)}")
    note = alice.expect("MESSAGE")
    assert note["Content-Type"] == "message/cpim"
    assert told(note.body) == ("m1", "delivered")
    assert field(note.body, "Content-Disposition") == "notification"
    assert (note.from_uri, note.to_uri, field(note.body, "To")) == (bob.uri, alice.uri, f"<{alice.uri}>")
    alice.respond(note, 200)
    row = gateway.message_row(sent.call_id, confirmation="REPORT 200")
    assert (row["imdn_id"], row["notify"], row["state"]) == ("m1", "negative-delivery positive-delivery", "delivered")
    report(call, send)
    assert alice.has_received("MESSAGE") == [], "one notification is enough"


def test_a_peer_that_speaks_imdn_answers_for_itself(gateway, alice, bob):
    """Requests pass with our address on top of the route; display is relayed, never made up (RULEBOOK I4, I7)."""
    sent = alice.message(bob.uri, asking(alice, bob, "m2", f"{BOTH}, display"), content_type="message/cpim")
    call = bob.take_call(**CPIM_PEER)
    send = call.take_message()
    assert "Success-Report" not in send
    assert field(send.body, "imdn.IMDN-Record-Route") == f"<sip:127.0.0.1:{gateway.sip_port}>"
    assert alice.final_answer_to(sent).status == 200
    for kind, status in (("delivery", "delivered"), ("display", "displayed")):
        body = notification("m2", sender=bob.uri, recipient=alice.uri, status=status, kind=kind)
        call.send(body, content_type="message/cpim")
        note = alice.expect("MESSAGE")
        assert (note.body, told(note.body)) == (body, ("m2", status))
        alice.respond(note, 200)
    gateway.message_row(sent.call_id, confirmation="IMDN displayed", state="delivered")
    relayed = gateway.wait_for_rows(
        "SELECT notify FROM sessions_app_messagerecord WHERE to_uri = %s", alice.uri, count=2
    )
    assert {row["notify"] for row in relayed} == {"nobody"}, "nobody is notified about a notification"


def test_our_address_is_taken_off_the_route_of_an_imdn(gateway, alice, bob):
    sent = alice.message(bob.uri, asking(alice, bob, "m3"), content_type="message/cpim")
    call = bob.take_call(**CPIM_PEER)
    call.take_message()
    assert alice.final_answer_to(sent).status == 200
    route = f"imdn.IMDN-Route: <sip:127.0.0.1:{gateway.sip_port}>"
    body = cpim(imdn("m3"), sender=bob.uri, recipient=alice.uri, kind="message/imdn+xml", imdn_id="n3", headers=[route])
    call.send(body, content_type="message/cpim")
    note = alice.expect("MESSAGE")
    assert route.encode() not in note.body
    assert told(note.body) == ("m3", "delivered")


@pytest.fixture
def slow_gateway(second_gateway):
    """202 after a second."""
    return second_gateway


@pytest.fixture
def pair(slow_gateway):
    from tests.wire.session_peer import SessionPeer
    from tests.wire.sip_peer import SipPeer

    made = SipPeer("alice", slow_gateway), SessionPeer("bob", slow_gateway)
    yield made
    for each in made:
        each.close()


def test_after_a_202_a_failure_is_told_by_the_imdn_that_was_asked_for(slow_gateway, pair):
    alice, bob = pair
    sent = alice.message(bob.uri, asking(alice, bob, "m4"), content_type="message/cpim")
    call = bob.take_call(**CPIM_PEER)
    send = call.expect_message()
    assert alice.final_answer_to(sent).status == 202
    call.wire.answer(send, 403, "no")
    note = alice.expect("MESSAGE")
    assert told(note.body) == ("m4", "failed")
    alice.respond(note, 200)
    row = slow_gateway.message_row(sent.call_id, state="failed")
    assert (row["sip_code"], row["msrp_code"]) == (403, 403)


def test_after_a_202_a_failure_is_told_in_words_where_nothing_was_asked_for(slow_gateway, pair):
    alice, bob = pair
    sent = alice.message(bob.uri, "no news is bad news")
    call = bob.take_call()
    send = call.expect_message()
    assert alice.final_answer_to(sent).status == 202
    call.wire.answer(send, 413, "too much")
    note = alice.expect("MESSAGE")
    assert note["Content-Type"].startswith("text/plain")
    assert note.body.startswith(f"Your message to {bob.uri} was not delivered".encode())
    alice.respond(note, 200)
    slow_gateway.message_row(sent.call_id, state="failed")


def test_a_notice_that_could_not_be_sent_yet_survives_a_kill(slow_gateway, pair):
    alice, bob = pair
    sent = alice.message(bob.uri, "doomed")
    call = bob.take_call()
    send = call.expect_message()
    assert alice.final_answer_to(sent).status == 202
    call.wire.answer(send, 403, "no")
    first = alice.expect("MESSAGE")
    slow_gateway.message_row(sent.call_id, state="failed")
    slow_gateway.kill()
    slow_gateway.start()
    again = alice.expect("MESSAGE", call_id=first.call_id)
    assert (again.body, again.cseq, again.from_tag) == (first.body, first.cseq, first.from_tag)
    alice.respond(again, 200)


def test_a_failure_report_after_the_200_takes_the_outcome_back(gateway, alice, bob, live):
    sent = alice.message(bob.uri, "delivered, was it?")
    send = live.take_message()
    assert alice.final_answer_to(sent).status == 200
    gateway.message_row(sent.call_id, state="delivered")
    report(live, send, "000 408 Downstream timeout")
    note = alice.expect("MESSAGE")
    assert b"was not delivered: REPORT 408" in note.body
    row = gateway.message_row(sent.call_id, state="failed")
    assert row["confirmation"] == "REPORT 408 Downstream timeout"
    live.expect_bye()


def test_d07_a_report_on_what_nobody_sent_changes_nothing(alice, bob, live):
    live.wire.request("REPORT", live.gateway_path, live.own_path, "Message-ID: NeverSeen", "Status: 000 408 lost")
    live.wire.request("REPORT", live.gateway_path, live.own_path, "Message-ID: NeverSeen")
    sent = alice.message(bob.uri, "still here")
    assert live.take_message().body == b"still here"
    assert alice.final_answer_to(sent).status == 200


# ------------------------------------------------------------------------------------------ MSRP side to message side


def test_a_202_is_reported_only_when_an_imdn_says_delivered(gateway, alice, bob):
    """The page side takes CPIM, as it has shown, so it is asked for an IMDN on behalf of the Success-Report."""
    sent = alice.message(bob.uri, cpim("hi", sender=alice.uri, recipient=bob.uri), content_type="message/cpim")
    call = bob.take_call()
    call.take_message()
    assert alice.final_answer_to(sent).status == 200
    tid = call.send("is it there?", message_id="Asked1", reports=SUCCESS)
    message = alice.expect("MESSAGE")
    assert "positive-delivery" in field(message.body, "imdn.Disposition-Notification")
    asked = field(message.body, "imdn.Message-ID")
    alice.respond(message, 202, "Accepted")
    assert call.wire.response_to(tid).code == 200
    assert gateway.message_row(message.call_id, state="accepted")
    alice.fence()
    assert call.wire.having("REPORT") == []
    note = alice.message(bob.uri, notification(asked, sender=alice.uri, recipient=bob.uri), content_type="message/cpim")
    assert alice.final_answer_to(note).status == 200
    assert call.report("Asked1")["Status"] == "000 200 OK"
    gateway.message_row(message.call_id, state="delivered", confirmation="IMDN delivered")
    assert call.wire.having("SEND") == [], "bob had not asked for an IMDN"


def disbelieved(gateway, imdn_id):
    return [line for line in gateway.output if "imdn_disbelieved" in line and imdn_id in line]


def test_an_imdn_that_is_not_from_the_recipient_is_not_believed(gateway, alice, bob, page, session):
    """RFC 5438 s14.1: it makes no REPORT and changes no row, whoever knows the id; the recipient's own still does."""
    sent = alice.message(bob.uri, cpim("hi", sender=alice.uri, recipient=bob.uri), content_type="message/cpim")
    call = bob.take_call()
    call.take_message()
    assert alice.final_answer_to(sent).status == 200
    tid = call.send("is it there?", message_id="Forged1", reports=SUCCESS)
    message = alice.expect("MESSAGE")
    asked = field(message.body, "imdn.Message-ID")
    alice.respond(message, 202, "Accepted")
    assert call.wire.response_to(tid).code == 200
    mallory = page("mallory")
    for claimed in (mallory.uri, alice.uri):  # what the CPIM says of itself is no proof
        forged = notification(asked, sender=claimed, recipient=bob.uri)
        assert mallory.final_answer_to(mallory.message(bob.uri, forged, content_type="message/cpim")).status == 200
    with_msrp = session("eve").call(mallory.uri, **CPIM_PEER)
    with_msrp.send(notification(asked, sender=alice.uri, recipient=bob.uri), content_type="message/cpim")
    mallory.fence()
    assert call.wire.having("REPORT") == []
    assert gateway.message_row(message.call_id, state="accepted")["confirmation"] == ""
    assert len(disbelieved(gateway, asked)) >= 2
    note = alice.message(bob.uri, notification(asked, sender=alice.uri, recipient=bob.uri), content_type="message/cpim")
    assert alice.final_answer_to(note).status == 200
    assert call.report("Forged1")["Status"] == "000 200 OK"
    gateway.message_row(message.call_id, state="delivered", confirmation="IMDN delivered")


def test_an_imdn_of_another_msrp_user_changes_no_row(gateway, alice, bob, session):
    sent = alice.message(bob.uri, asking(alice, bob, "m-forged", f"{BOTH}, display"), content_type="message/cpim")
    call = bob.take_call(**CPIM_PEER)
    call.take_message()
    assert alice.final_answer_to(sent).status == 200
    gateway.message_row(sent.call_id, state="delivered")
    other = session("eve").call(alice.uri, **CPIM_PEER)
    other.send(notification("m-forged", sender=bob.uri, recipient=alice.uri, kind="display", status="displayed"),
               content_type="message/cpim")  # fmt: skip
    alice.respond(alice.expect("MESSAGE"), 200)  # it passes, as any message of eve's: what alice makes of it is hers
    deadline = time.monotonic() + 5
    while not disbelieved(gateway, "m-forged") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert disbelieved(gateway, "m-forged")
    assert gateway.message_row(sent.call_id, state="delivered")["confirmation"] == ""
    call.send(notification("m-forged", sender=bob.uri, recipient=alice.uri, kind="display", status="displayed"),
              content_type="message/cpim")  # fmt: skip
    alice.respond(alice.expect("MESSAGE"), 200)
    gateway.message_row(sent.call_id, confirmation="IMDN displayed")


def test_a_200_is_reported_at_once(alice, bob):
    call = bob.call(alice.uri)
    call.send("there", message_id="Plain1", reports=SUCCESS)
    message = alice.expect("MESSAGE")
    assert message["Content-Type"] == "text/plain"
    alice.respond(message, 200)
    found = call.report("Plain1")
    assert (found["Status"], found["Byte-Range"]) == ("000 200 OK", "1-5/5")


def test_a_202_without_a_way_to_ask_is_never_a_success(gateway, alice, bob):
    call = bob.call(alice.uri)
    tid = call.send("perhaps", message_id="Perhaps", reports=SUCCESS)
    message = alice.expect("MESSAGE")
    alice.respond(message, 202, "Accepted")
    assert call.wire.response_to(tid).code == 200
    gateway.message_row(message.call_id, state="accepted")
    alice.fence()
    assert call.wire.having("REPORT") == []


def test_an_imdn_request_is_tried_and_falls_back_to_plain_after_a_415(gateway, alice, bob):
    call = bob.call(alice.uri, **CPIM_PEER)
    body = asking(bob, alice, "b1")
    tid = call.send(body, content_type="message/cpim")
    first = alice.expect("MESSAGE")
    assert first.body == body
    alice.respond(first, 415, headers=["Accept: text/plain"])
    second = alice.expect("MESSAGE")
    assert (second.body, second["Content-Type"], second.cseq) == (
        b"tell me",
        "text/plain;charset=UTF-8",
        (2, "MESSAGE"),
    )
    alice.respond(second, 200)
    assert call.wire.response_to(tid).code == 200
    call.send(asking(bob, alice, "b2", text="next"), content_type="message/cpim")
    assert alice.expect("MESSAGE").body == b"next", "it is known by now"


def test_a_failure_after_the_msrp_200_is_an_imdn_where_that_was_asked_for(gateway, alice, bob):
    """A failure REPORT would end the session for its receiver (RFC 4975 s7.3.2, RULEBOOK S30)."""
    call = bob.call(alice.uri, **CPIM_PEER)
    tid = call.send(asking(bob, alice, "b3"), content_type="message/cpim", message_id="Late3")
    message = alice.expect("MESSAGE")
    assert call.wire.response_to(tid).code == 200, "kept"
    alice.respond(message, 486)
    note = call.take_message()
    assert (note["Content-Type"], told(note.body)) == ("message/cpim", ("b3", "failed"))
    assert call.wire.having("REPORT") == []
    gateway.message_row(message.call_id, state="failed")


def test_an_imdn_of_the_message_side_goes_to_who_asked(gateway, alice, bob):
    call = bob.call(alice.uri, **CPIM_PEER)
    call.send(asking(bob, alice, "b4", "positive-delivery, display"), content_type="message/cpim")
    message = alice.expect("MESSAGE")
    alice.respond(message, 202, "Accepted")
    gateway.message_row(message.call_id, state="accepted")
    for kind, status in (("delivery", "delivered"), ("display", "displayed")):
        body = notification("b4", sender=alice.uri, recipient=bob.uri, status=status, kind=kind)
        sent = alice.message(bob.uri, body, content_type="message/cpim")
        assert call.take_message().body == body
        assert alice.final_answer_to(sent).status == 200
    gateway.message_row(message.call_id, state="delivered", confirmation="IMDN displayed")


def test_an_imdn_that_cannot_be_read_is_400(alice, bob):
    body = cpim("<imdn", sender=alice.uri, recipient=bob.uri, kind="message/imdn+xml")
    assert alice.final_answer_to(alice.message(bob.uri, body, content_type="message/cpim")).status == 400


def test_notifications_are_limited(second_gateway):
    """20 a second in a session, 40 at once; who sends more is told so."""
    from tests.wire.session_peer import SessionPeer
    from tests.wire.sip_peer import SipPeer

    alice, bob = SipPeer("alice", second_gateway), SessionPeer("bob", second_gateway)
    try:
        first = alice.message(bob.uri, "first")
        call = bob.take_call(**CPIM_PEER)
        call.take_message()
        assert alice.final_answer_to(first).status == 200
        codes = []
        for number in range(60):
            body = notification(f"x{number}", sender=alice.uri, recipient=bob.uri)
            sent = alice.message(bob.uri, body, content_type="message/cpim")
            answer = None
            while answer is None:
                for send in call.wire.having("SEND"):
                    call.wire.answer(call.wire.expect("SEND", tid=send.tid))
                if alice.has_answer(sent):
                    answer = alice.final_answer_to(sent)
            codes.append(answer.status)
        assert codes[:40] == [200] * 40
        assert 480 in codes
    finally:
        alice.close()
        bob.close()
