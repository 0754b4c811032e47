"""A SIP request that nobody sent: for asking the request route what it would do, and for messages handed in."""

from __future__ import annotations

from protocols.sip.errors import SipError
from protocols.sip.ids import new_branch, new_call_id, new_tag
from protocols.sip.message import Request
from protocols.sip.parser import parse_message


def composed(method: str, from_uri: str, to_uri: str, ruri: str = "", call_id: str = "") -> Request:
    """A request of ``method`` with these coordinates. Raises SipError where one of them is no URI."""
    for uri in (from_uri, to_uri, ruri):
        if not uri.isprintable() or any(sign in uri for sign in '<>" '):
            raise SipError(400, "A URI with a space, quote, angle bracket or control character")
    text = (
        f"{method} {ruri or to_uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch={new_branch()}\r\n"
        f"Max-Forwards: 70\r\nFrom: <{from_uri}>;tag={new_tag()}\r\nTo: <{to_uri}>\r\n"
        f"Call-ID: {call_id or new_call_id()}\r\nCSeq: 1 {method}\r\nContent-Length: 0\r\n\r\n"
    )
    message = parse_message(text.encode())
    assert isinstance(message, Request)
    return message
