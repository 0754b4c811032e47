"""HTML to plain text."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.payload.errors import PayloadError
from protocols.payload.html import to_text


def text(document: str) -> str:
    return to_text(document.encode(), "text/html")


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("hello", "hello"),
        ("<b>hel</b>lo <i> world</i>", "hello world"),
        ("<p>one</p><p>two</p>", "one\ntwo"),
        ("<div>one<div>two</div>three</div>", "one\ntwo\nthree"),
        ("one<br>two<br/><br />three", "one\ntwo\n\nthree"),
        ("a\n  b\t c&nbsp;&nbsp;d", "a b c d"),
        ("<ul><li>a</li><li>b</ul>c", "- a\n- b\nc"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</table>", "a b\nc"),
        ("<pre>a\n  b</pre> c", "a\n  b\nc"),
        ("<h1>Title</h1>text", "Title\ntext"),
        ("&lt;b&gt; &amp;amp; &eacute; &#233; &#xe9; &hearts; &unknown;", "<b> &amp; é é é ♥ &unknown;"),
        ("&#0;&#xD800;&#1114112;&#99999999999999;", "\ufffd\ufffd\ufffd\ufffd"),
        ("a < b > c <3 & d", "a < b > c <3 & d"),
        ("<!DOCTYPE html><html><head><title>no</title><style>p{}</style></head><body>yes</body></html>", "yes"),
        ("a<script>if (a < b) '</p>'</SCRIPT >b", "ab"),
        ("a<script/>b", "ab"),
        ("a<style>never closed", "a"),
        ("a<!-- <b>no</b> -->b<!-->c<!x>d<?php x?>e</>f", "abcdef"),
        ("a<!-- never closed", "a"),
        ("a<b never closed", "a"),
        ('<a title="1 > 0" x=\'">\'>t</a>', "t"),
        ("<img src=x alt='smile &amp; wave'><img>", "smile & wave"),
        ("see <a href='https://example.com/?a&amp;b'>this</a>.", "see this (https://example.com/?a&b)."),
        ("<a href=https://example.com/>example.com</a>", "example.com"),
        ("<a href='javascript:x()'>this</a> <a href=/x>that</a><a name=x>", "this that"),
        ("\r\na\r\n<br>\rb", "a\nb"),
        ("<pre>a&#xD;&#13;b</pre><a href='http://x&#10;&#13;/y'>z</a>", "ab\nz (http://x/y)"),
        ("a\x00\x1b[2Jb", "a[2Jb"),
        ("", ""),
    ],
)
def test_readable_text(document, expected):
    assert text(document) == expected


def test_xhtml_of_rfc4975_s11_2():
    document = (
        '<!DOCTYPE html\n  PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN"\n  "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">\n'
        '<html xmlns="http://www.w3.org/1999/xhtml">\n<head>\n<title>FY2005 Results</title>\n</head>\n<body>\n'
        '<p>See the results at <a href="http://example.org/">example.org</a>.</p>\n</body>\n</html>'
    )
    assert to_text(document.encode(), "application/xhtml+xml") == "See the results at example.org."


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("é".encode(), "text/html"),
        (b"\xe9", "text/html"),
        (b"\xe9", "text/html; charset=iso-8859-1"),
        (b"\xe9", "application/xhtml+xml; charset=latin1"),
        ("é".encode("utf-16"), "text/html; charset=utf-16"),
    ],
)
def test_character_sets(body, content_type):
    assert to_text(body, content_type) == "é"


def test_an_unknown_character_set_is_415():
    with pytest.raises(PayloadError) as caught:
        to_text(b"x", "text/html; charset=x")
    assert caught.value.code == 415


N = 100_000


@pytest.mark.parametrize(
    "document",
    [
        "<div>" * N + "x",
        "<" * N,
        "<!--" * N,
        "<a " * N,
        '<a x=">"' * N,
        "<b ='>'" * N,
        '<a b="' * N,
        "<a b='\"" * N,
        "<p" + " a=1" * N + ">",
        "<img " + "alt" * N + ">",
        "<img a " + "= " * N + '"',
        "<img x" + " " * N + "y>",
        "<script>" + "</script " * N,
        "<script></script>" * N,
        "</a " * N,
        "<![CDATA[" * N,
        "&" * N,
        "&#" + "9" * N,
        "&#x" + "f" * N,
        "<a href=http://a>" * N + "x",
        " " * N + "\n" * N,
    ],
    ids=lambda document: document[:12],
)
def test_a_hundred_thousand_times_anything_takes_no_longer_than_it_should(document):
    """Anything quadratic would take minutes here."""
    assert len(text(document)) <= len(document)


PIECES = st.sampled_from(
    [
        "<",
        ">",
        "</",
        "<!--",
        "-->",
        "<p>",
        "<a href='http://x'>",
        "</a>",
        "<script>",
        "</script>",
        "<pre>",
        "</pre>",
        "&#",
        "&lt;",
    ]
)


@given(st.binary() | st.lists(PIECES | st.text(max_size=5), max_size=30).map(lambda parts: "".join(parts).encode()))
def test_whatever_comes_in_plain_text_comes_out(body):
    found = to_text(body, "text/html")
    assert not set(found) & {chr(code) for code in range(32)} - {"\n", "\t"}
    found.encode()


@given(st.text("abc\u00e9 "))
def test_plain_words_stay_as_they_are(words):
    assert text(words) == " ".join(words.split())


@given(st.binary(), st.text())
def test_nothing_else_is_ever_raised(body, parameters):
    with suppress(PayloadError):
        to_text(body, f"text/html;{parameters}")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("<p>П".encode("utf-16-be"), "text/html;charset=utf-16"),
        ("\ufeff<p>П".encode("utf-16-le"), "text/html"),
        ("\ufeff<p>П".encode("utf-16-be"), "text/html"),
        ("\ufeff<p>П".encode(), "text/html"),
        ("\ufeff<p>П".encode(), "text/html;charset=utf-8"),
        ("<p>П".encode("koi8-r"), "text/html;charset=koi8-r"),
        (b"<html><head><meta charset=koi8-r><p>\xf0", "text/html"),
        (b"<meta http-equiv='Content-Type' content='text/html; charset=koi8-r'/><p>\xf0", "application/xhtml+xml"),
        (b"<META CHARSET = 'windows-1251'><p>\xcf", "text/html"),
        ("<meta charset=koi8-r><p>П".encode(), "text/html"),
    ],
)
def test_the_charset_is_what_is_said_of_the_document_or_what_it_says(body, content_type):
    assert to_text(body, content_type) == "П"


@pytest.mark.parametrize(
    ("body", "content_type", "read"),
    [
        (b"\x93\xff", "text/html", "\u201cÿ"),
        (b"<meta charset=x-unknown>\x93", "text/html", "\u201c"),
        (b"<meta charset=utf-16>\x93", "text/html", "\u201c"),
        (b"<meta charset=utf-8>\x93", "text/html", "\u201c"),
        (b"<meta charset=gb2312>\xff", "text/html", "ÿ"),
        (b" " * 1024 + b"<meta charset=koi8-r>\xf0", "text/html", "ð"),
        (b"a\x93b\xc3\xa9", "text/html;charset=utf-8", "a\ufffdbé"),  # it is not what it is said to be
        (b"a\x93b\xc3\xa9", "text/html;charset=us-ascii", "a\ufffdbé"),
    ],
)
def test_what_nothing_true_is_said_of_is_read_as_far_as_it_can_be(body, content_type, read):
    assert to_text(body, content_type) == read
