"""Writing messages: RFC 3261 s8.2.6."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from protocols.sip.builder import build_request, build_response
from protocols.sip.errors import SipBuildError, SipError
from protocols.sip.message import Request, Response
from protocols.sip.parser import parse_message

INVITE = (
    b"INVITE sip:bob@example.com SIP/2.0\r\n"
    b"v: SIP/2.0/UDP p1.example.com;branch=z9hG4bK1, SIP/2.0/TCP p2.example.com;branch=z9hG4bK2\r\n"
    b"Via: SIP/2.0/UDP ua.example.com;branch=z9hG4bK3\r\n"
    b"Record-Route: <sip:p1.example.com;lr>\r\n"
    b"Record-Route: <sip:p2.example.com;lr>\r\n"
    b"From: caf\xe9 <sip:alice@example.com>;tag=1\r\n"
    b"To: Bob <sip:bob@example.com>\r\n"
    b"Timestamp: 54\r\n"
    b"Call-ID: c1\r\n"
    b"CSeq: 7 INVITE\r\n\r\n"
)


def invite(data: bytes = INVITE) -> Request:
    request = parse_message(data)
    assert isinstance(request, Request)
    return request


def answer(data: bytes) -> Response:
    response = parse_message(data)
    assert isinstance(response, Response)
    return response


def test_a_response_copies_what_identifies_the_request() -> None:
    data = build_response(invite(), 200, to_tag="x9", headers=[("Contact", "<sip:gw@h>")], body=b"v=0")
    assert data == (
        b"SIP/2.0 200 OK\r\n"
        b"Via: SIP/2.0/UDP p1.example.com;branch=z9hG4bK1, SIP/2.0/TCP p2.example.com;branch=z9hG4bK2\r\n"
        b"Via: SIP/2.0/UDP ua.example.com;branch=z9hG4bK3\r\n"
        b"From: caf\xe9 <sip:alice@example.com>;tag=1\r\n"
        b"To: Bob <sip:bob@example.com>;tag=x9\r\n"
        b"Call-ID: c1\r\n"
        b"CSeq: 7 INVITE\r\n"
        b"Record-Route: <sip:p1.example.com;lr>\r\n"
        b"Record-Route: <sip:p2.example.com;lr>\r\n"
        b"Contact: <sip:gw@h>\r\n"
        b"Content-Length: 3\r\n\r\nv=0"
    )


def test_a_to_tag_that_is_there_stays() -> None:
    request = invite(INVITE.replace(b"To: Bob <sip:bob@example.com>", b"To: sip:bob@example.com ; TAG = there"))
    assert answer(build_response(request, 200, to_tag="new")).to.tag == "there"


@pytest.mark.parametrize("to", [b'"Bob <sip:bob@example.com>;tag=there', b"Bob, B <sip:bob@example.com> ; Tag = there"])
def test_a_malformed_to_gets_no_second_tag(to: bytes) -> None:
    request = invite(INVITE.replace(b"Bob <sip:bob@example.com>", to))
    assert build_response(request, 400, to_tag="new").lower().count(b"tag") == 2


def test_record_route_is_copied_only_where_a_dialog_is_made() -> None:
    assert "record-route" in answer(build_response(invite(), 180)).headers
    assert "record-route" not in answer(build_response(invite(), 100)).headers
    assert "record-route" not in answer(build_response(invite(), 486)).headers
    message = invite(INVITE.replace(b"INVITE", b"MESSAGE"))
    assert "record-route" not in answer(build_response(message, 200)).headers


def test_timestamp_is_copied_to_100_only() -> None:
    assert answer(build_response(invite(), 100)).first("timestamp") == "54"
    assert "timestamp" not in answer(build_response(invite(), 200)).headers


def test_phrases_are_the_registered_ones_unless_given() -> None:
    assert answer(build_response(invite(), 481)).reason == "Call/Transaction Does Not Exist"
    assert answer(build_response(invite(), 499)).reason == ""
    assert answer(build_response(invite(), 400, "Missing Grüße")).reason == "Missing Grüße"


def test_a_request_is_written_in_the_order_given() -> None:
    headers = [("Via", "SIP/2.0/UDP h;branch=z9hG4bK1"), ("X", ""), ("Subject", "ü \udce9")]
    assert build_request("MESSAGE", "sip:a@b", headers, "ü".encode()) == (
        b"MESSAGE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nX: \r\nSubject: \xc3\xbc \xe9\r\n"
        b"Content-Length: 2\r\n\r\n\xc3\xbc"
    )


WRITERS: dict[str, Callable[[str], object]] = {
    "name": lambda evil: build_request("MESSAGE", "sip:a@b", [(evil, "x")]),
    "value": lambda evil: build_response(invite(), 200, headers=[("X", evil)]),
    "method": lambda evil: build_request(evil, "sip:a@b", []),
    "uri": lambda evil: build_request("MESSAGE", evil, []),
    "reason": lambda evil: build_response(invite(), 200, evil),
    "tag": lambda evil: build_response(invite(), 200, to_tag=evil),
}


@pytest.mark.parametrize("line_break", ["\r\n", "\n", "\r", "\r\n\r\n", "\n\r"])
@pytest.mark.parametrize("place", WRITERS)
def test_a_line_break_in_any_value_is_refused(line_break: str, place: str) -> None:
    write = WRITERS[place]
    with pytest.raises(SipBuildError) as raised:
        write(f"a{line_break}b")
    assert isinstance(raised.value, SipError)
    assert isinstance(raised.value, ValueError)


@pytest.mark.parametrize("place", WRITERS)
def test_half_of_a_surrogate_pair_as_json_may_bring_it_is_refused(place: str) -> None:
    with pytest.raises(SipBuildError):
        WRITERS[place]("a\ud800b")


def test_a_space_in_the_request_line_is_refused() -> None:
    with pytest.raises(SipBuildError):
        build_request("MESSAGE", "sip:a@b SIP/2.0", [])
