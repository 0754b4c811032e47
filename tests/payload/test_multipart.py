"""The parts of a multipart body (RFC 2046 s5.1)."""

from __future__ import annotations

import base64
import contextlib
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.payload.errors import PayloadError
from protocols.payload.multipart import DEEPEST, MOST_PARTS, parts_of

TYPE = 'multipart/mixed;boundary="b1"'


def body(*parts: bytes, boundary: bytes = b"b1", end: bytes = b"--", line: bytes = b"\r\n") -> bytes:
    return b"".join(b"--" + boundary + line + part + line for part in parts) + b"--" + boundary + end + line


def octets(data: bytes, content_type: str = TYPE) -> list[bytes]:
    return [part.octets for part in parts_of(data, content_type)]


def test_parts_have_their_header_fields_and_exact_octets():
    first, second = parts_of(
        body(b"Content-Type: text/plain\r\nX-A: one\r\n\r\nhello\r\n", b"content-TYPE: Text/HTML;x=y\r\n\r\n<b>"),
        TYPE,
    )
    assert (first.essence, first.octets, first.headers["x-a"]) == ("text/plain", b"hello\r\n", "one")
    assert (second.essence, second.octets) == ("text/html", b"<b>")


def test_what_is_around_the_parts_is_passed_over():
    assert octets(b"This is a multipart.\r\n" + body(b"\r\none") + b"Goodbye.\r\n--b1\r\n\r\ntwo") == [b"one"]


@pytest.mark.parametrize("line", [b"\r\n", b"\n"])
@pytest.mark.parametrize("last", [b"", b"\r\n", b"  \r\n"])
def test_line_ends_are_taken_as_peers_write_them(line: bytes, last: bytes):
    data = b"--b1" + line + b"A: b" + line + line + b"one" + line + b"--b1--" + last
    assert octets(data) == [b"one"]


@pytest.mark.parametrize(
    "content", [b"--b1x\r\n", b"x--b1\r\n", b"--b\r\n", b"\r\n--b12--\r\n", b"--b1 x\r\n", b"-- b1\r\n", b"\r\n\r\n"]
)
def test_only_a_whole_line_is_a_boundary(content: bytes):
    assert octets(body(b"\r\n" + content)) == [content]


@pytest.mark.parametrize("length", ["0", "5", "999", "-1", "x"])
def test_the_length_that_a_part_claims_does_not_count(length: str):
    assert octets(body(b"Content-Length: " + length.encode() + b"\r\n\r\nhello")) == [b"hello"]


def test_parts_of_multiparts_within_it_stand_in_their_place():
    inner = b"Content-Type: multipart/alternative; boundary=b2\r\n\r\n" + body(b"\r\ntwo", b"\r\nthree", boundary=b"b2")
    assert octets(body(b"\r\none", inner, b"\r\nfour")) == [b"one", b"two", b"three", b"four"]


def test_codings_of_a_part_are_undone():
    packed = base64.b64encode(zlib.compress(b"hello"))
    [part] = parts_of(body(b"Content-Transfer-Encoding: base64\r\nContent-Encoding: deflate\r\n\r\n" + packed), TYPE)
    assert part.body(100) == b"hello"
    with pytest.raises(PayloadError) as raised:
        part.body(4)
    assert raised.value.code == 413


@pytest.mark.parametrize(
    ("disposition", "optional"),
    [(None, False), ("render", False), ("session;handling=required", False), ('x; a=b; Handling="OPTIONAL"', True)],
)
def test_whether_a_part_may_be_passed_over(disposition: str | None, optional: bool):
    head = b"" if disposition is None else b"Content-Disposition: " + disposition.encode() + b"\r\n"
    [part] = parts_of(body(head + b"\r\nx"), TYPE)
    assert part.is_optional is optional


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        (body(b"\r\nx"), "multipart/mixed"),
        (body(b"\r\nx"), 'multipart/mixed;boundary=""'),
        (body(b"\r\nx"), f'multipart/mixed;boundary="{"b" * 71}"'),
        (body(b"\r\nx"), 'multipart/mixed;boundary="b\n1"'),
        (body(b"\r\nx"), "multipart/mixed;boundary=other"),
        (b"", TYPE),
        (b"--b1", TYPE),
        (b"--b1\r\n\r\nhalf a mess", TYPE),
        (body(b"no colon\r\n\r\nx"), TYPE),
        (body(b"X: " + b"y" * 9000), TYPE),
        (body(*[b"\r\nx"] * (MOST_PARTS + 1)), TYPE),
    ],
)
def test_what_is_no_multipart_is_400(data: bytes, content_type: str):
    with pytest.raises(PayloadError) as raised:
        parts_of(data, content_type)
    assert raised.value.code == 400


def test_multiparts_within_multiparts_without_end_are_400():
    data = b"\r\nx"
    for number in range(DEEPEST + 1):
        name = b"d%d" % number
        data = b"Content-Type: multipart/mixed;boundary=%b\r\n\r\n" % name + body(data, boundary=name)
    with pytest.raises(PayloadError):
        parts_of(body(data), TYPE)


@given(st.lists(st.binary(max_size=40).filter(lambda each: b"b1" not in each), min_size=1, max_size=5))
def test_whatever_is_in_the_parts_comes_out_again(contents: list[bytes]):
    assert octets(body(*[b"\r\n" + each for each in contents])) == contents


@given(st.binary(max_size=200))
def test_any_octets_are_parts_or_an_error(data: bytes):
    for whole in (data, body(data), b"--b1\r\n" + data):
        with contextlib.suppress(PayloadError):
            parts_of(whole, TYPE)
