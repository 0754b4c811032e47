"""SIP messages: read, looked at in every way, answered, written again; and the streams they come in."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from protocols.sip.builder import build_request, build_response
from protocols.sip.dialog import Dialog
from protocols.sip.errors import SipError
from protocols.sip.header_names import SHOWN
from protocols.sip.limits import SipLimits
from protocols.sip.matching import merge_identity, transaction_key
from protocols.sip.message import Message, Request, Response
from protocols.sip.parse_error import SipParseError
from protocols.sip.parser import parse_message
from protocols.sip.salvage import salvage
from protocols.sip.strangers import Strangers
from protocols.sip.stream import SipStream
from protocols.sip.transaction_client import OutgoingRequest
from protocols.sip.validate import check_hops, check_request, check_response
from tests.fuzz.invariant import holds, pieces
from tests.fuzz.target import Target

SOURCE: Final = ("192.0.2.1", 5060)
_TYPED: Final = (
    *(
        "via",
        "vias",
        "from_",
        "to",
        "call_id",
        "cseq",
        "content_type",
        "max_forwards",
        "expires",
        "retry_after",
        "date",
    ),
    *("contacts", "routes", "record_routes", "require", "supported"),
)
_NARROW: Final = SipLimits(max_message=2_000, max_head=1_000, max_headers=20, max_header_length=300)
_OURS: Final = OutgoingRequest(
    "INVITE", "sip:b@h", [("Call-ID", "c"), ("From", "<sip:a@h>;tag=1"), ("CSeq", "1 INVITE")]
)
_COPIED: Final = ("via", "from", "call-id", "cseq")


class _Flow:
    transport, reliable, sent_by, alive, certificate_expires = "UDP", False, "h:5060", True, None

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def send(self, data: bytes, to: tuple[str, int]) -> None:
        self.sent.append(data)


def run_message(data: bytes) -> None:
    """One datagram."""
    _stranger(data)
    try:
        message = parse_message(data)
    except SipParseError as error:
        if error.partial is not None:
            _answered(error.partial)
        return
    for name in _TYPED:
        with suppress(SipError):
            getattr(message, name)
    if isinstance(message, Request):
        _request(message)
    else:
        _response(message)


def _request(request: Request) -> None:
    _written_again(request)
    with suppress(SipError):
        check_request(request)
        _after_the_checks(request)
    with suppress(SipError):
        check_hops(request)
    with suppress(SipError):
        transaction_key(request), merge_identity(request)
    with suppress(SipError):
        request.stamp(*SOURCE)
        answer = _answered(request)
        holds(answer is not None, "the answer to a request that was read cannot be read", request)


def _after_the_checks(request: Request) -> None:
    """What the layers above rely on once a request was checked."""
    holds(request.from_.uri and request.to.uri, "checked without addresses", request)
    with suppress(SipError):
        dialog = Dialog.of_uas(request, "2")
        made = dialog.request("BYE")
        sent = made.render("SIP/2.0/UDP h;branch=z9hG4bK1")
        holds(isinstance(parse_message(sent), Request), "a BYE of ours cannot be read", sent)
        Dialog.of_record(dialog.as_record())


def _response(response: Response) -> None:
    with suppress(SipError):
        check_response(response)
    with suppress(SipError):
        Dialog.of_uac(_OURS, response).request("BYE")


def _written_again(request: Request) -> None:
    """A request that was read is the same once it was written and read."""
    headers = [
        (SHOWN.get(name, name), value)
        for name, values in request.headers.items()
        for value in values
        if name != "content-length"
    ]
    again = parse_message(build_request(request.method, request.uri, headers, request.body))
    assert isinstance(again, Request)
    there, here = again.headers, request.headers
    there.pop("content-length")
    same = {name: values for name, values in here.items() if name != "content-length"}
    holds(
        (again.method, again.uri, again.body, there) == (request.method, request.uri, request.body, same),
        "a request is not the same once it was written and read",
        request.headers,
        there,
    )


def _answered(request: Request) -> Message | None:
    """The answer to a request as its sender reads it; None where it is only part of one."""
    try:
        data = build_response(request, 400, to_tag="t")
    except SipError:
        return None
    holds(data.count(b"\r\n\r\n") == 1 and data.endswith(b"\r\n\r\n"), "an answer of several parts", data)
    try:
        answer = parse_message(data)
    except SipParseError:
        return None  # of what was wrong in it, all but the Via is copied
    for name in _COPIED:
        holds(answer.headers.get(name) == request.headers.get(name), f"{name} is not what was asked with", data)
    return answer


def _stranger(data: bytes) -> None:
    flow = _Flow()
    Strangers().refuse(data, SOURCE, flow)
    said = sum(map(len, flow.sent))
    holds(said <= len(data) and len(flow.sent) <= 1, "a stranger gets more than he sent", len(data), flow.sent)
    salvage(data, _NARROW)


def run_stream(data: bytes) -> None:
    """A connection's octets, cut by the first of them, under limits that are soon reached."""
    cuts, octets = data[: data[0] % 16] if data else b"", data[1:]
    whole = _read([octets])
    parted = _read(list(pieces(octets, cuts)))
    holds(whole == parted, "a stream is other messages when it is cut otherwise", whole, parted)
    for message in whole[0]:
        holds(len(message) <= _NARROW.max_message, "a message over the limit", len(message))
        with suppress(SipParseError):
            parse_message(message, _NARROW)


def _read(parts: list[bytes]) -> tuple[list[bytes], int, bool]:
    stream = SipStream(_NARROW)
    messages: list[bytes] = []
    pinged, failed = 0, False
    for part in parts:
        found, pings, error = stream.feed(part)
        messages += found
        pinged += pings
        failed = failed or error is not None
        holds(stream.waiting <= _NARROW.max_message + _NARROW.max_head + len(part), "more is held than the limits say")
    return messages, pinged, failed


_WORDS: Final = [
    *(
        b"MESSAGE ",
        b"INVITE ",
        b"ACK ",
        b"CANCEL ",
        b"BYE ",
        b"OPTIONS ",
        b" SIP/2.0\r\n",
        b"SIP/2.0 200 OK\r\n",
        b"SIP/2.0 ",
    ),
    *(
        b"Via: SIP/2.0/UDP h:5060;branch=z9hG4bKa;rport\r\n",
        b"From: <sip:a@h>;tag=1\r\n",
        b"To: <sip:b@h>\r\n",
        b"v: ",
        b"f: ",
        b"t: ",
    ),
    *(
        b"Call-ID: c@h\r\n",
        b"CSeq: 1 MESSAGE\r\n",
        b"i: ",
        b"l: ",
        b"c: ",
        b"m: ",
        b"k: ",
        b"Content-Length: ",
        b"Content-Type: text/plain\r\n",
    ),
    *(
        b"Max-Forwards: 70\r\n",
        b"Contact: <sip:a@h>\r\n",
        b"Record-Route: <sip:p;lr>\r\n",
        b"Route: ",
        b"Require: ",
        b"Expires: ",
        b"Date: ",
    ),
    *(
        b"Supported: ",
        b"Retry-After: 5 (c);duration=1\r\n",
        b"Timestamp: 1\r\n",
        b"Sat, 13 Nov 2010 23:29:00 GMT",
        b"z9hG4bK",
        b";branch=",
        b";rport",
    ),
    *(
        b";received=",
        b";tag=",
        b";lr",
        b"<sip:",
        b">",
        b'"',
        b'\\"',
        b"\\\0",
        b"\0",
        b",",
        b";",
        b":",
        b"@",
        b"\r\n",
        b"\r\n\r\n",
        b"\r\n ",
        b"\r\n\t",
    ),
    *(
        b"\n",
        b"\r",
        b" ",
        b"\t",
        b"%41",
        b"\xc3\xa9",
        b"\xff",
        b"0",
        b"4294967296",
        b"99999999999999999999",
        b"[::1]",
        b"tel:+1",
        b"sips:",
        b"im:",
    ),
]

SIP_MESSAGE: Final = Target(
    "sip_message",
    run_message,
    tuple(
        f"protocols.sip.{name}"
        for name in ("parser", "salvage", "message", "builder", "validate", "strangers", "dialog", "matching", "ids")
    ),
    _WORDS,
)
SIP_STREAM: Final = Target("sip_stream", run_stream, ("protocols.sip.stream", "protocols.sip.parser"), _WORDS)
