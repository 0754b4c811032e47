"""Outgoing messages: one outcome each, chunks that give way, timers (RULEBOOK S8, S10, S21, S23, S26, S30, S31)."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.msrp import backlog as backlog_module
from protocols.msrp import errors
from protocols.msrp.errors import MsrpSendError
from protocols.msrp.events import ConnectionFault, MessageAborted, MessageReceived, SendOutcome, SessionBound
from protocols.msrp.limits import Limits
from tests.msrp.peers import OURS, PEER, Pair, Passive, answer, bind_request, frames, message, request, requests


def ready() -> Passive:
    """A bound gateway with nothing to write."""
    return Passive().bound()


def test_a_short_message_is_one_chunk():
    gateway = ready()
    sent = gateway.session.send("12339sdqwer", "text/plain", b"hello", now=1.0, context="mine")
    [wire] = requests(gateway.output())
    assert (wire.to_path, wire.from_path, wire.flag, wire.body) == (PEER, OURS, "$", b"hello")
    assert wire.headers["byte-range"] == "1-5/5"
    assert "failure-report" not in wire.headers  # absent means yes (S26)
    assert gateway.receive(answer(wire.tid, 200)) == [SendOutcome(gateway.session, sent, 200, "OK", "response")]
    assert (sent.context, sent.done) == ("mine", True)
    assert gateway.endpoint.next_deadline() is None
    assert gateway.receive(answer(wire.tid, 400)) == []  # one outcome only
    assert not gateway.session.pending


@pytest.mark.parametrize("code", [400, 403, 413, 415, 423, 481, 501, 506])
def test_an_error_is_the_outcome(code):
    gateway = ready()
    sent = gateway.session.send("12339sdqwer", "text/plain", b"hello", now=1.0)
    [wire] = requests(gateway.output())
    outcome = SendOutcome(gateway.session, sent, code, "No", "response")
    assert gateway.receive(answer(wire.tid, code, "No")) == [outcome]
    assert sent.done


def test_s31_408_counts_as_a_timeout():
    gateway = ready()
    gateway.session.send("12339sdqwer", "text/plain", b"hello", now=1.0)
    [wire] = requests(gateway.output())
    [outcome] = gateway.receive(answer(wire.tid, 408, ""))
    assert (outcome.code, outcome.layer) == (408, "timeout")


def test_s26_the_timer_runs_from_the_last_byte_handed_out():
    gateway = ready()
    sent = gateway.session.send("12339sdqwer", "text/plain", b"hello", now=1.0)
    assert gateway.endpoint.next_deadline() is None
    [wire] = requests(gateway.output(now=7.0))
    assert gateway.endpoint.next_deadline() == 37.0
    assert gateway.endpoint.expire(36.9) == []
    assert gateway.endpoint.expire(37.0) == [SendOutcome(gateway.session, sent, None, "no response", "timeout")]
    assert gateway.receive(answer(wire.tid, 200), 38.0) == []
    assert gateway.endpoint.next_deadline() is None


def test_s26_expiry_takes_only_what_is_due():
    gateway = ready()
    for number in range(5):
        gateway.session.send(f"message-{number}", "text/plain", b"hello", now=0.0)
        gateway.output(now=float(number))
    assert [event.outgoing.message_id for event in gateway.endpoint.expire(31.5)] == ["message-0", "message-1"]
    assert gateway.endpoint.next_deadline() == 32.0


def test_s26_failure_report_no_ends_when_written():
    gateway = ready()
    sent = gateway.session.send("12339sdqwer", "text/plain", b"hello", failure_report="no", now=1.0)
    assert gateway.endpoint.next_deadline() is None
    [wire] = requests(gateway.output())
    assert wire.headers["failure-report"] == "no"
    assert gateway.endpoint.next_deadline() == 1.0  # at once
    assert gateway.endpoint.expire(1.0) == [SendOutcome(gateway.session, sent, None, "written", "written")]
    assert gateway.endpoint.next_deadline() is None


def test_s26_failure_report_partial_hears_errors_only():
    gateway = ready()
    quiet = gateway.session.send("message-1", "text/plain", b"hello", failure_report="partial", now=1.0)
    refused = gateway.session.send("message-2", "text/plain", b"hello", failure_report="partial", now=1.0)
    _, wire = requests(gateway.output())
    assert gateway.receive(answer(wire.tid, 403, "No"))[0].outgoing is refused
    assert gateway.endpoint.expire(31.0) == [SendOutcome(gateway.session, quiet, None, "no error reported", "written")]


def test_success_report_is_asked_for():
    gateway = ready()
    gateway.session.send("12339sdqwer", "text/plain", b"hello", success_report=True, now=1.0)
    assert requests(gateway.output())[0].headers["success-report"] == "yes"


@pytest.mark.parametrize(
    ("message_id", "content_type", "size", "cause"),
    [
        ("has blanks", "text/plain", 1, errors.BAD_ARGUMENT),
        ("6ba7b810-9dad-11d1-80b4-00c04fd430c8", "text/plain", 1, errors.BAD_ARGUMENT),  # S4: 36 characters
        ("12339sdqwer", "nonsense", 1, errors.BAD_ARGUMENT),
        ("12339sdqwer", "text/plain\r\nX: y", 1, errors.BAD_ARGUMENT),
        ("12339sdqwer", "image/png", 1, errors.TYPE_NOT_ACCEPTED),  # S8
        ("12339sdqwer", "text/plain", 101, errors.TOO_LARGE),  # S10
    ],
)
def test_what_may_not_be_sent(message_id, content_type, size, cause):
    gateway = ready()
    gateway.session.set_peer((PEER,), "text/*", 100)
    with pytest.raises(MsrpSendError) as caught:
        gateway.session.send(message_id, content_type, b"x" * size, now=1.0)
    assert caught.value.cause == cause
    assert gateway.output() == b""
    assert not gateway.session.pending


def test_s15_no_sending_before_the_peer_bound_or_after_the_end():
    gateway = Passive()
    with pytest.raises(MsrpSendError) as caught:
        gateway.session.send("12339sdqwer", "text/plain", b"x", now=1.0)
    assert caught.value.cause == errors.NOT_BOUND
    gateway.session.close(1.0)
    with pytest.raises(MsrpSendError) as caught:
        gateway.session.send("12339sdqwer", "text/plain", b"x", now=1.0)
    assert caught.value.cause == errors.CLOSED


def test_a_clogged_connection_refuses_more():
    gateway = Passive(Limits(max_outbox_bytes=1000)).bound()
    for number in range(2):
        gateway.session.send(f"message-{number}", "text/plain", b"x" * 400, now=1.0)
    with pytest.raises(MsrpSendError) as caught:
        gateway.session.send("message-3", "text/plain", b"x", now=1.0)
    assert caught.value.cause == errors.CONGESTED
    gateway.output()
    gateway.session.send("message-3", "text/plain", b"x", now=1.0)


def test_the_host_is_woken_once():
    gateway = ready()
    woken = []
    gateway.connection.wake = woken.append
    for number in range(3):
        gateway.session.send(f"message-{number}", "text/plain", b"x", now=1.0)
    assert woken == [gateway.connection]
    gateway.output()
    gateway.session.send("message-3", "text/plain", b"x", now=1.0)
    assert len(woken) == 2


def test_s23_a_long_message_is_one_interruptible_chunk_when_nothing_waits():
    gateway = ready()
    body = random.Random(1).randbytes(200_000)
    sent = gateway.session.send("12339sdqwer", "application/octet-stream", body, now=1.0)
    data = b"".join(iter(gateway.output, b""))
    [wire] = requests(data)
    assert wire.headers["byte-range"] == "1-*/200000"
    assert (wire.body, wire.flag) == (body, "$")
    assert gateway.receive(answer(wire.tid)) == [SendOutcome(gateway.session, sent, 200, "OK", "response")]


def test_s23_it_is_handed_out_a_budget_at_a_time_and_wakes_for_more():
    gateway = ready()
    woken = []
    gateway.connection.wake = woken.append
    gateway.session.send("12339sdqwer", "text/plain", b"x" * 200_000, now=1.0)
    sizes = []
    while len(sizes) < len(woken):
        sizes.append(len(gateway.output()))
    assert len(sizes) == 4
    assert max(sizes) < Limits().flush_budget + 1000
    assert gateway.connection.waiting == 0


def test_s23_responses_interrupt_a_long_message():
    gateway = ready()
    gateway.session.send("12339sdqwer", "text/plain", b"x" * 200_000, now=1.0)
    first = gateway.output()
    [event] = gateway.receive(message("abcd", b"hello"))
    event.incoming.respond(200)
    second = gateway.output()
    assert second.startswith(b"\r\n-------")
    read = frames(first + second + b"".join(iter(gateway.output, b"")))
    assert [getattr(frame, "flag", "response") for frame in read] == ["+", "response", "$"]
    assert b"".join(frame.body for frame in read if hasattr(frame, "body")) == b"x" * 200_000
    assert read[2].headers["byte-range"] == f"{len(read[0].body) + 1}-*/200000"
    assert len(read[0].body) >= 2048


def test_back_pressure_stops_long_messages_only():
    gateway = ready()
    gateway.connection.writable = False
    gateway.session.send("12339sdqwer", "text/plain", b"x" * 5000, now=1.0)
    gateway.receive(bind_request("abcd"))
    assert [type(frame).__name__ for frame in frames(gateway.output())] == ["MsrpResponse"]
    assert gateway.output() == b""
    woken = []
    gateway.connection.wake = woken.append
    gateway.connection.resume(2.0)
    assert woken
    assert requests(gateway.output())[0].body == b"x" * 5000


def test_back_pressure_in_the_middle_of_a_chunk():
    gateway = ready()
    gateway.session.send("12339sdqwer", "text/plain", b"x" * 100_000, now=1.0)
    data = gateway.output()
    gateway.connection.writable = False
    assert gateway.output() == b""
    gateway.receive(bind_request("abcd"))
    data += gateway.output()
    gateway.connection.resume(2.0)
    data += b"".join(iter(gateway.output, b""))
    assert b"".join(wire.body for wire in requests(data)) == b"x" * 100_000


def test_s23_sessions_take_turns():
    pair = Pair()
    sessions = [pair.session()[0] for _ in range(3)]
    pair.run()
    pair.right_events.clear()
    for number, session in enumerate(sessions):
        session.send(f"message-{number}", "text/plain", bytes([number]) * 100_000, now=1.0)
    order = [wire.headers["message-id"][-1] for wire in requests(b"".join(iter(pair.out.take_output, b"")))]
    assert order[:6] == ["0", "1", "2", "0", "1", "2"]


def test_order_is_kept_within_a_session():
    pair = Pair()
    here, _ = pair.session()
    pair.run()
    here.send("message-1", "text/plain", b"x" * 300_000, now=1.0)
    here.send("message-2", "text/plain", b"short", now=1.0)
    pair.run()
    got = [event.incoming.message_id for event in pair.right_events if isinstance(event, MessageReceived)]
    assert got == ["message-1", "message-2"]
    done = [event.outgoing.message_id for event in pair.left_events if isinstance(event, SendOutcome)]
    assert done == ["message-1", "message-2"]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 40_000)), max_size=12), st.booleans())
def test_whatever_is_sent_arrives_once_and_whole(plan, both_ways):
    pair = Pair(Limits(flush_budget=5000, fair_slice=2048))
    sessions = [pair.session() for _ in range(3)]
    pair.run()
    expected = {}
    for number, (which, size) in enumerate(plan):
        body = random.Random(number).randbytes(size)
        expected[f"message-{number}"] = body
        sessions[which][number % 2 if both_ways else 0].send(f"message-{number}", "text/plain", body, now=1.0)
    pair.run()
    events = pair.left_events + pair.right_events
    got = [event.incoming for event in events if isinstance(event, MessageReceived)]
    assert len(got) == len(plan)
    assert {incoming.message_id: incoming.body for incoming in got} == expected
    outcomes = [event for event in events if isinstance(event, SendOutcome)]
    assert sorted(event.outgoing.message_id for event in outcomes) == sorted(expected)
    assert all(event.code == 200 for event in outcomes)
    assert pair.left.next_deadline() is None
    assert pair.right.next_deadline() is None
    assert pair.out.waiting == 0


def chunked(gateway: Passive):
    """A message of which the first chunk is closed and the second open: (outgoing, tids)."""
    sent = gateway.session.send("12339sdqwer", "text/plain", b"x" * 300_000, now=1.0)
    data = gateway.output()
    gateway.receive(bind_request("abcd"))
    data += gateway.output()
    return sent, [part.split(b" ")[0].decode() for part in data.split(b"MSRP ") if b" SEND\r\n" in part]


def test_a_chunked_message_succeeds_after_all_its_responses():
    gateway = ready()
    sent, tids = chunked(gateway)
    data = b"".join(iter(gateway.output, b""))
    assert len(tids) == 2
    assert data.endswith(f"-------{tids[1]}$\r\n".encode())
    assert gateway.receive(answer(tids[1])) == []
    assert gateway.receive(answer(tids[0])) == [SendOutcome(gateway.session, sent, 200, "OK", "response")]


def test_s30_the_first_error_stops_a_chunked_message():
    gateway = ready()
    sent, tids = chunked(gateway)
    assert gateway.receive(answer(tids[0], 413, "Stop")) == [
        SendOutcome(gateway.session, sent, 413, "Stop", "response")
    ]
    assert gateway.output() == f"\r\n-------{tids[1]}#\r\n".encode()  # the open chunk is aborted, no other follows
    assert gateway.output() == b""
    assert gateway.receive(answer(tids[1], 413, "Stop")) == []
    assert gateway.connection.waiting == 0
    gateway.session.send("message-2", "text/plain", b"y" * 3000, now=1.0)
    assert requests(gateway.output())[0].body == b"y" * 3000


def test_s31_a_failure_report_stops_it_as_well():
    gateway = ready()
    sent, tids = chunked(gateway)
    data = request("abce", "REPORT", "Message-ID: 12339sdqwer", "Byte-Range: 1-100/300000", "Status: 000 413 Stop")
    report, outcome = gateway.receive(data)
    assert report.code == 413
    assert outcome == SendOutcome(gateway.session, sent, 413, "Stop", "response")
    assert gateway.output() == f"\r\n-------{tids[1]}#\r\n".encode()


def test_a_chunk_that_is_never_answered_fails_the_message():
    gateway = ready()
    sent, tids = chunked(gateway)
    while gateway.output(now=2.0):
        pass
    gateway.receive(answer(tids[0]), 3.0)
    assert gateway.endpoint.expire(32.0) == [SendOutcome(gateway.session, sent, None, "no response", "timeout")]


def test_s21_a_body_that_holds_the_end_line_is_cut_before_it(monkeypatch):
    gateway = ready()
    stock = iter(f"tid{number:05d}" for number in range(100))
    monkeypatch.setattr(backlog_module, "new_transaction_id", lambda: next(stock))
    body = b"a" * 2000 + b"\r\n-------tid00000$\r\n" + b"b" * 3000
    gateway.session.send("12339sdqwer", "text/plain", body, now=1.0)
    parts = requests(gateway.output())
    assert len(parts) == 2
    assert b"".join(part.body for part in parts) == body
    assert [part.flag for part in parts] == ["+", "$"]


@given(st.lists(st.sampled_from([b"\r\n-------tid0000", b"0", b"1", b"$\r\n", b"-------", b"x" * 900]), max_size=60))
def test_s21_whatever_the_body_holds(parts):
    gateway = Passive(Limits(flush_budget=3000, fair_slice=2048)).bound()
    body = b"".join(parts) + b"x" * 2049
    stock = iter(f"tid{number:05d}" for number in range(1000))
    original = backlog_module.new_transaction_id
    backlog_module.new_transaction_id = lambda: next(stock)
    try:
        gateway.session.send("12339sdqwer", "text/plain", body, now=1.0)
        wires = requests(b"".join(iter(gateway.output, b"")))
    finally:
        backlog_module.new_transaction_id = original
    assert b"".join(wire.body for wire in wires) == body


def test_closing_a_session_gives_every_message_its_outcome():
    gateway = ready()
    short = gateway.session.send("message-1", "text/plain", b"hello", now=1.0)
    long = gateway.session.send("message-2", "text/plain", b"x" * 300_000, now=1.0)
    started = gateway.output()
    tid = next(part.split(b" ")[0] for part in started.split(b"MSRP ") if b"message-2" in part)
    gateway.receive(
        request(
            "abcd", "SEND", "Message-ID: part", "Byte-Range: 1-*/9", "Content-Type: text/plain", body=b"x", flag="+"
        )
    )
    assert gateway.session.close(2.0) == [
        SendOutcome(gateway.session, short, None, "session closed", "closed"),
        SendOutcome(gateway.session, long, None, "session closed", "closed"),
        MessageAborted(gateway.session, "part", "session closed"),
    ]
    assert gateway.output().startswith(b"\r\n-------" + tid + b"#\r\n")
    assert gateway.connection.waiting == 0
    assert gateway.connection.idle
    assert gateway.session.close(3.0) == []
    assert gateway.endpoint.assembly_bytes == 0
    gateway.receive(bind_request("abce"))
    assert b" 481 " in gateway.output()
    assert gateway.endpoint.expire(100.0) == [ConnectionFault(gateway.connection, "no session was bound in time")]


def test_a_closed_session_leaves_the_others_their_turn():
    pair = Pair()
    (first, _), (second, _) = pair.session(), pair.session()
    pair.run()
    first.send("message-1", "text/plain", b"x" * 300_000, now=1.0)
    second.send("message-2", "text/plain", b"y" * 30_000, now=1.0)
    data = pair.out.take_output()
    first.close(2.0)
    for event in pair.into.receive(data + b"".join(iter(pair.out.take_output, b"")), 2.0):
        if isinstance(event, MessageReceived):
            assert event.incoming.body == b"y" * 30_000
            event.incoming.respond(200)
    events = pair.out.receive(pair.into.take_output(), 3.0)
    assert [event.outgoing.message_id for event in events if isinstance(event, SendOutcome)] == ["message-2"]


def test_any_number_of_outcomes_is_one_each():
    pair = Pair()
    here, _ = pair.session()
    pair.run()
    assert isinstance(pair.left_events[0], SessionBound)
    sent = [here.send(f"message-{number}", "text/plain", b"x" * number, now=1.0) for number in range(0, 5000, 250)]
    data = b"".join(iter(pair.out.take_output, b""))
    half = len(data) // 2
    pair.into.receive(data[:half], 1.0)
    events = pair.out.receive(pair.into.take_output(), 1.0) + pair.out.lost(2.0) + here.close(3.0)
    assert sorted(id(event.outgoing) for event in events if isinstance(event, SendOutcome)) == sorted(map(id, sent))
