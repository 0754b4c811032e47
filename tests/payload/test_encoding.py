"""Content-Encoding undone (RULEBOOK M11)."""

from __future__ import annotations

import base64
import gzip
import quopri
import tracemalloc
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.payload.encoding import decode, decode_transfer
from protocols.payload.errors import PayloadError

LIMIT = 100_000


def raw_deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(data) + stream.flush()


CODERS = {"deflate": zlib.compress, "gzip": gzip.compress, "identity": bytes}


def refusal(body: bytes, content_encoding: str, limit: int = LIMIT) -> int:
    with pytest.raises(PayloadError) as caught:
        decode(body, content_encoding, limit)
    return caught.value.code


@given(st.binary(), st.lists(st.sampled_from(sorted(CODERS)), max_size=4))
def test_codings_are_undone_in_the_order_opposite_to_how_they_were_applied(data, codings):
    body = data
    for coding in codings:
        body = CODERS[coding](body)
    assert decode(body, ", ".join(codings).upper(), LIMIT) == data


@given(st.binary())
def test_deflate_without_the_zlib_format_is_understood(data):
    assert decode(raw_deflate(data), "deflate", LIMIT) == data


def test_gzip_may_have_several_members_but_not_without_number():
    assert decode(gzip.compress(b"a") + gzip.compress(b"b"), "x-gzip", LIMIT) == b"ab"
    assert refusal(gzip.compress(b"") * 10_000, "gzip") == 400


def test_an_empty_body_needs_no_coding():
    assert decode(b"", "deflate", LIMIT) == b""


def test_the_limit_is_for_what_comes_out():
    assert decode(zlib.compress(b"x" * LIMIT), "deflate", LIMIT) == b"x" * LIMIT
    assert refusal(zlib.compress(b"x" * (LIMIT + 1)), "deflate") == 413
    assert refusal(gzip.compress(b"x" * LIMIT) + gzip.compress(b"x"), "gzip") == 413
    assert refusal(b"x" * (LIMIT + 1), "identity") == 413
    assert refusal(b"x" * (LIMIT + 1), "") == 413


@pytest.mark.parametrize("coder", [zlib.compress, raw_deflate, gzip.compress])
def test_a_bomb_takes_no_more_memory_than_its_limit_allows(coder):
    bomb = coder(bytes(50_000_000))
    coding = "gzip" if coder is gzip.compress else "deflate"
    tracemalloc.start()
    try:
        assert refusal(bomb, coding) == 413
        assert refusal(CODERS[coding](bomb), f"{coding}, {coding}") == 413
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 10 * LIMIT


@pytest.mark.parametrize("content_encoding", ["br", "compress", "deflate, x", "gzip," * 5, "déflate"])
def test_an_unknown_coding_is_415(content_encoding):
    assert refusal(b"x", content_encoding) == 415


@pytest.mark.parametrize(
    ("body", "coding"),
    [
        (b"x", "deflate"),
        (b"plain text", "gzip"),
        (zlib.compress(b"abc")[:-1], "deflate"),
        (zlib.compress(b"abc") + b"x", "deflate"),
        (gzip.compress(b"abc", mtime=0)[:-1], "gzip"),
        (gzip.compress(b"abc", mtime=0) + b"x", "gzip"),
    ],
)
def test_corrupt_data_is_400(body, coding):
    assert refusal(body, coding) == 400


@given(st.binary(), st.sampled_from(["deflate", "gzip", "gzip, deflate"]))
def test_nothing_else_is_ever_raised(body, coding):
    with suppress(PayloadError):
        decode(body, coding, 10)


# Content-Transfer-Encoding


@given(st.binary())
def test_a_transfer_encoding_is_undone(data):
    assert decode_transfer(base64.encodebytes(data), "Base64 ") == data
    assert decode_transfer(quopri.encodestring(data), "quoted-printable") == data
    for encoding in ("", "7bit", "8BIT", "binary"):
        assert decode_transfer(data, encoding) == data


def test_a_transfer_encoding_that_is_unknown_or_broken():
    with pytest.raises(PayloadError) as caught:
        decode_transfer(b"x", "x-uuencode")
    assert caught.value.code == 415
    with pytest.raises(PayloadError) as caught:
        decode_transfer(b"abcde", "base64")
    assert caught.value.code == 400


@given(st.binary(), st.sampled_from(["base64", "quoted-printable"]) | st.text())
def test_no_transfer_encoding_raises_anything_else(body, encoding):
    with suppress(PayloadError):
        assert len(decode_transfer(body, encoding)) <= len(body)
