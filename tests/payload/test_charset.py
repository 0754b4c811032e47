"""Text to UTF-8."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.payload.charset import to_utf8
from protocols.payload.errors import PayloadError


def refusal(body: bytes, content_type: str) -> int:
    with pytest.raises(PayloadError) as caught:
        to_utf8(body, content_type)
    return caught.value.code


@pytest.mark.parametrize(
    ("charset", "octets"),
    [
        ("iso-8859-1", b"\xe9"),
        ("ISO_8859-15", b"\xe9"),
        ("latin1", b"\xe9"),
        ("Windows-1252", b"\xe9"),
        ("utf-16", b"\xff\xfe\xe9\x00"),
        ("UTF-16BE", b"\x00\xe9"),
        ("macintosh", b"\x8e"),
        ("cp850", b"\x82"),
    ],
)
def test_other_character_sets_become_utf8(charset, octets):
    assert to_utf8(octets, f"text/plain; charset={charset}") == ("é".encode(), "text/plain; charset=utf-8")


@pytest.mark.parametrize("charset", ["koi8-r", "KOI8-U", "windows-1251", "iso-8859-5"])
def test_cyrillic(charset):
    assert to_utf8("Привет".encode(charset), f"text/plain;charset={charset}")[0].decode() == "Привет"


@pytest.mark.parametrize(
    "charset", ["gbk", "gb2312", "GB18030", "big5", "shift_jis", "euc-jp", "iso-2022-jp", "euc-kr"]
)
def test_east_asian(charset):
    assert to_utf8("一".encode(charset), f"text/plain;charset={charset}")[0].decode() == "一"


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "text/plain; charset=utf-8",
        "text/plain;charset=UTF8",
        'text/plain; Charset="utf-8"',
        "TEXT/PLAIN;charset=us-ascii",
        "image/png; charset=latin1",
        'text/plain; note="; charset=latin1"',
        'text/plain; note="\\"; charset=latin1"',
        "text/plain; charset",
        "no type at all",
        "",
    ],
)
def test_what_needs_no_change_is_not_even_looked_at(content_type):
    assert to_utf8(b"\xff\xfe\xe9", content_type) == (b"\xff\xfe\xe9", content_type)


@pytest.mark.parametrize(
    ("content_type", "after"),
    [
        ('text/plain; a="x;y" ; charset="Latin1" ;format=flowed', 'text/plain; a="x;y" ; charset=utf-8 ;format=flowed'),
        ("text/html;charset = latin1", "text/html;charset = utf-8"),
        ("text/html;CHARSET=latin1; charset=x", "text/html;CHARSET=utf-8; charset=x"),
        ("text/html;;charset=latin1", "text/html;;charset=utf-8"),
    ],
)
def test_the_other_parameters_are_kept(content_type, after):
    assert to_utf8(b"", content_type) == (b"", after)


@pytest.mark.parametrize(
    "charset",
    [
        *["x-unknown", "rot13", "base64", "hex", "zlib", "bz2", "uu", "quopri", "idna", "punycode", "unicode_escape"],
        *("", "raw_unicode_escape", "undefined", "mbcs", "oem", "../utf_8", "é", "latin1" * 10),
    ],
)
def test_what_is_no_character_set_is_415(charset):
    assert refusal(b"x", f'text/plain; charset="{charset}"') == 415


@pytest.mark.parametrize(
    ("charset", "octets"),
    [("utf-16", b"x"), ("shift_jis", b"\xff"), ("cp1252", b"\x81"), ("utf-7", b"+2AA-"), ("utf-32", b"\x00")],
)
def test_octets_that_are_not_of_the_character_set_are_415(charset, octets):
    assert refusal(octets, f"text/plain; charset={charset}") == 415


def test_an_unknown_name_is_not_remembered():
    from encodings import _cache

    before = len(_cache)
    for number in range(100):
        assert refusal(b"", f"text/plain; charset=x{number}") == 415
    assert len(_cache) == before


@given(st.binary(), st.text())
def test_nothing_else_is_ever_raised(body, parameters):
    with suppress(PayloadError):
        to_utf8(body, "text/plain;charset=" + parameters)
    with suppress(PayloadError):
        to_utf8(body, parameters)


@given(
    st.binary(),
    st.sampled_from(["utf-7", "utf-16", "utf-32", "hz", "iso-2022-kr", "gb18030", "big5hkscs", "johab", "koi8-t"]),
)
def test_whatever_comes_out_is_utf8(body, charset):
    with suppress(PayloadError):
        to_utf8(body, f"text/plain;charset={charset}")[0].decode()


@pytest.mark.parametrize(
    "value",
    ['";"y', '"latin1"x', '"latin1x', '"latin1', 'x"latin1"', '"la"tin1"', '"', '"\\"'],
    ids=lambda value: value,
)
def test_a_value_that_is_quoted_in_part_is_no_name(value):
    assert refusal(b"x", f"text/plain;charset={value}") == 415
    assert refusal(b"x", f"text/plain;charset={value};a=b") == 415
