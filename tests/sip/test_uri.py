"""URIs: RFC 3261 s19.1, RFC 3966, RFC 5118."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.sip.errors import SipError
from protocols.sip.uri import SipUri, _fault_of, _plain, aor_of, check_uri


def test_every_part_is_read() -> None:
    uri = SipUri.parse("SIPS:alice:secret@Example.COM:5081;transport=TCP;lr?subject=hi&priority=urgent")
    assert (uri.scheme, uri.user, uri.password, uri.host, uri.port) == ("sips", "alice", "secret", "Example.COM", 5081)
    assert uri.params == {"transport": "TCP", "lr": None}
    assert uri.headers == "subject=hi&priority=urgent"


@pytest.mark.parametrize(
    "text",
    [
        "sip:alice@example.com",
        "sip:example.com",
        "sip:example.com:5080;lr",
        "sips:a:b@h;x=y?z=1",
        "sip:[2001:db8::1]:5070",
        "sip:a@[::ffff:192.0.2.2]",
        "tel:+15551234567",
        "tel:7042;phone-context=example.com",
        "im:alice@example.com",
        "sip:user;par=u%40example.net@example.com",
        "sip:I%20have%20spaces@example.net",
        "sip:*21%23@h",
        "sip:null-%00-null@h",
        "sip:a@b;n=v%2541",
    ],
)
def test_what_is_read_is_written_the_same(text: str) -> None:
    assert str(SipUri.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "sip:",
        "sip:@example.com",
        "sip:a@",
        "sip:a@b@c",
        "sip:a b@c",
        "sip:a@b:port",
        "sip:a@b:70000",
        "sip:a@b:0",
        "sip:a@b;;",
        "sip:a@b;x;x",
        "sip:2001:db8::10",
        "sip:<a@b>",
        "alice@example.com",
        "",
        "tel:",
        "sip:a@b\r\nX: y",
        "sip:a@b\n",
        "sip:a@-x",
        "<sip:a@b>",
        "1sip:a@b",
        "sip:\ud800@b",  # half of a pair, as JSON may bring it, and no octet of a peer's
        "sip:a@b;x=\udfff",
    ],
)
def test_malformed_uris_are_400(text: str) -> None:
    with pytest.raises(SipError) as raised:
        SipUri.parse(text)
    assert raised.value.code == 400


@pytest.mark.parametrize(
    "text", ["http://example.com", "isbn:2983792873", "soap.beep://192.0.2.103:3002", "urn:service:sos"]
)
def test_other_schemes_are_416(text: str) -> None:
    with pytest.raises(SipError) as raised:
        SipUri.parse(text)
    assert raised.value.code == 416


def test_three_colons_of_the_abnf_bug_are_read_as_two() -> None:
    assert SipUri.parse("sip:user@[2001:db8:::192.0.2.1]").host == "[2001:db8::192.0.2.1]"


def test_a_percent_sign_that_begins_no_escape_never_becomes_one() -> None:
    uri = SipUri.parse("sip:a%%419@h")
    assert (uri.user, str(uri)) == ("a%A9", "sip:a%25A9@h")
    assert SipUri.parse(str(uri)) == uri


@pytest.mark.parametrize("text", ["sip:a@h;x=\udccc%a9", "sip:\udccc%a9@h", "sip:%cc\udca9@h"])
def test_a_character_of_which_half_is_escaped_is_read_as_its_octets(text: str) -> None:
    uri = SipUri.parse(text)
    assert "\u0329" in f"{uri.user}{uri.params}"
    assert SipUri.parse(str(uri)) == uri


def test_any_number_of_colons_of_the_abnf_bug_is_two() -> None:
    assert SipUri.parse("sip:[2001:db8::::::1]").host == "[2001:db8::1]"


def test_a_built_uri_escapes_what_it_must() -> None:
    assert str(SipUri("sip", "a b@c", "h", 5060, {"x": "1;2"})) == "sip:a%20b%40c@h:5060;x=1%3B2"


# RFC 3261 s19.1.4 prints these pairs.
EQUAL = [
    ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
    ("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"),
    (
        "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
        "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
    ),
    (
        "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
        "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
    ),
    ("tel:+1-555-123.4567", "tel:+15551234567"),
]
UNEQUAL = [
    ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
    ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
    ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
    ("sip:a%3Bb@h", "sip:a;b@h"),
    ("sip:a@h", "sips:a@h"),
]


@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_equivalent_uris_are_equal(one: str, other: str) -> None:
    assert SipUri.parse(one) == SipUri.parse(other)
    assert SipUri.parse(other) == SipUri.parse(one)


@pytest.mark.parametrize(("one", "other"), UNEQUAL)
def test_other_uris_are_not(one: str, other: str) -> None:
    assert SipUri.parse(one) != SipUri.parse(other)
    assert SipUri.parse(other) != SipUri.parse(one)


@pytest.mark.parametrize(
    ("text", "aor"),
    [
        ("sip:alice@example.com:5080", "sip:alice@example.com:5080"),
        ("SIP:Alice:pw@EXAMPLE.com;transport=tcp?x=y", "sip:Alice@example.com"),
        ("sip:%61%6C%2f%c3%b6@h", "sip:al%2F%C3%B6@h"),
        ("sip:jörg@h", "sip:j%C3%B6rg@h"),
        ("sip:example.com;lr", "sip:example.com"),
        ("<sip:alice@example.com>;tag=1", "sip:alice@example.com"),
        ('"A, <B>" <sip:alice@example.com;x=1>;tag=1', "sip:alice@example.com"),
        ("Alice <sip:alice@example.com>", "sip:alice@example.com"),
        ("sip:alice@example.com;tag=1", "sip:alice@example.com"),
        ("sip:alice@example.com ; tag=1", "sip:alice@example.com"),
        ("tel:+1-(555)-12", "tel:+155512"),
        ("tel:7042;phone-context=Example.com;ext=1", "tel:7042;phone-context=example.com"),
        ("sip:" + "a" * 1000 + "@h", "sip:" + "a" * 1000 + "@h"),
    ],
)
def test_address_of_record(text: str, aor: str) -> None:
    assert aor_of(text) == aor
    assert aor_of(text) == aor


def test_header_components_are_refused_where_they_do_not_belong() -> None:
    with pytest.raises(SipError):
        check_uri("sip:a@b?Route=x")
    check_uri("sip:a@b?Route=x", headers_allowed=True)
    check_uri("sip:a@b")


@given(st.from_regex(_plain.__self__, fullmatch=True) | st.from_regex(r"\Asip:[a-z.@:0-9-]{1,20}\Z"))
def test_what_is_plain_has_no_fault(text):
    """The way around the cache lets nothing through that the parser would refuse."""
    if _plain(text) is not None:
        assert _fault_of(text) is None


@pytest.mark.parametrize("text", ["sip:alice@example.com", "sip:+15551234@192.0.2.1:5060", "sip:p.q-r@a.b-c.de:9999"])
def test_the_usual_uris_are_plain(text):
    assert _plain(text) is not None
