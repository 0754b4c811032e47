"""The codec against arbitrary bytes, against itself, and against another implementation."""

from __future__ import annotations

import contextlib

import sipmessage
from hypothesis import given
from hypothesis import strategies as st

from protocols.sip.address import NameAddr
from protocols.sip.builder import build_request, build_response
from protocols.sip.errors import SipError
from protocols.sip.message import Request, Response
from protocols.sip.parse_error import SipParseError
from protocols.sip.parser import head_length, parse_message
from protocols.sip.uri import SipUri, aor_of
from protocols.sip.validate import check_hops, check_request, check_response
from protocols.sip.via import Via

SEED = (
    b"MESSAGE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1;rport\r\nMax-Forwards: 70\r\n"
    b'From: "A" <sip:a@example.com>;tag=1\r\nTo: <sip:b@example.com>\r\nCall-ID: x@y\r\nCSeq: 1 MESSAGE\r\n'
    b"Contact: <sip:a@h>\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
)
PIECES = [
    b"\r\n",
    b"\r\n ",
    b"\n",
    b"\r",
    b"\0",
    b" ",
    b"\t",
    b'"',
    b"\\",
    b"<",
    b">",
    b";",
    b",",
    b":",
    b"=",
    b"%",
    b"%zz",
    b"\xff",
    b"\xc2\xa0",
    b"Via: ",
    b"v:",
    b"Content-Length: 99",
    b"l:-1",
    b"SIP/2.0",
    b"SIP/2.0 200 OK",
    b"@",
    b"[",
    b"*",
    b"INVITE",
    b"z9hG4bK",
    b";tag=",
    b"9" * 30,
]

token = st.text("abcXYZ019-.!%*_+`'~", min_size=1, max_size=20)
text = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=40)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    data = bytearray(SEED)
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 8))] = draw(st.sampled_from(PIECES))
    return bytes(data)


def use_all_of(data: bytes) -> None:
    """What may be wrong with a message shows as SipError, here and in every view of it."""
    try:
        message = parse_message(data)
    except SipParseError as error:
        if error.partial is not None:
            error.partial.stamp("192.0.2.9", 1)
            build_response(error.partial, error.code, error.reason, to_tag="t")
        return
    for view in (
        "via",
        "vias",
        "from_",
        "to",
        "call_id",
        "cseq",
        "max_forwards",
        "contacts",
        "routes",
        "record_routes",
    ):
        with contextlib.suppress(SipError):
            getattr(message, view)
    for view in ("content_type", "expires", "date", "retry_after", "require", "supported"):
        with contextlib.suppress(SipError):
            getattr(message, view)
    if isinstance(message, Response):
        with contextlib.suppress(SipError):
            check_response(message)
        return
    for check in (check_request, check_hops):
        with contextlib.suppress(SipError):
            check(message)
    message.stamp("192.0.2.9", 1)
    answer = parse_message(build_response(message, 200, to_tag="t"))
    assert answer.headers["call-id"] == message.headers["call-id"]
    assert answer.via.branch == message.via.branch
    assert answer.body == b""


@given(st.binary(max_size=600))
def test_any_bytes_are_a_message_or_a_parse_error(data: bytes) -> None:
    use_all_of(data)


@given(damaged())
def test_a_damaged_message_is_a_message_or_a_parse_error(data: bytes) -> None:
    use_all_of(data)


@given(st.one_of(damaged(), st.binary(max_size=300)))
def test_a_stream_of_any_bytes_is_framed_or_given_up(data: bytes) -> None:
    with contextlib.suppress(SipParseError):
        framed = head_length(data)
        if framed is not None:
            head, body = framed
            assert 0 < head <= len(data)
            assert body >= 0
            with contextlib.suppress(SipParseError):
                assert len(parse_message(data[: head + body]).body) == body


@given(st.text(max_size=60))
def test_any_text_is_a_value_or_a_sip_error(value: str) -> None:
    for read in (SipUri.parse, aor_of, NameAddr.parse, NameAddr.parse_list, Via.parse):
        with contextlib.suppress(SipError):
            read(value)


@given(
    method=token,
    number=st.integers(0, 2**32 - 1),
    call_id=token,
    tag=token,
    display=text,
    user=text.filter(bool),
    subject=text,
    body=st.binary(max_size=80),
)
def test_what_is_built_is_read_back(
    method: str, number: int, call_id: str, tag: str, display: str, user: str, subject: str, body: bytes
) -> None:
    uri = str(SipUri("sip", user, "example.com"))
    data = build_request(
        method,
        uri,
        [
            ("Via", f"SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{tag};rport"),
            ("From", str(NameAddr(uri, display, {"tag": tag}))),
            ("To", f"<{uri}>"),
            ("Call-ID", call_id),
            ("CSeq", f"{number} {method}"),
            ("Subject", subject),
        ],
        body,
    )
    message = parse_message(data + b"noise")
    assert isinstance(message, Request)
    check_request(message)
    assert (message.method, message.uri, message.body) == (method, uri, body)
    assert SipUri.parse(message.uri).user == user
    assert ((message.from_.display or ""), message.from_.uri, message.from_.tag) == (display, uri, tag)
    assert (message.call_id, message.cseq) == (call_id, (number, method))
    assert message.via.branch == f"z9hG4bK{tag}"
    assert message.first("subject") == subject.strip(" \t")
    assert head_length(data) == (len(data) - len(body), len(body))


plain = st.from_regex(r"[a-z][a-z0-9]{0,10}", fullmatch=True)


@given(
    user=plain,
    host=plain.map("{}.example".format),
    tag=plain,
    display=st.from_regex(r"[A-Za-z]{1,8}( [A-Za-z]{1,8})?", fullmatch=True),
    port=st.one_of(st.none(), st.integers(1, 65535)),
    number=st.integers(0, 2**31 - 1),
    body=st.binary(max_size=40),
)
def test_another_implementation_reads_simple_messages_the_same(
    user: str, host: str, tag: str, display: str, port: int | None, number: int, body: bytes
) -> None:
    hostport = host if port is None else f"{host}:{port}"
    data = build_request(
        "MESSAGE",
        f"sip:{user}@{hostport}",
        [
            ("Via", f"SIP/2.0/UDP {hostport};branch=z9hG4bK{tag};rport"),
            ("Via", "SIP/2.0/TCP 192.0.2.1;received=192.0.2.7"),
            ("From", f'"{display}" <sip:{user}@{host}>;tag={tag}'),
            ("To", f"<sip:{tag}@{host}>"),
            ("Call-ID", f"{tag}@{host}"),
            ("CSeq", f"{number} MESSAGE"),
            ("Contact", f"<sip:{user}@{hostport};transport=tcp>;q=0.5"),
            ("Content-Type", "text/plain;charset=utf-8"),
        ],
        body,
    )
    ours = parse_message(data)
    theirs = sipmessage.Message.parse(data)
    assert isinstance(ours, Request)
    assert isinstance(theirs, sipmessage.Request)
    uri = SipUri.parse(ours.uri)
    assert (ours.method, uri.user, uri.host, uri.port) == (
        theirs.method,
        theirs.uri.user,
        theirs.uri.host,
        theirs.uri.port,
    )
    assert [str(via) for via in ours.vias] == [str(via) for via in theirs.via]
    for one, other in ((ours.from_, theirs.from_address), (ours.to, theirs.to_address)):
        assert other is not None
        assert ((one.display or ""), one.uri, one.tag) == (other.name, str(other.uri), other.parameters.get("tag"))
    assert (ours.call_id, tuple(ours.cseq)) == (theirs.call_id, (theirs.cseq.sequence, theirs.cseq.method))
    assert ours.contacts[0].uri == str(theirs.contact[0].uri)
    assert ours.content_type is not None
    assert str(ours.content_type) == str(theirs.content_type)
    assert ours.body == theirs.body
