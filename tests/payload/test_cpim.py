"""message/cpim (RFC 3862), with the headers of IMDN (RFC 5438 s6)."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocols.payload.cpim import NOTIFICATIONS, CpimMessage, build, parse, with_record_route, without_route, wrap
from protocols.payload.errors import PayloadError
from tests.payload.captures import WIRE, wire

CORPUS = Path(os.environ.get("PARLEY_CORPUS", Path(__file__).resolve().parents[2] / "../shared/corpus")) / "wire"

NS = "NS: imdn <urn:ietf:params:imdn>\r\n"
PLAIN = "\r\nContent-Type: text/plain\r\n\r\nhi"


def read(headers: str, rest: str = PLAIN) -> CpimMessage:
    return parse((headers + rest).encode())


def refusal(data: bytes) -> int:
    with pytest.raises(PayloadError) as caught:
        parse(data)
    assert caught.value.reason
    return caught.value.code


# What RFCs and real peers write


@pytest.mark.parametrize("name", sorted(path.name for path in WIRE.glob("*.cpim") if "rfc3862-s5.1" not in path.name))
def test_every_example_is_understood(name):
    message = parse(wire(name))
    assert message.from_uri
    assert message.to_uri
    assert message.body


def test_rfc3862_s5_1_requires_what_is_not_understood():
    assert refusal(wire("rfc3862-s5.1.cpim")) == 415


def test_rfc3862_s5_1_without_its_require():
    message = parse(wire("rfc3862-s5.1.cpim").replace(b"Require: MyFeatures.VitalMessageOption\r\n", b""))
    assert (message.from_uri, message.to_uri) == ("im:piglet@100akerwood.com", "im:eeyore@100akerwood.com")
    assert message.date_time == 976743600
    assert message.subject == "the weather will be fine today"
    assert message.headers[4] == ("Subject", "beau temps prevu pour aujourd'hui")
    assert message.first("MyFeatures.WackyMessageOption") == "Use-silly-font"
    assert message.content_type == "text/xml; charset=utf-8"
    assert message.body == b"<body>\r\nHere is the text of my message.\r\n</body>\r\n"


def test_rfc3862_s5_2_is_signed():
    message = parse(wire("rfc3862-s5.2-signed.cpim"))
    assert message.signed
    assert message.content_type == (
        "multipart/signed; boundary=next; micalg=sha1; protocol=application/pkcs7-signature"
    )


@pytest.mark.parametrize("kind", ["multipart/Signed; x=y", "application/PKCS7-mime", "application/x-pkcs7-mime"])
def test_protected_content_is_known(kind):
    assert read("From: <a:b>\r\n", f"\r\nContent-type: {kind}\r\n\r\n").signed


def test_rfc4975_s11_4_has_no_blank_line_before_the_content_headers():
    message = parse(wire("rfc4975-s11.4.cpim"))
    assert (message.from_uri, message.to_uri) == ("sip:alice@example.com", "sip:bob@example.com")
    assert message.content_headers == [("Content-Type", "text/plain")]
    assert message.body == b"ABCD1234567890\r\n"
    assert not message.signed


def test_rfc5438_s7_1_1_3_asks_for_notifications():
    message = parse(wire("rfc5438-s7.1.1.3.cpim"))
    assert message.imdn_message_id == "34jk324j"
    assert message.notify == {"positive-delivery", "negative-delivery"}
    assert message.date_time == 1144171009
    assert message.body == b"Hello World\r\n"


def test_a_page_of_sipsimple():
    message = parse(wire("sipsimple-page-mode.cpim"))
    assert message.imdn_message_id == "3084ef4b-a8ab-4428-b5f3-067e0a397717"
    assert message.notify == {"positive-delivery", "display"}
    assert message.date_time == pytest.approx(1795444755.173467)
    assert message.content_type == 'text/plain; charset="utf-8"'
    assert message.body == b"Hello from sip-message3"


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of captures is not here (PARLEY_CORPUS)")
def test_captured_pages():
    found = 0
    for path in CORPUS.glob("*.txt"):
        log = path.read_text(errors="replace")
        for head, body in re.findall(r"\n(MESSAGE .*?\n\n)(.*?)\n--\n", log, re.DOTALL):
            if "message/cpim" in head.lower():
                assert parse(body.replace("\n", "\r\n").encode()).imdn_message_id
                found += 1
    assert found


# Headers


def test_the_headers_of_the_message_itself_may_stand_in_front():
    bare = b"From: <a:b>\r\n\r\nContent-Type: text/html\r\n\r\nx"
    for front in (
        b"Content-type: Message/CPIM\r\n\r\n",
        b"\r\n",
        b"MIME-Version: 1.0\r\nContent-Type: message/cpim\r\n\r\n",
    ):
        assert parse(front + bare) == parse(bare)


def test_another_type_in_front_is_no_cpim():
    assert refusal(b"Content-Type: text/plain\r\n\r\nFrom: <a:b>\r\n\r\n\r\n") == 400


def test_names_are_compared_exactly():
    message = read("from: <a:b>\r\nFrom: <c:d>\r\n")
    assert message.first("from") == "<a:b>"
    assert message.first("FROM") is None
    assert message.from_uri == "c:d"


def test_content_headers_are_mime_and_in_any_case():
    message = read("From: <a:b>\r\n", "\r\ncontent-TYPE : text/html\r\n\r\n")
    assert message.content_type == "text/html"


def test_content_without_a_type_is_plain_text():
    message = read("From: <a:b>\r\n", "\r\n\r\nhi\r\n\r\nthere")
    assert message.content_type == "text/plain"
    assert message.body == b"hi\r\n\r\nthere"


def test_content_may_have_a_transfer_encoding():
    content_headers = "\r\nContent-Type: text/plain\r\nContent-transfer-encoding: BASE64\r\n\r\n"
    message = read("From: <a:b>\r\n", content_headers + "aGVs\r\nbG8=\r\n")
    assert message.body == b"aGVs\r\nbG8=\r\n"
    assert message.decoded() == b"hello"
    assert read("From: <a:b>\r\n").decoded() == b"hi"


@pytest.mark.parametrize(
    ("written", "uri"),
    [
        ("<sip:a@b>", "sip:a@b"),
        ('"A <x> B" <sip:a@b;p=q>', "sip:a@b;p=q"),
        ("A B <tel:+1>", "tel:+1"),
        ("sip:a@b", "sip:a@b"),
        ("<sip:a@b", ""),
        ("Alice", ""),
        ("", ""),
        ("<>", ""),
        ("<sip:a\\r\\nb@c>", ""),
    ],
)
def test_addresses(written, uri):
    assert read(f"From: {written}\r\nTo: {written}\r\n").from_uri == uri
    assert read(f"To: {written}\r\n").to_uri == uri


@pytest.mark.parametrize("line_end", ["\r\n", "\n"])
def test_a_bare_lf_ends_a_line_too(line_end):
    text = "From:<a:b>\r\nSubject:   x\r\n\r\nContent-Type:text/plain\r\n\r\n"
    message = parse(text.replace("\r\n", line_end).encode() + b"a\nb\r\nc\r")
    assert (message.from_uri, message.subject, message.content_type) == ("a:b", "x", "text/plain")
    assert message.body == b"a\nb\r\nc\r"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r"a\\b", "a\\b"),
        (r"\"x\" \'y\'", "\"x\" 'y'"),
        (r"\u0041\u00e9", "Aé"),
        (r"\ud83d\ude00", "😀"),
        (r"\ud83d", "\ufffd"),
        (r"\q\u12", "qu12"),
        ("end\\", "end"),
    ],
)
def test_escape_sequences(written, meant):
    assert read(f"Subject: {written}\r\n").subject == meant


def test_a_subject_stays_on_one_line():
    assert read("Subject: a\\r\\nb\\u0000c\r\n").subject == "a b c"
    assert read("Subject: a\\r\\nb\r\n").first("Subject") == "a\r\nb"


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("1970-01-01T00:00:00Z", 0.0),
        ("1970-01-01t00:00:01.5z", 1.5),
        ("1970-01-01T01:00:00+01:00", 0.0),
        ("1969-12-31T19:00:00-0500", 0.0),
        ("1970-01-01 00:00:00", 0.0),
        ("2016-12-31T23:59:60Z", 1483228799.0),
        ("1970-02-30T00:00:00Z", None),
        ("1970-01-01T00:00:00+24:00", None),
        ("0001-01-01T00:00:00+12:00", -62135640000.0),
        ("yesterday", None),
    ],
)
def test_dates(written, seconds):
    assert read(f"DateTime: {written}\r\n").date_time == seconds


# Namespaces


def test_the_prefix_is_whatever_ns_says():
    message = read("NS: n <urn:ietf:params:imdn>\r\nn.Message-ID: 1\r\nn.Disposition-Notification: display\r\n")
    assert message.imdn_message_id == "1"
    assert message.notify == {"display"}


def test_the_imdn_namespace_may_be_the_default_one():
    message = read("From: <a:b>\r\nNS: <urn:ietf:params:imdn>\r\nMessage-ID: 1\r\nTo: <c:d>\r\n")
    assert (message.imdn_message_id, message.from_uri, message.to_uri) == ("1", "a:b", "")


def test_cpims_own_headers_may_have_a_prefix():
    assert read("NS: c <urn:ietf:params:cpim-headers:>\r\nc.From: <a:b>\r\n").from_uri == "a:b"


def test_the_prefix_imdn_is_understood_without_ns():
    assert read("imdn.Message-ID: 1\r\n").imdn_message_id == "1"


def test_the_prefix_imdn_may_be_bound_to_something_else():
    assert read("NS: imdn <mid:x@y>\r\nimdn.Message-ID: 1\r\n").imdn("Message-ID") is None


def test_notify_passes_over_what_it_does_not_know():
    message = read(NS + "imdn.Disposition-Notification: interworking-sms, display;x=1 ,Positive-Delivery,\r\n")
    assert message.notify == {"display", "positive-delivery"}
    assert read(NS + "imdn.Disposition-Notification:\r\n").notify == frozenset()


def test_an_id_that_could_not_be_written_again_is_none():
    assert read(NS + "imdn.Message-ID: a\\r\\nb\r\n").imdn_message_id == ""


@pytest.mark.parametrize("required", ["From", "imdn.Message-ID, DateTime", "cc,Subject,NS", "n.Anything", ""])
def test_require_of_what_is_understood(required):
    assert read(f"Require: {required}\r\n{NS}NS: n <urn:ietf:params:imdn>\r\n").body == b"hi"


@pytest.mark.parametrize("required", ["from", "x.From", "From, Vital", "Locale.MustRenderKanji"])
def test_require_of_anything_else_is_refused(required):
    assert refusal(f"NS: x <mid:a@b>\r\nRequire: {required}\r\n{PLAIN}".encode()) == 415


# Malformed


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n",
        b"\r\n\r\n",
        b"hello",
        b"From: <a:b>",
        b"From: <a:b>\r\n",
        b"From <a:b>\r\n\r\n\r\n",
        b"From: <a:b>\r\n folded\r\n\r\n\r\n",
        b"Fr(om: <a:b>\r\n\r\n\r\n",
        b"From: a\x00b\r\n\r\n\r\n",
        b"From: a\rb\r\n\r\n\r\n",
        b"From: \xff\r\n\r\n\r\n",
        b"From: <a:b>\r\n\r\nno header\r\n\r\n",
        b"From: <a:b>\r\n\r\n folded: x\r\n\r\n",
        b"From: <a:b>\r\n\r\nContent-Type: a\x01b\r\n\r\n",
    ],
)
def test_malformed(data):
    assert refusal(data) == 400


FRAGMENTS = st.sampled_from(
    b"""\r\n|\n|From: <a:b>|NS: imdn <urn:ietf:params:imdn>|imdn.Message-ID: x|Content-Type: text/plain|NS: <x:y>|\
Require: imdn.x|:;a="|\\|\\u| |DateTime: 2020-01-01T00:00:00|\xff|<|>""".split(b"|")
)
HOSTILE = st.binary() | st.lists(FRAGMENTS | st.binary(max_size=4), max_size=30).map(b"".join)


@given(HOSTILE)
@example(b"Subject:;a=" + b'"' * 3 + b"\r\n\r\n\r\n")
def test_nothing_else_is_ever_raised(data):
    with suppress(PayloadError):
        message = parse(data)
        for each in ("imdn_message_id", "notify", "from_uri", "to_uri", "subject", "date_time", "signed"):
            getattr(message, each)
        message.subject.encode()
    with suppress(PayloadError):
        with_record_route(data, "sip:x")
    with suppress(PayloadError):
        without_route(data, "sip:x")


@pytest.mark.parametrize(
    "hostile",
    [
        b"Subject:" + b";a=b" * 50_000 + b"\r\n\r\n\r\n",
        b"Subject:;a=" + b'"\\' * 50_000 + b"\r\n\r\n\r\n",
        b"NS: a <x:y>\r\n" * 20_000 + b"\r\n\r\n",
        b"From: <a:b>\r\n\r\nContent-Type: x\r\n" + b" y\r\n" * 50_000 + b"\r\n",
        b"\r\n" * 100_000,
        b"From: " + b"<" * 200_000 + b"\r\n\r\n\r\n",
        b"From: <a:b>\r\nRequire: " + b"To," * 50_000 + b"\r\n\r\n\r\n",
    ],
)
def test_large_hostile_input_ends(hostile):
    try:
        message = parse(hostile)
    except PayloadError:
        return
    assert message.imdn_message_id == ""
    assert with_record_route(hostile, "sip:x")


# Writing

NAMES = st.from_regex(r"[A-Za-z]{1,8}(\.[A-Za-z-]{1,8})?", fullmatch=True).filter(
    lambda name: not name.lower().startswith("content-") and name not in {"NS", "Require"}
)
VALUES = st.text().map(lambda text: text.strip(" "))
CONTENT_NAMES = st.from_regex(r"Content-[A-Za-z]{1,8}", fullmatch=True)
CONTENT_VALUES = st.text(st.characters(min_codepoint=33, exclude_categories=["Cs", "Cc"]))


@given(
    st.lists(st.tuples(NAMES, VALUES), min_size=1),
    st.lists(st.tuples(CONTENT_NAMES, CONTENT_VALUES)),
    st.binary(),
)
def test_what_is_built_is_read_again(headers, content_headers, body):
    assert parse(build(headers, content_headers, body)) == CpimMessage(headers, content_headers, body)


@given(st.text(st.characters()), st.text(st.characters()))
def test_no_value_injects_a_line(value, content_value):
    data = build([("Subject", value)], [("Content-Type", content_value)], b"x")
    assert data.count(b"\n") == 4
    assert data.endswith(b"\r\n\r\nx")


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\r\nb", "é", "Content-Type", "mime-version"])
def test_what_is_no_name_is_not_written(name):
    with pytest.raises(PayloadError):
        build([(name, "x")], [], b"")


def test_what_is_no_content_name_is_not_written():
    with pytest.raises(PayloadError):
        build([("From", "<a:b>")], [("x\r\ny", "x")], b"")


def test_wrap():
    data = wrap(b"hi", "text/plain", from_uri="sip:a@b", to_uri="sip:c@d", at=1_000_000_000.25)
    assert data == (
        b"From: <sip:a@b>\r\nTo: <sip:c@d>\r\nDateTime: 2001-09-09T01:46:40.250Z\r\n\r\n"
        b"Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi"
    )


def test_wrap_of_a_notification():
    data = wrap(
        b"<imdn/>",
        "message/imdn+xml",
        from_uri="sip:a@b",
        to_uri="sip:c@d",
        at=0,
        subject="Résumé",
        imdn_message_id="x1",
        notify=["positive-delivery", "display"],
        disposition="notification",
    )
    assert (
        data
        == (
            "From: <sip:a@b>\r\nTo: <sip:c@d>\r\nDateTime: 1970-01-01T00:00:00Z\r\nSubject: Résumé\r\n"
            "NS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: x1\r\n"
            "imdn.Disposition-Notification: positive-delivery, display\r\n\r\n"
            "Content-Type: message/imdn+xml\r\nContent-Disposition: notification\r\nContent-Length: 7\r\n\r\n<imdn/>"
        ).encode()
    )


@given(
    body=st.binary(),
    at=st.floats(0, 4e9),
    subject=st.text(),
    asked=st.sets(st.sampled_from(sorted(NOTIFICATIONS))),
)
def test_what_is_wrapped_is_read_again(body, at, subject, asked):
    data = wrap(
        body, "text/x; a=b", from_uri="sip:a@b", to_uri="c:d", at=at, subject=subject, imdn_message_id="1", notify=asked
    )
    message = parse(data)
    assert (message.body, message.content_type, message.from_uri, message.to_uri) == (
        body,
        "text/x; a=b",
        "sip:a@b",
        "c:d",
    )
    assert message.date_time == pytest.approx(at, abs=0.001)
    assert (message.imdn_message_id, message.notify) == ("1", asked)


def test_a_uri_cannot_leave_its_brackets():
    message = parse(wrap(b"", "a/b", from_uri='sip:a>\r\nTo: <x:y> "', to_uri="c:d", at=0))
    assert message.from_uri == "sip:a%3E%0D%0ATo:%20%3Cx:y%3E%20%22"
    assert message.to_uri == "c:d"


@pytest.mark.parametrize("at", [float("nan"), float("inf"), -1e18, 1e18])
def test_a_time_without_a_date(at):
    with pytest.raises(PayloadError):
        wrap(b"", "a/b", from_uri="a:b", to_uri="c:d", at=at)


# Routes of notifications


def test_a_record_route_goes_on_top_of_the_imdn_headers():
    headers = b"From: <a:b>\r\nNS: q <urn:ietf:params:imdn>\r\nq.IMDN-Record-Route: <sip:old>\r\nX:  odd \\q\r\n"
    before = headers + b"\r\n\r\nbody\n"
    after = with_record_route(before, "sip:me")
    added = b"q.IMDN-Record-Route: <sip:me>\r\n"
    assert after.replace(added, b"") == before
    assert parse(after).imdn("IMDN-Record-Route") == "<sip:me>"


def test_a_record_route_brings_its_namespace_where_none_binds_it():
    before = wire("rfc4975-s11.4.cpim")
    after = with_record_route(before, "sip:me")
    added = b"NS: imdn <urn:ietf:params:imdn>\r\nimdn.IMDN-Record-Route: <sip:me>\r\n"
    assert after == before.replace(b"Content-Type", added + b"Content-Type")
    assert parse(after).imdn("IMDN-Record-Route") == "<sip:me>"


def test_a_record_route_goes_above_headers_whose_prefix_was_never_bound():
    after = with_record_route(b"From: <a:b>\r\nimdn.Message-ID: 1\r\n\r\n\r\n", "sip:me")
    assert [name for name, _ in parse(after).headers] == ["From", "NS", "imdn.IMDN-Record-Route", "imdn.Message-ID"]


def test_a_record_route_takes_another_prefix_where_imdn_is_something_else():
    after = with_record_route(b"NS: imdn <mid:x@y>\r\nimdn.a: b\r\n\r\n\r\n", "sip:me")
    assert parse(after).headers[2:] == [
        ("NS", "imdn1 <urn:ietf:params:imdn>"),
        ("imdn1.IMDN-Record-Route", "<sip:me>"),
    ]


def test_a_record_route_under_a_default_namespace_has_no_prefix():
    after = with_record_route(b"NS: <urn:ietf:params:imdn>\nMessage-ID: 1\n\n\n", "sip:me")
    assert after == b"NS: <urn:ietf:params:imdn>\nIMDN-Record-Route: <sip:me>\nMessage-ID: 1\n\n\n"


def test_only_the_topmost_route_is_taken_off_and_only_if_it_is_ours():
    data = (NS + "imdn.IMDN-Route: <sip:me>\r\nimdn.IMDN-Route: <sip:next>\r\n" + PLAIN).encode()
    assert without_route(data, "sip:me") == data.replace(b"imdn.IMDN-Route: <sip:me>\r\n", b"")
    assert without_route(data, "sip:next") == data
    assert without_route(wire("rfc4975-s11.4.cpim"), "sip:me") == wire("rfc4975-s11.4.cpim")


@given(st.sampled_from(["rfc4975-s11.4.cpim", "sipsimple-page-mode.cpim", "rfc5438-s8.1-processed.cpim"]), st.text())
def test_a_record_route_changes_nothing_else(name, uri):
    before, after = parse(wire(name)), parse(with_record_route(wire(name), uri))
    assert [each for each in after.headers if each in before.headers] == before.headers
    assert (after.content_headers, after.body) == (before.content_headers, before.body)


def test_a_prefix_that_can_be_in_no_header_name_is_not_used_for_a_route():
    before = b"To: <a:b>\r\nNS: i:j <urn:ietf:params:imdn>\r\n\r\n\r\nx"
    after = parse(with_record_route(before, "sip:me"))
    assert after.imdn("IMDN-Record-Route") == "<sip:me>"
    assert [name for name, _ in after.headers] == ["To", "NS", "NS", "imdn.IMDN-Record-Route"]
