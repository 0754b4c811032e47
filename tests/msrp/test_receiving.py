"""Received requests: the answer to each, the message that comes of it (RULEBOOK S18, S22-S29, D3, D7, D10, D33)."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.msrp.events import ConnectionFault, MessageAborted, MessageReceived, ReportReceived, SessionBound
from protocols.msrp.limits import Limits
from tests.msrp.peers import OURS, PEER, Passive, answer, bind_request, message, request, requests, responses


def chunk(
    tid: str, start: int, data: bytes, flag: str, *headers: str, total: object = "*", message_id: str = "big-message"
) -> bytes:
    """One chunk of a text message."""
    return request(
        tid,
        "SEND",
        f"Message-ID: {message_id}",
        f"Byte-Range: {start}-*/{total}",
        *headers,
        "Content-Type: text/plain",
        body=data,
        flag=flag,
    )


def received(events):
    """The messages among ``events``."""
    return [event.incoming for event in events if isinstance(event, MessageReceived)]


def test_the_answer_waits_for_the_gateway():
    gateway = Passive().bound()
    [incoming] = received(gateway.receive(message("abcd", b"hello", "Content-Disposition: inline")))
    assert (incoming.message_id, incoming.content_type, incoming.body) == ("12339sdqwer", "text/plain", b"hello")
    assert (incoming.success_report, incoming.failure_report, incoming.duplicate) == (False, "yes", False)
    assert incoming.headers["content-disposition"] == "inline"  # S25
    assert gateway.output() == b""
    assert incoming.respond(200)
    data = gateway.output()
    assert responses(data) == [("abcd", 200)]
    assert f"To-Path: {PEER}\r\nFrom-Path: {OURS}\r\n".encode() in data  # S29
    assert not incoming.respond(413)  # once only
    assert gateway.output() == b""


@pytest.mark.parametrize(
    ("wish", "code", "answered"),
    [
        (None, 200, True),
        (None, 413, True),
        ("yes", 200, True),
        ("YES", 200, True),
        ("partial", 200, False),
        ("partial", 403, True),
        ("no", 200, False),
        ("no", 403, False),
        ("other", 200, True),
    ],
)
def test_d33_failure_report_decides_the_response(wish, code, answered):
    gateway = Passive().bound()
    headers = [f"Failure-Report: {wish}"] if wish else []
    [incoming] = received(gateway.receive(message("abcd", b"hello", *headers)))
    assert incoming.respond(code) is answered
    assert responses(gateway.output()) == ([("abcd", code)] if answered else [])


@pytest.mark.parametrize("wish", ["partial", "no"])
def test_d33_engine_answers_follow_failure_report_too(wish):
    gateway = Passive(accept_types="text/*").bound()
    header = f"Failure-Report: {wish}"
    gateway.receive(request("abcd", "SEND", "Message-ID: m123", "Byte-Range: 1-0/0", header))
    gateway.receive(chunk("abce", 1, b"part", "+", header))
    assert gateway.output() == b""
    gateway.receive(request("abcf", "SEND", "Message-ID: m124", header, "Content-Type: image/png", body=b"x"))
    assert responses(gateway.output()) == ([("abcf", 415)] if wish == "partial" else [])


def test_nothing_is_answered_on_a_dead_connection():
    gateway = Passive().bound()
    [incoming] = received(gateway.receive(message("abcd", b"hello", "Success-Report: yes")))
    gateway.connection.lost(1.0)
    assert not incoming.respond(200)
    assert not incoming.report(200)


def test_d34_unknown_method_501():
    gateway = Passive().bound()
    relay = "msrp://relay.example.com:1/r;tcp"
    gateway.session.set_peer((relay, PEER))
    gateway.receive(request("abcd", "NICKNAME", frm=f"{relay} {PEER}"))
    data = gateway.output()
    assert responses(data) == [("abcd", 501)]
    assert f"To-Path: {relay} {PEER}\r\n".encode() in data  # S29: the whole path, as it is no SEND


@pytest.mark.parametrize(
    "data",
    [
        request("abcd", "SEND", "Byte-Range: 1-0/0"),
        request("abcd", "SEND", "Message-ID: has blanks", "Byte-Range: 1-0/0"),
        request("abcd", "SEND", "Message-ID: " + "x" * 129),
        request("abcd", "SEND", "Message-ID: m123", "Byte-Range: 0-5/5"),
        request("abcd", "SEND", "Message-ID: m123", "Byte-Range: one-two/three"),
        request("abcd", "SEND", "Message-ID: m123", "Byte-Range: 1-" + "9" * 90 + "/*"),
        request("abcd", "SEND", "Message-ID: m123", body=b"no type"),
        request("abcd", "SEND", "Message-ID: m123", "not a header"),
        request("abcd", "send", "Message-ID: m123"),
        b"MSRP abcd SEND\r\nFrom-Path: " + PEER.encode() + b"\r\n-------abcd$\r\n",
        b"MSRP abcd SEND\r\nTo-Path: " + OURS.encode() + b"\r\n-------abcd$\r\n",
    ],
)
def test_d34_unintelligible_400(data):
    gateway = Passive().bound()
    assert gateway.receive(data) == []
    assert responses(gateway.output()) == [("abcd", 400)]
    assert gateway.connection.live


def test_s4_message_ids_are_read_leniently():
    gateway = Passive().bound()
    for message_id in ("x", "4004434208.zrw8zf46", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"):
        assert received(gateway.receive(message("abcd", b"hello", message_id=message_id)))


def test_s8_type_we_did_not_offer_415():
    gateway = Passive(accept_types="message/cpim text/*").bound()
    assert gateway.receive(message("abcd", b"x").replace(b"text/plain", b"image/png")) == []
    assert responses(gateway.output()) == [("abcd", 415)]
    assert received(gateway.receive(message("abce", b"x").replace(b"text/plain", b"TEXT/Plain; charset=UTF-8")))


@pytest.mark.parametrize(
    "data",
    [
        message("abcd", b"x" * 101),
        chunk("abcd", 1, b"x", "+", total=101),  # the first chunk that shows it
        chunk("abcd", 100, b"xy", "+"),
        chunk("abcd", 101, b"x", "$"),
    ],
)
def test_s10_more_than_our_max_size_413(data):
    gateway = Passive(max_size=100).bound()
    assert gateway.receive(data) == []
    assert responses(gateway.output()) == [("abcd", 413)]
    assert gateway.endpoint.assembly_bytes == 0


def test_s10_chunks_that_add_up_to_too_much_413():
    gateway = Passive(max_size=100).bound()
    gateway.receive(chunk("abcd", 1, b"x" * 60, "+"))
    events = gateway.receive(chunk("abce", 61, b"x" * 60, "+"))
    assert events == [MessageAborted(gateway.session, "big-message", "too large")]
    assert responses(gateway.output()) == [("abcd", 200), ("abce", 413)]
    assert gateway.endpoint.assembly_count == 0


def test_s31_a_huge_chunk_is_refused_while_it_still_comes():
    gateway = Passive(max_size=20_000).bound()
    data = chunk("abcd", 1, b"x" * 400_000, "$", total="*")
    gateway.receive(data[:50_000])
    assert responses(gateway.output()) == [("abcd", 413)]
    gateway.receive(data[50_000:] + message("abce", b"next"))[0].incoming.respond(200)
    assert responses(gateway.output()) == [("abce", 200)]


def test_s31_later_chunks_of_a_refused_message_are_refused_too():
    gateway = Passive(accept_types="text/*", max_size=1000).bound()
    gateway.receive(chunk("tid0", 1, b"x", "+", total=5000))
    gateway.receive(chunk("tid1", 2, b"x", "+"))
    gateway.receive(chunk("tid2", 3, b"x", "$"))
    assert [code for _, code in responses(gateway.output())] == [413, 413, 413]
    assert gateway.endpoint.assembly_count == 0
    assert not gateway.session.refused
    for number in range(100):
        gateway.receive(chunk("tid0", 1, b"x", "+", total=5000, message_id=f"message-{number}"))
    assert len(gateway.session.refused) <= 16


def test_d3_chunks_become_one_message():
    gateway = Passive().bound()
    body = random.Random(3).randbytes(10_000)
    assert gateway.receive(chunk("tid0", 1, body[:4000], "+", "Content-Disposition: inline", total=10_000)) == []
    assert gateway.receive(chunk("tid1", 4001, body[4000:8000], "+")) == []
    assert responses(gateway.output()) == [("tid0", 200), ("tid1", 200)]
    [incoming] = received(gateway.receive(chunk("tid2", 8001, body[8000:], "$")))
    assert incoming.body == body
    assert incoming.headers["content-disposition"] == "inline"
    assert gateway.output() == b""  # the completing chunk waits for the gateway
    incoming.respond(200)
    assert responses(gateway.output()) == [("tid2", 200)]
    assert gateway.endpoint.assembly_count == 0
    assert gateway.endpoint.assembly_bytes == 0


@given(st.randoms(use_true_random=False), st.integers(1, 3), st.booleans())
def test_s22_interleaved_shuffled_overlapping_messages(order, messages, repeat):
    gateway = Passive().bound()
    bodies = {f"message-{number}": order.randbytes(order.randint(2, 3000)) for number in range(messages)}
    chunks = []
    for message_id, body in bodies.items():
        at = 0
        own = []
        while at < len(body):
            step = order.randint(1, 900)
            start = max(0, at - order.randint(0, 50))
            last = at + step >= len(body)
            own.append((message_id, start + 1, body[start : at + step], "$" if last else "+"))
            at += step
        if len(own) == 1:
            own = [(message_id, 1, body[:1], "+"), (message_id, 2, body[1:], "$")]
        chunks += own + ([own[0]] if repeat and own[0][3] == "+" else [])
    order.shuffle(chunks)
    events = []
    for number, (message_id, start, data, flag) in enumerate(chunks):
        events += gateway.receive(chunk(f"tid{number}x", start, data, flag, message_id=message_id))
    got = received(events)
    assert {incoming.message_id: incoming.body for incoming in got} == bodies


def test_s24_no_byte_range_is_a_whole_message():
    gateway = Passive().bound()
    data = request("abcd", "SEND", "Message-ID: m123", "Content-Type: text/plain", body=b"whole")
    assert received(gateway.receive(data))[0].body == b"whole"


def test_s22_the_range_end_is_not_believed():
    gateway = Passive().bound()
    data = message("abcd", b"interrupted").replace(b"1-11/11", b"1-5000/5000")
    assert received(gateway.receive(data))[0].body == b"interrupted"


def test_s20_an_aborted_message():
    gateway = Passive().bound()
    gateway.receive(chunk("abcd", 1, b"part", "+"))
    assert gateway.receive(chunk("abce", 5, b"", "#")) == [
        MessageAborted(gateway.session, "big-message", "aborted by peer")
    ]
    assert gateway.receive(chunk("abcf", 1, b"never seen", "#", message_id="other")) == []
    assert responses(gateway.output()) == [("abcd", 200), ("abce", 200), ("abcf", 200)]


def test_an_incomplete_message_is_given_up_after_silence():
    gateway = Passive(Limits(assembly_timeout=60.0)).bound()
    gateway.receive(chunk("abcd", 1, b"part", "+"), 10.0)
    gateway.receive(chunk("abce", 5, b"part", "+", message_id="other"), 20.0)
    gateway.receive(chunk("abcf", 5, b"part", "+"), 30.0)
    assert gateway.endpoint.next_deadline() == 80.0
    assert gateway.endpoint.expire(80.0) == [MessageAborted(gateway.session, "other", "timeout")]
    assert gateway.endpoint.expire(90.0) == [MessageAborted(gateway.session, "big-message", "timeout")]
    assert gateway.endpoint.assembly_bytes == 0


@pytest.mark.parametrize(
    "limits", [Limits(max_assemblies_per_session=2), Limits(max_assemblies=2), Limits(max_held_bytes=1000)]
)
def test_s24_incomplete_messages_are_bounded(limits):
    gateway = Passive(limits).bound()
    for number in range(3):
        gateway.receive(chunk(f"tid{number}", 1, b"x" * 200, "+", message_id=f"message-{number}"))
    assert [code for _, code in responses(gateway.output())] == [200, 200, 413]
    assert gateway.endpoint.assembly_count == 2


def test_s18_a_duplicate_is_flagged_and_still_answered():
    gateway = Passive(Limits(remembered_ids=8)).bound()
    assert [incoming.duplicate for incoming in received(gateway.receive(message("abcd", b"x") * 2))] == [False, True]
    for number in range(20):
        gateway.receive(message("abcd", b"x", message_id=f"other-{number}"))
    [incoming] = received(gateway.receive(message("abce", b"x")))
    assert not incoming.duplicate  # the memory is bounded
    assert incoming.respond(200)


def test_s28_success_report_only_if_asked_and_only_once():
    gateway = Passive().bound()
    [asked, other] = received(
        gateway.receive(message("abcd", b"hello", "Success-Report: yes") + message("abce", b"hello"))
    )
    assert not other.report(200)
    assert asked.report(200)
    assert not asked.report(200)
    [report] = requests(gateway.output())
    assert (report.method, report.to_path, report.from_path) == ("REPORT", PEER, OURS)
    assert report.headers["message-id"] == "12339sdqwer"
    assert report.headers["byte-range"] == "1-5/5"
    assert report.headers["status"] == "000 200 OK"
    assert "failure-report" not in report.headers


def test_s28_d38_failure_report_covers_the_whole_message_with_a_real_range():
    gateway = Passive().bound()
    gateway.receive(chunk("abcd", 1, b"x" * 30, "+"))
    [incoming] = received(gateway.receive(chunk("abce", 31, b"x" * 12, "$")))
    incoming.respond(200)
    assert incoming.report(408, "Nobody took it")
    [report] = requests(gateway.output())
    assert report.headers["byte-range"] == "1-42/42"
    assert report.headers["status"] == "000 408 Nobody took it"


def test_s28_d38_report_for_a_message_without_byte_range():
    gateway = Passive().bound()
    data = request("abcd", "SEND", "Message-ID: m123", "Content-Type: text/plain", body=b"whole")
    assert received(gateway.receive(data))[0].report(403)
    assert requests(gateway.output())[0].headers["byte-range"] == "1-5/5"


@pytest.mark.parametrize("wish", ["no", "NO"])
def test_s28_no_failure_report_to_who_wants_none(wish):
    gateway = Passive().bound()
    [incoming] = received(gateway.receive(message("abcd", b"x", f"Failure-Report: {wish}")))
    assert not incoming.report(403)


def test_s28_no_report_for_a_session_that_has_ended():
    gateway = Passive().bound()
    [incoming] = received(gateway.receive(message("abcd", b"x", "Success-Report: yes")))
    gateway.session.close(1.0)
    assert not incoming.report(200)
    assert incoming.respond(200)  # the transaction is still answered


def test_s28_a_report_is_told_and_never_answered():
    gateway = Passive().bound()
    data = request("abcd", "REPORT", "Message-ID: m123", "Byte-Range: 1-*/106", "Status: 000 413 Too much")
    assert gateway.receive(data) == [ReportReceived(gateway.session, "m123", 413, (1, None, 106), "Too much")]
    assert gateway.output() == b""


@pytest.mark.parametrize(
    "headers",
    [
        (),
        ("Message-ID: m123",),
        ("Status: 000 200 OK",),
        ("Message-ID: m123", "Status: OK"),
        ("Message-ID: m123", "Status: 001 200"),
        ("Message-ID: m123", "Status: 000 9"),
        ("Message-ID: m123", "Status: 000 200", "broken"),
    ],
)
def test_d7_d10_a_report_that_lacks_something_is_ignored(headers):
    gateway = Passive().bound()
    assert gateway.receive(request("abcd", "REPORT", *headers)) == []
    assert gateway.output() == b""


def test_d10_a_report_without_byte_range_counts():
    gateway = Passive().bound()
    events = gateway.receive(request("abcd", "REPORT", "Message-ID: nobody", "Status: 000 200"))
    assert events == [ReportReceived(gateway.session, "nobody", 200, (1, None, None), "")]


def test_d7_reports_where_no_session_is():
    gateway = Passive()
    gateway.receive(request("abcd", "REPORT", "Message-ID: m123", "Status: 000 200"))
    gateway.receive(request("abcd", "REPORT", "Message-ID: m123", "Status: 000 200", to="msrp://x:1/y;tcp"))
    assert gateway.output() == b""


def test_unknown_responses_are_ignored():
    gateway = Passive().bound()
    assert gateway.receive(answer("never-sent")) == []


def test_d35_garbage_ends_the_connection_after_what_came_before_it():
    gateway = Passive()
    events = gateway.receive(bind_request() + b"GET / HTTP/1.1\r\n")
    assert [type(event) for event in events] == [SessionBound, ConnectionFault]
    assert gateway.receive(bind_request()) == []


@given(
    st.lists(st.binary(max_size=80) | st.sampled_from([bind_request(), message("abcd", b"x"), b"MSRP "]), max_size=9)
)
def test_any_bytes_never_raise(pieces):
    gateway = Passive()
    for piece in pieces:
        for event in gateway.receive(piece):
            if isinstance(event, MessageReceived):
                event.incoming.respond(200)
                event.incoming.report(200)
    gateway.output()
    gateway.connection.lost(9.0)


@given(st.lists(st.tuples(st.sampled_from(["Message-ID", "Byte-Range", "Status", "Failure-Report", "Success-Report",
                                           "Content-Type", "To-Path", "X"]), st.text(max_size=20)), max_size=6),
       st.sampled_from(["SEND", "REPORT", "AUTH"]), st.none() | st.binary(max_size=20))  # fmt: skip
def test_any_header_values_never_raise(headers, method, body):
    gateway = Passive().bound()
    lines = [f"{name}: {value}" for name, value in headers]
    for event in gateway.receive(request("abcd", method, *lines, body=body).replace(b"\x00", b"")):
        if isinstance(event, MessageReceived):
            event.incoming.respond(400, "\r\nX: y")
            event.incoming.report(400)
    gateway.output()
