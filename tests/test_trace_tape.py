"""The tape: what it holds between two looks of the tracer, and no more."""

from __future__ import annotations

from sessions_app.trace.tape import Link, Tape

UDP = Link("sip", "udp", ("192.0.2.9", 5060), None)
TCP = Link("sip", "tcp", ("192.0.2.9", 5060), ("192.0.2.1", 41001))
PEER = ("192.0.2.1", 5080)


def test_entries_come_in_their_order_with_the_octets_of_all():
    tape = Tape(on=True, most=1000)
    tape.note(UDP, False, [(b"12345", PEER), (b"123", PEER)])
    tape.note(TCP, True, b"1234")
    taken = tape.take()
    assert [(link, out, data) for _, link, out, data in taken.entries] == [
        (UDP, False, [(b"12345", PEER), (b"123", PEER)]),
        (TCP, True, b"1234"),
    ]
    assert taken.size == 12
    assert (tape.take().entries, tape.lost) == ([], 0)


def test_a_tracer_that_does_not_look_costs_no_more_than_the_bound():
    tape = Tape(on=True, most=100)
    for _ in range(10):
        tape.note(TCP, False, b"x" * 60)
    assert (len(tape.take().entries), tape.lost) == (2, 8)
    tape.note(TCP, False, b"x")
    assert len(tape.take().entries) == 1
