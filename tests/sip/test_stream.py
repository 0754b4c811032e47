"""Framing on a stream: RFC 3261 s18.3, s7.5, RFC 5626 s3.5.1 (RULEBOOK U10)."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.sip.limits import SipLimits
from protocols.sip.stream import SipStream
from tests.sip.fakes import request

MESSAGES = [
    request(),
    request("INVITE", body="v=0\r\n\r\nx=1\r\n"),
    request(body="\r\n\r\nMESSAGE sip:x SIP/2.0\r\n\r\n"),
    request().replace(b"Content-Length: ", b"l:\r\n  "),
    b"SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
]


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(each % (len(data) + 1) for each in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


def feed(stream: SipStream, pieces: list[bytes]):
    """All messages, pings and errors of these reads."""
    messages, pings, errors = [], 0, []
    for piece in pieces:
        found, count, error = stream.feed(piece)
        messages += found
        pings += count
        if error is not None:
            errors.append(error)
    return messages, pings, errors


@given(
    st.lists(
        st.one_of(st.sampled_from(MESSAGES), st.sampled_from([b"\r\n", b"\r\n\r\n", b"\r\n\r\n\r\n"])), max_size=8
    ),
    st.lists(st.integers(0, 5000), max_size=20),
)
def test_however_it_is_cut_the_messages_and_pings_are_the_same(parts, places):
    data = b"".join(parts)
    whole = feed(SipStream(), [data])
    assert feed(SipStream(), cut(data, places)) == whole
    assert whole[0] == [part for part in parts if part.strip()]
    assert whole[2] == []
    octets = SipStream()
    assert feed(octets, [data[at : at + 1] for at in range(len(data))]) == whole
    assert octets.waiting < 4


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=5))
def test_any_octets_end_in_messages_or_one_error(data, places):
    messages, _, errors = feed(SipStream(), cut(data, places))
    assert len(errors) <= 1
    assert sum(map(len, messages)) <= len(data)


class TestKeepAlive:
    @pytest.mark.parametrize(
        ("reads", "pings"),
        [
            ([b"\r\n\r\n"], 1),
            ([b"\r\n", b"\r\n"], 1),
            ([b"\r", b"\n", b"\r", b"\n"], 1),
            ([b"\r\n\r\n\r\n", b"\r\n"], 2),
            ([b"\r\n\r\n" * 5], 5),
            ([b"\r\n\r", b"\n" + request() + b"\r\n", b"\r\n"], 2),
            ([b"\r\n" + request()], 0),
            ([b"\n\r\n", b"\r\n"], 1),
            ([b"\n\n\n\n"], 0),
        ],
    )
    def test_each_double_crlf_is_a_ping(self, reads, pings):
        assert feed(SipStream(), reads)[1] == pings

    def test_in_a_body_it_is_none(self):
        messages, pings, _ = feed(SipStream(), [request(body="\r\n\r\n\r\n\r\n")])
        assert (len(messages), pings) == (1, 0)

    def test_line_ends_without_end_fill_nothing(self):
        stream = SipStream()
        for _ in range(1000):
            stream.feed(b"\r\n\n\r" * 10)
            assert stream.waiting < 4


class TestLimits:
    @pytest.mark.parametrize(
        ("data", "code"),
        [
            (b"GARBAGE" * 10_000, 513),
            (b"\x16\x03\x01", 400),
            (b"GET / HTTP/1.0\n", 400),
            (request().replace(b"Content-Length: 0\r\n", b""), 400),
            (request().replace(b"Content-Length: 0", b"Content-Length: -1"), 400),
            (request().replace(b"Content-Length: 0", b"Content-Length: 99999999"), 513),
            (request(extra="Content-Length: 5\r\n"), 400),
        ],
    )
    def test_what_cannot_be_cut_is_an_error_with_its_code(self, data, code):
        _, _, errors = feed(SipStream(), [data])
        assert [error.code for error in errors] == [code]

    def test_what_came_before_the_error_is_whole_what_comes_after_is_not_looked_at(self):
        stream = SipStream()
        messages, _, error = stream.feed(request() + request().replace(b"Content-Length: 0\r\n", b"") + request())
        assert messages == [request()]
        assert error is not None
        assert stream.feed(request() * 1000) == ([], 0, None)
        assert stream.waiting == 0

    def test_a_head_that_never_ends_is_refused_at_its_limit(self):
        stream = SipStream(SipLimits(max_head=1000))
        errors = [stream.feed(each)[2] for each in [b"MESSAGE sip:x SIP/2.0\r\n", *[b"x" * 100] * 12]]
        assert [error.code for error in errors if error] == [513]
        assert stream.waiting == 0

    def test_an_answerable_request_without_length_comes_with_the_error(self):
        _, _, errors = feed(SipStream(), [request().replace(b"Content-Length: 0\r\n", b"")])
        assert errors[0].partial is not None


def looks(monkeypatch, size: int) -> int:
    """How many octets the parser is shown for a head of ``size`` octets that comes octet by octet."""
    shown = 0

    def head_length(buffer, limits):
        nonlocal shown
        shown += len(buffer)
        return original(buffer, limits)

    import protocols.sip.stream as module

    original = module.head_length
    monkeypatch.setattr(module, "head_length", head_length)
    data = request(extra="X: " + "x" * size + "\r\n")
    messages, _, _ = feed(SipStream(), [data[at : at + 1] for at in range(len(data))])
    monkeypatch.undo()
    assert messages == [data]
    return shown


def test_a_trickle_costs_what_one_read_would(monkeypatch):
    for size in (1000, 10_000, 60_000):
        assert looks(monkeypatch, size) < 1.1 * size + 1000


def test_many_messages_in_one_read_cost_each_the_same():
    def cost(count: int) -> float:
        data = (b"\r\n" + request()) * count
        started = time.process_time()
        messages, _, _ = SipStream().feed(data)
        assert len(messages) == count
        return (time.process_time() - started) / count

    few = min(cost(200) for _ in range(5))
    many = min(cost(8000) for _ in range(3))
    assert many < 8 * few  # quadratic would be 40
