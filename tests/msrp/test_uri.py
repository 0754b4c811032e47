"""MSRP URIs: what parses, what is the same URI (RULEBOOK S1, S2)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.msrp.errors import MsrpUriError
from protocols.msrp.uri import MsrpUri, same_path

SAME = [
    ("msrp://host.example.com:8493/asfd34;tcp", "MSRP://HOST.example.COM:8493/asfd34;TCP"),
    ("msrp://host:1/a;tcp", "msrp://user@host:1/a;tcp"),
    ("msrp://[2001:db8::1]:1/a;tcp", "msrp://[2001:DB8:0:0:0:0:0:1]:1/a;tcp"),
    ("msrp://ho%73t:1/a;tcp", "msrp://host:1/a;tcp"),
    ("msrp://host:1/a;tcp;x=y", "msrp://host:1/a;tcp"),
    ("msrp://host:1;tcp", "msrp://host:1;tcp"),
]
DIFFERENT = [
    ("msrp://host:1/a;tcp", "msrps://host:1/a;tcp"),
    ("msrp://host:2855/a;tcp", "msrp://host/a;tcp"),
    ("msrp://host:1/a;tcp", "msrp://host:2/a;tcp"),
    ("msrp://host:1/a;tcp", "msrp://host:1/A;tcp"),
    ("msrp://host:1/a;tcp", "msrp://host:1;tcp"),
    ("msrp://host:1/a;tcp", "msrp://host:1/a;ws"),
    ("msrp://192.0.2.1:1/a;tcp", "msrp://192.0.2.2:1/a;tcp"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_s1_equal(one, other):
    assert MsrpUri.parse(one) == MsrpUri.parse(other)
    assert hash(MsrpUri.parse(one)) == hash(MsrpUri.parse(other))


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_s1_not_equal(one, other):
    assert MsrpUri.parse(one) != MsrpUri.parse(other)


@pytest.mark.parametrize(
    "text",
    [
        "msrp://127.0.0.1:2857/wo/CuMQ==;tcp",  # seen: '/' and '=' inside the session-id
        "msrp://4dz0k0p8.invalid:2855/d5q6w3jy68;ws",
        "msrp://example.com:25080;ws",
        "msrps://[::1]:2855/a+b;tcp;one=1;two",
    ],
)
def test_seen_in_real_peers(text):
    assert str(MsrpUri.parse(text)) == text


def test_parts():
    uri = MsrpUri.parse("msrps://bob@[2001:db8::1]:2855/s/1;tcp;a=b;c")
    assert (uri.secure, uri.userinfo, uri.host, uri.port) == (True, "bob", "2001:db8::1", 2855)
    assert (uri.session_id, uri.transport, uri.params) == ("s/1", "tcp", ";a=b;c")
    assert str(MsrpUri("2001:db8::1", 2855, "x", scheme="msrps")) == "msrps://[2001:db8::1]:2855/x;tcp"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sip:bob@example.com",
        "msrp://host:1/a",  # S2: the transport is mandatory
        "msrp://:1/a;tcp",
        "msrp://host:0/a;tcp",
        "msrp://host:70000/a;tcp",
        "msrp://host:1/a b;tcp",
        "msrp://host:1/a\r\nX: y;tcp",
        "msrp://[1:2]:1/a;tcp",
        "msrp://[:::::]:1/a;tcp",
        "msrp://h" + "o" * 2000 + ":1/a;tcp",
        "m\u017frp://host:1/a;tcp",
        "msrp\u017f://host:1/a;tcp",
        "msrp://\u212a:1/a;tcp",
    ],
)
def test_malformed(text):
    with pytest.raises(MsrpUriError):
        MsrpUri.parse(text)


@given(st.text(max_size=80) | st.from_regex(r"msrps?://[!-~]{0,40};[a-z]+", fullmatch=True))
def test_any_text_parses_or_raises_its_own_error(text):
    try:
        uri = MsrpUri.parse(text)
    except MsrpUriError:
        return
    assert MsrpUri.parse(str(uri)) == uri
    assert isinstance(hash(uri), int)


def test_s7_paths_are_compared_uri_by_uri():
    assert same_path("msrp://a:1/x;tcp msrp://b:2/y;tcp", "MSRP://A:1/x;tcp  msrp://b:2/y;TCP")
    assert not same_path("msrp://a:1/x;tcp msrp://b:2/y;tcp", "msrp://b:2/y;tcp")
    assert not same_path("msrp://a:1/x;tcp", "nonsense")
