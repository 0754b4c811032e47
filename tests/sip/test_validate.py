"""What a UAS refuses of well-formed messages, beside the torture tests."""

from __future__ import annotations

import pytest

from protocols.sip.errors import SipError
from protocols.sip.message import Request
from protocols.sip.parser import parse_message
from protocols.sip.validate import check_hops, check_request


def request(method: str = "MESSAGE", uri: str = "sip:bob@example.com", **headers: str) -> Request:
    fields = {"from": "<sip:a@example.com>;tag=1", "to": "<sip:b@example.com>", "cseq": f"1 {method}"} | headers
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    data = f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nCall-ID: c\r\n{lines}\r\n"
    read = parse_message(data.encode())
    assert isinstance(read, Request)
    return read


def code_of(read: Request) -> int | None:
    try:
        check_request(read)
    except SipError as error:
        return error.code
    return None


@pytest.mark.parametrize(
    ("read", "code"),
    [
        (request(), None),
        (request(uri="tel:+15551234"), None),
        (request(uri="im:bob@example.com"), None),
        (request(uri="http://example.com"), 416),
        (request(uri="sip:@@"), 400),
        (request(uri="sip:2001:db8::10"), 400),
        (request(**{"from": "<sip:>;tag=1"}), 400),
        (request(**{"from": "<sip:a@example.com>"}), None),
        (request(to="<sip:b@example.com>, <sip:c@example.com>"), 400),
        (request(to="<sip:b@example.com?x=y>"), 400),
        (request(cseq="1 INVITE"), 400),
        (request(method="NOVEL", cseq="1 MESSAGE"), 501),
        (request(method="NOVEL"), None),
        (request(max_forwards="x"), 400),
        (request(max_forwards="0"), None),
        (request(content_type="nonsense"), 400),
        (request(contact="<broken"), None),
        (request(method="INVITE", contact="<broken"), 400),
        (request(method="INVITE", contact="<sip:a@h?Route=x>"), None),
        (request(method="INVITE", record_route="<sip:[nonsense]:x>"), 400),
        (request(method="REGISTER", contact="*"), None),
        (request(require="100rel"), 420),
        (request(method="ACK", require="100rel"), None),
        (request(method="CANCEL", require="100rel"), None),
        (request(date="yesterday"), None),
    ],
)
def test_codes(read: Request, code: int | None) -> None:
    assert code_of(read) == code


@pytest.mark.parametrize(("value", "refused"), [("0", True), ("1", False), ("255", False), ("300", False)])
def test_only_zero_hops_are_too_few(value: str, refused: bool) -> None:
    read = request(max_forwards=value)
    if refused:
        with pytest.raises(SipError) as raised:
            check_hops(read)
        assert raised.value.code == 483
    else:
        check_hops(read)
