"""Framing, header lines and what is refused: RFC 3261 s7 and s18.3."""

from __future__ import annotations

import pytest

from protocols.sip.errors import SipError
from protocols.sip.limits import SipLimits
from protocols.sip.message import Request, Response
from protocols.sip.parse_error import SipParseError
from protocols.sip.parser import head_length, parse_message

HEAD = (
    b"Via: SIP/2.0/UDP 192.0.2.1:5061;branch=z9hG4bKabc;rport\r\n"
    b"From: Alice <sip:alice@example.com>;tag=1\r\n"
    b"To: <sip:bob@example.com>\r\n"
    b"Call-ID: c1\r\n"
    b"CSeq: 7 MESSAGE\r\n"
)
LINE = b"MESSAGE sip:bob@example.com SIP/2.0\r\n"


def message(extra: bytes = b"", body: bytes = b"", line: bytes = LINE, head: bytes = HEAD) -> bytes:
    return line + head + extra + b"\r\n" + body


def request(extra: bytes = b"", body: bytes = b"", head: bytes = HEAD) -> Request:
    read = parse_message(message(extra, body, head=head))
    assert isinstance(read, Request)
    return read


def refusal(data: bytes, limits: SipLimits | None = None) -> SipParseError:
    with pytest.raises(SipParseError) as raised:
        parse_message(data, limits or SipLimits())
    return raised.value


def test_a_request_gives_what_the_path_needs() -> None:
    read = request(b"Max-Forwards: 70\r\nContent-Type: TEXT/PLAIN;charset=UTF-8\r\nContent-Length: 5\r\n", b"hello")
    assert (read.method, read.uri) == ("MESSAGE", "sip:bob@example.com")
    assert (read.via.transport, read.via.sent_by, read.via.branch) == ("UDP", "192.0.2.1:5061", "z9hG4bKabc")
    assert (read.from_.display, read.from_.uri, read.from_.tag) == ("Alice", "sip:alice@example.com", "1")
    assert (read.to.uri, read.to.tag) == ("sip:bob@example.com", None)
    assert (read.call_id, read.cseq.number, read.cseq.method) == ("c1", 7, "MESSAGE")
    assert read.max_forwards == 70
    assert read.content_type is not None
    assert (read.content_type.essence, read.content_type.params) == ("text/plain", {"charset": "UTF-8"})
    assert read.body == b"hello"


def test_a_response_gives_status_and_reason() -> None:
    read = parse_message(message(line=b"SIP/2.0 486 Busy Here\r\n"))
    assert isinstance(read, Response)
    assert (read.status, read.reason) == (486, "Busy Here")


def test_compact_names_in_any_case_are_their_long_names() -> None:
    head = (
        b"v: SIP/2.0/UDP 192.0.2.1\r\nF: <sip:a@b>;tag=1\r\nt: <sip:c@d>\r\nI: x\r\ncSEQ: 1 MESSAGE\r\n"
        b"c: text/plain\r\nl: 2\r\nk: timer, 100rel\r\nm: <sip:a@host>\r\n"
    )
    read = request(head=head, body=b"hi")
    assert set(read.headers) == {
        "via",
        "from",
        "to",
        "call-id",
        "cseq",
        "content-type",
        "content-length",
        "supported",
        "contact",
    }
    assert read.supported == ["timer", "100rel"]
    assert read.body == b"hi"


def test_header_names_may_be_followed_by_spaces_and_values_are_stripped() -> None:
    assert request(b"Subject \t:\t  hello there \t\r\nX-Odd:\r\n").headers["subject"] == ["hello there"]
    assert request(b"X-Odd:\r\n").first("x-odd") == ""


def test_values_come_in_order_one_for_each_occurrence() -> None:
    read = request(b'Accept: text/plain, message/cpim\r\nAccept: x/y;p="a,b", z/w\r\n')
    assert read.headers["accept"] == ["text/plain, message/cpim", 'x/y;p="a,b", z/w']
    assert read.values("accept") == ["text/plain", "message/cpim", 'x/y;p="a,b"', "z/w"]


def test_several_vias_in_one_line_are_several_hops() -> None:
    head = HEAD.replace(b";rport", b", SIP/2.0/TCP proxy.example.com;branch=z9hG4bK2 ,SIP/2.0/TLS [2001:db8::1]:5062")
    read = request(head=head)
    assert [via.sent_by for via in read.vias] == ["192.0.2.1:5061", "proxy.example.com:5060", "[2001:db8::1]:5062"]


def test_folded_lines_are_one_value() -> None:
    read = request(b"Subject: one\r\n two\r\n\t  three\r\nContent-Length:\r\n 2\r\n", b"hi!")
    assert read.first("subject") == "one two three"
    assert read.body == b"hi"


def test_an_empty_looking_folded_line_does_not_end_the_head() -> None:
    read = request(b"Subject: one\r\n \r\nX-Next: y\r\n")
    assert read.first("subject") == "one"
    assert read.first("x-next") == "y"


def test_a_folded_start_line_is_refused() -> None:
    assert refusal(LINE[:-2] + b"\r\n folded\r\n" + HEAD + b"\r\n").code == 400


def test_crlf_before_the_start_line_is_skipped() -> None:
    assert parse_message(b"\r\n\r\n\r\n" + message()).call_id == "c1"


def test_content_length_shorter_than_the_datagram_cuts_the_rest_off() -> None:
    assert request(b"Content-Length: 2\r\n", b"hi and noise").body == b"hi"


def test_without_content_length_the_rest_of_the_datagram_is_the_body() -> None:
    assert request(body=b"all of it\r\n\r\n").body == b"all of it\r\n\r\n"


@pytest.mark.parametrize(
    "length", [b"6", b"-1", b"five", b"", b"+5", b"5 5", b"5, 5", b"\xd9\xa5", b"9" * 5000, b"1_0"]
)
def test_a_content_length_that_cannot_be_true_is_400_and_answerable(length: bytes) -> None:
    error = refusal(message(b"Content-Length: " + length + b"\r\n", b"hello"))
    assert error.code == 400
    assert error.partial is not None
    assert error.partial.call_id == "c1"


def test_the_same_content_length_twice_is_no_conflict() -> None:
    assert request(b"Content-Length: 5\r\nl: 5\r\n", b"hello").body == b"hello"


def test_differing_content_lengths_are_400() -> None:
    assert refusal(message(b"Content-Length: 5\r\nl: 4\r\n", b"hello")).code == 400


@pytest.mark.parametrize(
    "header",
    [b"From: <sip:x@y>", b"t: <sip:x@y>", b"Call-ID: 2", b"CSeq: 8 MESSAGE", b"Max-Forwards: 1\r\nMax-Forwards: 1"],
)
def test_a_second_value_of_a_single_header_is_400(header: bytes) -> None:
    assert refusal(message(header + b"\r\n")).code == 400


@pytest.mark.parametrize("name", [b"Via", b"From", b"To", b"Call-ID", b"CSeq"])
def test_a_missing_mandatory_header_is_400_and_answerable_where_via_is_there(name: bytes) -> None:
    head = b"".join(line + b"\r\n" for line in HEAD.split(b"\r\n")[:-1] if not line.startswith(name + b":"))
    error = refusal(message(head=head))
    assert error.code == 400
    assert name.decode() in error.reason
    assert (error.partial is None) == (name == b"Via")


@pytest.mark.parametrize(
    "extra",
    [
        b"Subject: a\nVia: b\r\n",
        b"Subject: a\rb\r\n",
        b"X: \n\r\n",
        b"no colon here\r\n",
        b": no name\r\n",
        b"bad name: x\r\n",
        b"b\xc3\xa4d: x\r\n",
        b"Subject: nu\0ll\r\n",
        b'Subject: "nu\0ll"\r\n',
        b"Subject: nu\\\0ll\r\n",
        b"Subject: x\r\n\n",
    ],
)
def test_malformed_header_lines_are_400(extra: bytes) -> None:
    error = refusal(message(extra))
    assert error.code == 400
    assert error.partial is not None


def test_a_null_octet_is_legal_as_a_quoted_pair_in_quotes() -> None:
    assert request(b'Subject: "nu\\\0ll"\r\n').first("subject") == '"nu\\\0ll"'


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"MESSAGE sip:bob@example.com SIP/3.0", 505),
        (b"MESSAGE sip:bob@example.com SIP/2.1", 505),
        (b"MESSAGE sip:bob@example.com HTTP/1.1", 400),
        (b"MESSAGE sip:bob@example.com", 400),
        (b"MESSAGE", 400),
        ("ME\u017f\u017fAGE sip:bob@example.com SIP/2.0".encode(), 400),
        (b"MES(SAGE sip:bob@example.com SIP/2.0", 400),
        (b"MESSAGE sip:bob example.com SIP/2.0", 400),
        (b"MESSAGE sip:bob@exa\tmple.com SIP/2.0", 400),
        (b"SIP/2.0 99 Too low", 400),
        (b"SIP/2.0 700 Too high", 400),
        (b"SIP/2.0 2000 OK", 400),
        (b"SIP/2.0 OK", 400),
        (b"SIP/7.0 200 OK", 400),
        (b"", 400),
    ],
)
def test_start_lines_that_are_none(line: bytes, code: int) -> None:
    assert refusal(line + b"\r\n" + HEAD + b"\r\n").code == code


@pytest.mark.parametrize("cseq", [b"4294967296 MESSAGE", b"-1 MESSAGE", b"MESSAGE", b"1", b"1 MES SAGE", b"x MESSAGE"])
def test_a_cseq_that_is_none_is_400(cseq: bytes) -> None:
    assert refusal(message(head=HEAD.replace(b"7 MESSAGE", cseq))).code == 400


def test_the_answer_to_a_malformed_via_gets_a_clean_one() -> None:
    error = refusal(message(head=HEAD.replace(b";rport", b";;,;,,SIP/2.0/TCP proxy.example.com;branch=z9hG4bK2,junk")))
    assert error.partial is not None
    assert error.partial.headers["via"] == [
        "SIP/2.0/UDP 192.0.2.1:5061;branch=z9hG4bKabc",
        "SIP/2.0/TCP proxy.example.com;branch=z9hG4bK2",
    ]
    assert error.partial.via.branch == "z9hG4bKabc"


def test_a_malformed_response_cannot_be_answered() -> None:
    assert refusal(message(b"bad line\r\n", line=b"SIP/2.0 200 OK\r\n")).partial is None


@pytest.mark.parametrize("data", [b"", b"\r\n\r\n", b"\0\0\0\0", b"hello", b"\r\n", b"INVITE", b"\xff" * 100])
def test_what_is_no_sip_at_all_is_refused_without_an_answer(data: bytes) -> None:
    assert refusal(data).partial is None


def test_octets_outside_utf8_survive_in_headers() -> None:
    value = request(b"Subject: caf\xe9 \xf0\x9f\x8d\xb5\r\n").first("subject")
    assert value is not None
    assert value.encode("utf-8", "surrogateescape") == b"caf\xe9 \xf0\x9f\x8d\xb5"


@pytest.mark.parametrize(
    ("limits", "data"),
    [
        (SipLimits(max_message=400), message(body=b"x" * 400)),
        (SipLimits(max_head=300), message(b"X: y\r\n" * 50)),
        (SipLimits(max_headers=20), message(b"X: y\r\n" * 50)),
        (SipLimits(max_header_length=200), message(b"X: " + b"y" * 300 + b"\r\n")),
        (SipLimits(max_header_length=200), message(b"X:" + b"\r\n y" * 150 + b"\r\n")),
    ],
)
def test_what_is_over_a_limit_is_513_and_answerable(limits: SipLimits, data: bytes) -> None:
    error = refusal(data, limits)
    assert error.code == 513
    assert error.partial is not None


def test_folded_lines_do_not_count_as_headers() -> None:
    parse_message(message(b"X: y" + b"\r\n y" * 40 + b"\r\n"), SipLimits(max_headers=20))


@pytest.mark.parametrize(
    ("header", "attribute", "value"),
    [
        (b"Max-Forwards: 0068", "max_forwards", 68),
        (b"Max-Forwards: 256", "max_forwards", None),
        (b"X: y", "max_forwards", None),
        (b"Expires: 3600", "expires", 3600),
        (b"Expires: 0", "expires", 0),
        (b"Expires: " + b"9" * 5000, "expires", 2**32 - 1),
        (b"Expires: soon", "expires", None),
        (b"Expires: -1", "expires", None),
        (b"Retry-After: 18000;duration=3600", "retry_after", 18000),
        (b"Retry-After: 120 (I'm in a meeting)", "retry_after", 120),
        (b"X: y", "content_type", None),
        (b"X: y", "contacts", []),
        (b"Require: a,b , ,c", "require", ["a", "b", "c"]),
    ],
)
def test_typed_views(header: bytes, attribute: str, value: object) -> None:
    assert getattr(request(header + b"\r\n"), attribute) == value


def test_dates_are_gmt() -> None:
    date = request(b"Date: Sat, 13 Nov 2010 23:29:00 GMT\r\n").date
    assert date is not None
    assert date.isoformat() == "2010-11-13T23:29:00+00:00"
    assert request(b"Date: Sat, 13 Nov 2010 23:29:00 UTC\r\n").date is None
    assert request(b"Date: Sat, 31 Feb 2010 23:29:00 GMT\r\n").date is None


def test_a_malformed_typed_header_is_400_when_asked_for() -> None:
    read = request(b"Contact: <sip:a@b\r\nContent-Type: text\r\nMax-Forwards: many\r\n")
    for attribute in ("contacts", "content_type", "max_forwards"):
        with pytest.raises(SipError) as raised:
            getattr(read, attribute)
        assert raised.value.code == 400


class TestStreamFraming:
    def test_head_and_body_are_told(self) -> None:
        data = message(b"Content-Length: 5\r\n", b"hello")
        assert head_length(data) == (len(data) - 5, 5)
        assert head_length(bytearray(data) + b"next") == (len(data) - 5, 5)

    def test_more_is_asked_for_until_the_empty_line_is_there(self) -> None:
        data = message(b"Content-Length: 5\r\n")
        assert all(head_length(data[:cut]) is None for cut in range(len(data)))

    def test_keep_alives_before_the_message_count_to_its_head(self) -> None:
        data = message(b"l: 0\r\n")
        assert head_length(b"\r\n\r\n" + data) == (len(data) + 4, 0)
        assert head_length(b"\r\n\r\n") is None

    def test_folded_and_compact_lengths_are_found(self) -> None:
        assert head_length(message(b"L :\r\n  12\r\n"))[1] == 12  # type: ignore[index]

    def test_a_length_in_another_headers_value_is_not_one(self) -> None:
        with pytest.raises(SipParseError):
            head_length(message(b"Subject: Content-Length: 5\r\nX-Content-Length: 5\r\n"))

    @pytest.mark.parametrize("extra", [b"", b"Content-Length: x\r\n", b"Content-Length: 1\r\nl: 2\r\n", b"l: -1\r\n"])
    def test_what_cannot_be_framed_is_an_error_that_can_be_answered(self, extra: bytes) -> None:
        with pytest.raises(SipParseError) as raised:
            head_length(message(extra))
        assert raised.value.code == 400
        assert raised.value.partial is not None

    def test_too_large_is_known_from_the_head(self) -> None:
        with pytest.raises(SipParseError) as raised:
            head_length(message(b"l: 1000000000\r\n"))
        assert raised.value.code == 513

    def test_a_head_without_end_is_given_up(self) -> None:
        with pytest.raises(SipParseError) as raised:
            head_length(b"MESSAGE " + b"x" * 100, SipLimits(max_head=50))
        assert raised.value.code == 513

    @pytest.mark.parametrize(
        "data",
        [
            b"\x16\x03\x01\x02\x00\x01",
            b"GET / HTTP/1.1\nHost: x\n",
            b"\x16 a SIP/2.0\r\nl: 0\r\n\r\n",  # nor is it taken for a message where its head came with it
            b"GET / HTTP/1.1\nHost: x\r\nl: 0\r\n\r\n",
        ],
    )
    def test_another_protocol_is_told_apart_early(self, data: bytes) -> None:
        with pytest.raises(SipParseError):
            head_length(data)


@pytest.mark.parametrize(
    ("value", "taken"),
    [
        (b'"\\\0"', True),
        (b'"a\\\0b" and a "quote that stays open', True),
        (b"\0", False),
        (b'"\0"', False),
        (b'"\\\0', False),  # never closed, so it is no quoted string
        (b'"\\\\\0"', False),  # the backslash is the one that is quoted
        (b'"closed" \\\0', False),
    ],
)
def test_a_null_stands_only_in_a_quoted_pair_of_a_closed_quoted_string(value: bytes, taken: bool) -> None:
    if taken:
        assert request(b"Subject: " + value + b"\r\n").first("subject") == value.decode()
    else:
        assert refusal(message(b"Subject: " + value + b"\r\n")).code == 400
