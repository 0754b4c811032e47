"""message/cpim: read, written again, routed, unwrapped."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from protocols.payload import cpim
from protocols.payload.cpim_escape import escape, unescape
from protocols.payload.cpim_lines import lay_out
from protocols.payload.errors import PayloadError
from protocols.payload.rfc3339 import format_date_time, parse_date_time
from tests.fuzz.invariant import holds
from tests.fuzz.target import Target

_GATEWAY: Final = "sip:gw@192.0.2.1"


def run(data: bytes) -> None:
    """One body."""
    with suppress(PayloadError):
        _message(data)
    with suppress(PayloadError):
        _routed(data)
    _values(data.decode("utf-8", "replace"))


def _message(data: bytes) -> None:
    message = cpim.parse(data)
    for named in (message.from_uri, message.to_uri, message.subject, message.imdn_message_id):
        holds("\r" not in named and "\n" not in named and "\0" not in named, "a value with control characters", named)
        named.encode()
    holds(message.notify <= cpim.NOTIFICATIONS, "notifications that nobody knows", message.notify)
    _looked = message.date_time, message.content_type, message.signed
    with suppress(PayloadError):
        holds(len(message.decoded()) <= len(message.body), "a content that grows when it is decoded")
    built = cpim.build(message.headers, message.content_headers, message.body)
    again = cpim.parse(built)
    holds(again.body == message.body, "the content changes", message.body, again.body)
    holds(again.headers == _stripped(message.headers), "the headers change", message.headers, again.headers)
    holds(
        cpim.build(again.headers, again.content_headers, again.body) == built,
        "written in another way the second time",
        built,
    )


def _stripped(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Blanks at the ends of a value do not count; escaped ones do, and are written plain."""
    return [(name, unescape(escape(value.strip(" ")))) for name, value in headers]


def _routed(data: bytes) -> None:
    layout = lay_out(data)
    marked = cpim.with_record_route(data, _GATEWAY)
    after = lay_out(marked)
    holds(len(after.headers) - len(layout.headers) in (1, 2), "more than a route was added", marked)
    holds(marked[after.content_start :] == data[layout.content_start :], "a route changes the content", marked)
    holds(after.content_headers == layout.content_headers, "a route changes the content's headers", marked)
    with suppress(PayloadError):
        holds(cpim.parse(marked).imdn("IMDN-Record-Route") is not None, "the route cannot be found", marked)
    holds(len(cpim.without_route(data, _GATEWAY)) <= len(data), "something was added by taking away", data)


def _values(text: str) -> None:
    holds(unescape(escape(text)) == text, "a value changes by its escapes", text)
    at = parse_date_time(text)
    if at is not None:
        with suppress(PayloadError):
            written = parse_date_time(format_date_time(at))
            holds(written is not None and abs(written - at) < 0.001, "a date changes", text, written)
    with suppress(PayloadError):
        wrapped = cpim.wrap(
            b"x", text, from_uri=text, to_uri=text, at=0.0, subject=text, imdn_message_id="i", notify=["display"]
        )
        holds(cpim.parse(wrapped).body == b"x", "our own words end our own headers", wrapped)


_WORDS: Final = [
    *(
        b"From: <sip:a@h>\r\n",
        b"To: <sip:b@h>\r\n",
        b"From: A <im:a@h>\r\n",
        b"cc: <sip:c@h>\r\n",
        b"DateTime: 2026-01-02T03:04:05.6Z\r\n",
    ),
    *(
        b"Subject: hello\r\n",
        b"Subject:;lang=fr bonjour\r\n",
        b"NS: imdn <urn:ietf:params:imdn>\r\n",
        b"NS: <urn:x>\r\n",
        b"NS: a <urn:y>\r\n",
    ),
    *(
        b"imdn.Message-ID: id1\r\n",
        b"imdn.Disposition-Notification: positive-delivery, display\r\n",
        b"imdn.IMDN-Route: <sip:gw@192.0.2.1>\r\n",
    ),
    *(
        b"imdn.IMDN-Record-Route: <sip:x>\r\n",
        b"Require: imdn.Message-ID\r\n",
        b"Require: x.y\r\n",
        b"Content-Type: text/plain\r\n",
        b"\r\n",
        b"\n",
    ),
    *(
        b"Content-Type: message/cpim\r\n",
        b"Content-Transfer-Encoding: base64\r\n",
        b"Content-Transfer-Encoding: quoted-printable\r\n",
        b"Content-Length: 5\r\n",
    ),
    *(
        b"MIME-Version: 1.0\r\n",
        b"\r\n\r\n",
        b"hello",
        b" \t",
        b"\\u0041",
        b"\\ud83d\\ude00",
        b"\\n",
        b"\\",
        b"<",
        b">",
        b":",
        b";",
        b"=",
        b'"',
        b".",
        b",",
    ),
    *(
        b"\0",
        b"\xff",
        b"\xc3\xa9",
        b"Zm9v",
        b"=41",
        b"2026-02-30T25:61:61+99:99",
        b"0001-01-01T00:00:00+23:59",
        b"9999-12-31T23:59:60-23:59",
    ),
]

CPIM: Final = Target(
    "cpim",
    run,
    tuple(f"protocols.payload.{name}" for name in ("cpim", "cpim_lines", "cpim_escape", "rfc3339")),
    _WORDS,
    longest=1_500,
)
