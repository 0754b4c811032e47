"""One message out of chunks in any order (RULEBOOK S22, S24, D3)."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from protocols.msrp.chunks import MAX_PIECES, Assembly


def test_d3_in_order():
    assembly = Assembly("abcd")
    assembly.add(1, b"abcd", False)
    assert not assembly.complete
    assembly.add(5, b"EFGH", True)
    assert assembly.complete
    assert assembly.body() == b"abcdEFGH"


def test_s22_last_first():
    assembly = Assembly("abcd")
    assembly.add(5, b"EFGH", True)
    assert not assembly.complete
    assembly.add(1, b"abcd", False)
    assert assembly.body() == b"abcdEFGH"


def test_s22_the_last_received_wins():
    assembly = Assembly("abcd")
    assembly.add(1, b"a" * 100, False)
    assembly.add(50, b"b" * 101, True)
    assert assembly.complete
    assert assembly.body() == b"a" * 49 + b"b" * 101


def test_s22_dollar_fixes_the_total():
    assembly = Assembly("abcd")
    assembly.add(1, b"0123456789", False)
    assembly.add(4, b"345", True)
    assert assembly.complete
    assert assembly.body() == b"012345"
    assembly.add(5, b"xyz", False)
    assert assembly.body() == b"0123xy"


@given(
    st.binary(min_size=1, max_size=400),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 60)), max_size=40),
    st.randoms(use_true_random=False),
)
def test_s22_any_order_and_overlap_gives_the_message_to_the_byte(body, extra, order):
    size = len(body)
    chunks = []
    at = 0
    while at < size:
        step = order.randint(1, 80)
        chunks.append((at, body[at : at + step]))
        at += step
    chunks += [(start, body[start : start + length]) for start, length in extra if start < size]
    order.shuffle(chunks)
    assembly = Assembly("abcd")
    for start, data in chunks:
        assert assembly.add(start + 1, data, start + len(data) == size)
    assert assembly.complete
    assert assembly.body() == body


@given(st.lists(st.tuples(st.integers(0, 200), st.binary(max_size=50)), max_size=40))
def test_s22_overlaps_like_a_plain_buffer(chunks):
    buffer = bytearray(300)
    present = [False] * 300
    assembly = Assembly("abcd")
    for start, data in chunks:
        assembly.add(start + 1, data, False)
        buffer[start : start + len(data)] = data
        present[start : start + len(data)] = [True] * len(data)
    assert assembly.covered == sum(present)
    assert assembly.body() == bytes(octet for octet, there in zip(buffer, present, strict=True) if there)


def test_s24_nothing_is_allocated_for_what_did_not_come():
    assembly = Assembly("abcd")
    assembly.add(10**14, b"x", False)
    assert assembly.held < 1000


def test_s24_overwriting_does_not_pile_up_memory():
    assembly = Assembly("abcd")
    assembly.add(1, bytes(100_000), False)
    for _ in range(50):
        assembly.add(2, bytes(99_998), False)
        assert assembly.held < 500_000
    assert assembly.covered == 100_000


def test_s24_loose_pieces_are_bounded():
    assembly = Assembly("abcd")
    fits = [assembly.add(2 * at + 1, b"x", False) for at in range(MAX_PIECES + 1)]
    assert fits.count(False) == 1


def test_many_small_chunks_in_order_are_few_pieces():
    assembly = Assembly("abcd")
    body = random.Random(1).randbytes(200_000)
    for at in range(0, len(body), 10):
        assert assembly.add(at + 1, body[at : at + 10], at + 10 == len(body))
    assert assembly.held < 300_000
    assert assembly.body() == body
