"""What a SIP peer should not send. After each of it the gateway carries the next good message."""

import secrets
import socket

import pytest

from tests.wire.session_peer import sdp


@pytest.fixture(autouse=True)
def carries_on(alice, bob, live):
    """The session from before the fault carries a message after it."""
    yield
    sent = alice.message(bob.uri, "after all that")
    assert live.take_message().body == b"after all that"
    assert alice.final_answer_to(sent).status == 200


def spoiled(peer, ruri, *changes, method="MESSAGE", headers=("Content-Type: text/plain",), body=b"hello"):
    """Send a good request after (old, new) replacements in it; the final answer."""
    sent = peer.compose(method, ruri, headers=headers, body=body)
    raw = sent.raw
    for old, new in changes:
        old = old if isinstance(old, bytes) else old.encode()
        assert old in raw
        raw = raw.replace(old, new if isinstance(new, bytes) else new.encode(), 1)
    peer.write(raw)
    return peer.inbox.take(
        lambda each: getattr(each, "status", None) and each.branch == sent.branch and each.status >= 200, 5, "answer"
    )


MALFORMED = [
    ("To: ", "Too: ", "To"),
    ("From: ", "Form: ", "From"),
    ("CSeq: 1 MESSAGE", "CSeq: one MESSAGE", "CSeq"),
    ("CSeq: 1 MESSAGE", "CSeq: 1 INVITE", "CSeq"),
    ("CSeq: 1 MESSAGE\r\n", "", "CSeq"),
    ("Call-ID: ", "Call-Id-Is: ", "Call-ID"),
    ("Max-Forwards: 70", "Max-Forwards: many", "Max-Forwards"),
    ("Content-Length: 5", "Content-Length: five", "Content-Length"),
    ("Content-Length: 5", "Content-Length: 500", "Content-Length"),
    ("Content-Type: text/plain", "Content-Type: ;;", "media type"),
    ("Content-Type: text/plain", "no colon here", ""),
    (">;tag=", ";tag=", "From"),
]


@pytest.mark.parametrize(("old", "new", "named"), MALFORMED)
def test_a_malformed_message_is_400_and_says_what_is_wrong(alice, bob, old, new, named):
    answer = spoiled(alice, bob.uri, (old, new))
    assert answer.status == 400
    assert named.lower() in answer.reason.lower()
    assert answer.reason not in ("", "Bad Request")


def test_what_cannot_be_answered_is_dropped(gateway, alice, bob):
    for garbage in (
        b"\x00" * 100,
        secrets.token_bytes(1000),
        b"MESSAGE\r\n\r\n",
        b"MESSAGE sip:bob@127.0.0.1 SIP/2.0\r\nFrom: <sip:a@b>\r\n\r\n",
        b"SIP/2.0 200 OK\r\n\r\n",
        b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKnobody\r\nCSeq: 1 MESSAGE\r\n\r\n",
        b"\r\n\r\n",
        b"x",
        b"",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"\xff\xfe\xfd\r\n" * 50,
        b"MESSAGE sip:bob@127.0.0.1 SIP/2.0\r\n" + b"A: b\r\n" * 5000 + b"\r\n",
    ):
        alice.write(garbage)
    alice.fence()
    assert alice.inbox.having(lambda each: each.status is not None) == []


def test_a_message_without_body_or_type_is_refused(alice, bob, live):
    """DEFECTS D8."""
    for headers, body, named in (
        ([], b"hello", "Content-Type"),
        (["Content-Type: text/plain"], b"", "body"),
        ([], b"", "body"),
    ):
        answer = spoiled(alice, bob.uri, headers=headers, body=body)
        assert answer.status == 400
        assert named in answer.reason
    assert live.wire.having("SEND") == []


def test_an_unknown_type_is_415_with_what_is_accepted(alice, bob):
    sent = alice.message(bob.uri, "<b>hello</b>", content_type="text/html")
    answer = alice.final_answer_to(sent)
    assert (answer.status, answer["Accept"]) == (415, "text/plain, message/cpim")


def test_an_unknown_encoding_is_415_with_what_is_accepted(alice, bob):
    sent = alice.message(bob.uri, "hello", headers=["Content-Encoding: br"])
    answer = alice.final_answer_to(sent)
    assert (answer.status, answer["Accept-Encoding"]) == (415, "deflate, gzip, identity")


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_body_over_the_limit_is_413(alice, bob):
    """20,000 octets in this gateway."""
    assert alice.final_answer_to(alice.message(bob.uri, "x" * 20_001)).status == 413


def test_hops_run_out(alice, bob):
    assert alice.final_answer_to(alice.message(bob.uri, max_forwards=0)).status == 483


def test_an_extension_that_is_required_and_unknown(alice, bob):
    answer = alice.final_answer_to(alice.message(bob.uri, headers=["Require: magic, 100rel"]))
    assert (answer.status, answer["Unsupported"]) == (420, "magic, 100rel")


def test_methods(alice, bob):
    """OPTIONS tells; what is known and not served is 405; what is unknown 501."""
    options = alice.final_answer_to(alice.request("OPTIONS", bob.uri))
    assert options.status == 200
    allowed = {each.strip() for each in options["Allow"].split(",")}
    assert {"INVITE", "ACK", "CANCEL", "BYE", "MESSAGE", "OPTIONS"} <= allowed
    assert "application/sdp" in options["Accept"]
    for method in ("SUBSCRIBE", "PUBLISH", "REFER", "REGISTER"):
        answer = alice.final_answer_to(alice.request(method, bob.uri))
        assert answer.status == 405
        assert "MESSAGE" in answer["Allow"]
    assert alice.final_answer_to(alice.request("DANCE", bob.uri)).status == 501
    assert alice.final_answer_to(alice.request("BYE", bob.uri)).status == 481


@pytest.mark.parametrize("method", ["BYE", "INVITE", "MESSAGE", "OPTIONS", "INFO"])
def test_a_request_of_a_dialog_that_is_not_there(alice, bob, method):
    sent = alice.request(method, bob.uri, to=f"<{bob.uri}>;tag=nobody", headers=[f"Contact: <{alice.uri}>"])
    assert alice.final_answer_to(sent).status == 481


def test_a_uri_that_cannot_be_reached(alice):
    assert alice.final_answer_to(alice.message("tel:+358-555-1234567")).status in (404, 416)
    assert alice.final_answer_to(alice.message("nobodyknows:this")).status == 416


@pytest.mark.parametrize("contact", [[], ["Contact: *"], ["Contact: <tel:+1>"], ["Contact: <sip:@@@>"], ["Contact: <"]])
def test_an_invite_that_no_dialog_can_be_made_of(alice, session, contact):
    """It leaves nothing behind under its key (DEFECTS D19)."""
    carol = session("carol")
    sent = carol.request(
        "INVITE",
        alice.uri,
        headers=[*contact, "Content-Type: application/sdp"],
        body=sdp("msrp://127.0.0.1:9/abc;tcp", setup="active"),
    )
    assert carol.final_answer_to(sent).status == 400
    message = alice.message(carol.uri, "hello carol")
    assert carol.take_call().take_message().body == b"hello carol"
    assert alice.final_answer_to(message).status == 200


def test_a_bad_offer_does_not_end_the_live_session_of_its_key(alice, bob):
    """`carries_on` is the proof."""
    sent = bob.request("INVITE", alice.uri, headers=[f"Contact: <{bob.uri}>"])
    assert bob.final_answer_to(sent).status == 488


def test_an_ack_for_nothing_is_nobodys(alice, bob):
    alice.request("ACK", bob.uri, to=f"<{bob.uri}>;tag=nobody")
    alice.fence()
    assert alice.inbox.having(lambda each: each.status is not None) == []


def test_a_stream_that_is_no_sip_is_closed(gateway):
    with socket.create_connection(gateway.sip, timeout=5) as stream:
        stream.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" + b"\x00" * 1000 + b"\r\n\r\n")
        while stream.recv(65536):
            pass


def test_a_stream_without_content_length_is_answered_and_closed(gateway, page, bob):
    with socket.create_connection(gateway.sip, timeout=5) as stream:
        own = f"127.0.0.1:{stream.getsockname()[1]}"
        stream.sendall(
            f"OPTIONS {bob.uri} SIP/2.0\r\nVia: SIP/2.0/TCP {own};branch=z9hG4bKx\r\nMax-Forwards: 70\r\n"
            f"From: <sip:a@{own}>;tag=1\r\nTo: <{bob.uri}>\r\nCall-ID: {secrets.token_hex(8)}\r\n"
            "CSeq: 1 OPTIONS\r\nContent-Length: many\r\n\r\n".encode()
        )
        answer = b""
        while more := stream.recv(65536):
            answer += more
        assert answer.startswith(b"SIP/2.0 400 ")


def test_keep_alives_on_a_stream_are_answered(gateway):
    """RULEBOOK U10: double CRLF, answered by one."""
    with socket.create_connection(gateway.sip, timeout=5) as stream:
        stream.sendall(b"\r\n\r\n")
        assert stream.recv(100) == b"\r\n"


@pytest.mark.parametrize("transport", ["tcp"])
def test_several_requests_in_one_segment_and_one_in_several(alice, bob, live):
    sent = [alice.compose("MESSAGE", bob.uri, headers=["Content-Type: text/plain"], body=b"%d" % n) for n in range(5)]
    data = b"".join(each.raw for each in sent)
    for start in range(0, len(data), 700):
        alice.write(data[start : start + 700])
    assert [live.take_message().body for _ in range(5)] == [b"%d" % number for number in range(5)]
    assert [alice.final_answer_to(each).status for each in sent] == [200] * 5
