"""Bytes to frames: any split gives the same, any garbage gives only MsrpFramingError (RULEBOOK S20, S21, D35)."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.msrp.errors import MsrpFramingError
from protocols.msrp.frames import MsrpRequest, MsrpResponse
from protocols.msrp.limits import Limits
from protocols.msrp.parser import FrameParser
from tests.msrp.peers import OURS, PEER, answer, bind_request, frames, message, request

SMALL = Limits(max_header_bytes=600, max_frame_body=3000)


def read(pieces, limits=SMALL):
    """(frames, reason of the framing error or None) of a stream that arrives in ``pieces``."""
    parser = FrameParser(limits)
    found = []
    for piece in pieces:
        try:
            found += parser.feed(piece)
        except MsrpFramingError as error:
            return found + error.frames, error.reason
    return found, None


def test_a_whole_message():
    [frame] = frames(message("d93kswow", b"Hi, I'm Alice!\r\n", "X-Unknown: kept"))
    assert isinstance(frame, MsrpRequest)
    assert (frame.tid, frame.method, frame.to_path, frame.from_path) == ("d93kswow", "SEND", OURS, PEER)
    assert (frame.body, frame.flag, frame.fault) == (b"Hi, I'm Alice!\r\n", "$", None)
    assert frame.headers["x-unknown"] == "kept"  # S25
    assert list(frame.headers)[-1] == "content-type"


def test_a_response():
    assert frames(answer("d93kswow", 413, "Stop: now")) == [MsrpResponse("d93kswow", 413, "Stop: now", OURS, PEER)]
    bare = f"MSRP d93kswow 200\r\nFrom-Path: {PEER}\r\nTo-Path: {OURS}\r\nX: y\r\n-------d93kswow$\r\n".encode()
    assert frames(bare) == [MsrpResponse("d93kswow", 200, "", OURS, PEER)]


def test_s20_no_body_is_not_an_empty_body():
    assert frames(bind_request())[0].body is None
    assert frames(message("abcd", b""))[0].body == b""
    short = message("abcd", b"").replace(b"\r\n\r\n\r\n", b"\r\n\r\n")  # one CRLF for blank line and end-line
    assert frames(short)[0].body == b""
    blank = bind_request("abcd").replace(b"-------", b"\r\n-------")  # a bind with a blank line
    assert frames(blank)[0].body is None
    assert frames(blank)[0].fault is None


@pytest.mark.parametrize("flag", ["$", "+", "#"])
def test_s20_flags(flag):
    assert frames(message("abcd", b"x", flag=flag))[0].flag == flag


@pytest.mark.parametrize(
    "line",
    [b"-------", b"-------other$", b"-------abcd", b"-------abcd!", b"-------abcd$ ", b"-------abcde$", b"-------abc$"],
)
def test_d35_seven_dashes_in_a_body_are_body(line):
    body = b"before\r\n" + line + b"\r\nafter"
    assert frames(message("abcd", body))[0].body == body
    for split in range(1, 400, 7):
        data = message("abcd", body) * 2
        assert read([data[:split], data[split:]])[0] == frames(data)


def test_blank_lines_between_frames_are_harmless():
    assert len(frames(b"\r\n\r\n" + answer("abcd") + b"\r\n" + answer("abce"))) == 2


def test_blanks_around_values_do_not_count():
    data = bind_request("abcd").replace(b"Message-ID: ", b"message-id:\t ").replace(b"1-0/0", b"1-0/0  ")
    assert frames(data)[0].headers["message-id"] == "38bcfa469f11a6ac"
    assert frames(data)[0].headers["byte-range"] == "1-0/0"


@pytest.mark.parametrize(
    "data",
    [
        b"MSRP abcd\r\n-------abcd$\r\n",
        b"MSRP abcd send\r\nTo-Path: a\r\nFrom-Path: b\r\n-------abcd$\r\n",
        b"MSRP abcd SEND\r\nFrom-Path: b\r\n-------abcd$\r\n",
        b"MSRP abcd SEND\r\nTo-Path: b\r\n-------abcd$\r\n",
        b"MSRP abcd SEND\r\nTo-Path: a\r\nFrom-Path: b\r\nno colon\r\n-------abcd$\r\n",
        b"MSRP abcd SEND\r\nTo-Path: a\r\nFrom-Path: b\r\n: x\r\n-------abcd$\r\n",
        b"MSRP abcd SEND\r\nTo-Path: a\r\nFrom-Path: b\r\nTo-Path: c\r\n-------abcd$\r\n",
        b"MSRP abcd SEND\r\nTo-Path: a\r\nFrom-Path: b\r\n\r\nbody\r\n-------abcd$\r\n",
    ],
)
def test_d34_what_can_be_delimited_can_be_answered(data):
    [frame] = frames(data)
    assert isinstance(frame, MsrpRequest)
    assert frame.fault


@pytest.mark.parametrize("line", [b"MSRP abcd 99\r\n", b"MSRP abcd 2000 OK\r\n", b"MSRP abcd 2x0 OK\r\n"])
def test_a_response_without_a_code(line):
    assert frames(line + b"-------abcd$\r\n")[0].code == 0


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n",
        b"msrp abcd SEND\r\n",
        b"\x16\x03\x01",
        b"MSRP \x00bcd SEND\r\n",
        b"MSRP " + b"a" * 65 + b" SEND\r\n",
        b"MSRP " + b"a" * 2000,
        b"MSRP abcd SEND\r\nX: " + b"y" * 1000,
        message("abcd", b"x" * 4000),
        message("abcd", b"x" * 4000)[:-9],
        request("abcd", "SEND", "X: " + "y" * 600),
    ],
)
def test_what_cannot_be_delimited_or_is_too_long(data):
    good = answer("good")
    assert read([good + data])[0] == frames(good)  # what came before counts
    assert read([good + data])[1] is not None
    assert read([bytes([octet]) for octet in good + data]) == read([good + data])
    parser = FrameParser(SMALL)
    with pytest.raises(MsrpFramingError):
        parser.feed(data)
    with pytest.raises(MsrpFramingError):
        parser.feed(good)


token = st.text("abcdefghij0123456789", min_size=4, max_size=12)
octets = st.binary(max_size=300) | st.lists(
    st.sampled_from([b"\r\n", b"-------", b"abcd", b"$", b"+", b"\r", b"x"]), max_size=60
).map(b"".join)
a_frame = st.one_of(
    st.builds(
        lambda tid, body, flag: (
            message(tid, body, flag=flag) if b"-------" + tid.encode() not in body else bind_request(tid)
        ),
        token,
        octets,
        st.sampled_from("$+#"),
    ),
    st.builds(answer, token, st.integers(100, 999), st.text("abc XYZ:é", max_size=10)),
    st.builds(bind_request, token),
)
a_stream = st.builds(
    lambda parts, tail: b"".join(parts) + tail,
    st.lists(a_frame, max_size=6),
    st.one_of(st.just(b""), octets, octets.map(lambda data: b"MSRP abcd SEND\r\n" + data)),
)


@settings(max_examples=300)
@given(a_stream, st.lists(st.integers(0, 3000), max_size=12))
def test_any_split_gives_the_same_frames(stream, cuts):
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pieces = [stream[a:b] for a, b in itertools.pairwise(edges)]
    whole = read([stream])
    assert read(pieces) == whole
    assert read([stream[at : at + 1] for at in range(len(stream))]) == whole


@settings(max_examples=300)
@given(st.lists(st.binary(max_size=60) | octets | a_frame, max_size=8))
def test_any_garbage_gives_frames_or_a_framing_error(pieces):
    read(pieces)


def test_the_search_is_linear_in_the_bytes():
    """Each byte of a long body is looked at a bounded number of times, however small the pieces."""

    class Counted(FrameParser):
        __slots__ = ("looked",)

        def _end_line_in_sight(self):
            self.looked = getattr(self, "looked", 0) + len(self._buffer) - self._scanned
            return super()._end_line_in_sight()

    data = message("abcd", b"\r\n-------abcd" * 20_000)
    parser = Counted(Limits())
    found = []
    for at in range(0, len(data), 100):
        found += parser.feed(data[at : at + 100])
    assert len(found) == 1
    assert parser.looked < 2 * len(data)


def test_a_refused_body_is_thrown_away_as_it_comes():
    parser = FrameParser(Limits())
    asked = []
    parser.body_limit = lambda head: asked.append(head.tid) or 20_000
    data = message("abcd", b"x" * 500_000) + answer("next")
    found = []
    for at in range(0, len(data), 1000):
        found += parser.feed(data[at : at + 1000])
        assert parser.buffered < 25_000
    assert [frame.tid for frame in found] == ["abcd", "next"]
    assert found[0].oversize
    assert asked == ["abcd"]


def test_the_head_of_a_response_with_a_body_is_read_once_however_the_body_comes():
    """It has none by the rules, and one all the same cost half a millisecond an octet."""

    class Counted(FrameParser):
        __slots__ = ("read",)

        def _frame(self, *given):
            self.read = getattr(self, "read", 0) + 1
            return super()._frame(*given)

    parser = Counted(Limits())
    parser.body_limit = lambda head: 0
    data = answer("abcd").replace(b"\r\n-------", b"\r\n\r\n" + b"x" * 40_000 + b"\r\n-------")
    assert [frame.tid for at in range(len(data)) for frame in parser.feed(data[at : at + 1])] == ["abcd"]
    assert parser.read == 2
