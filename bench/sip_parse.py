"""What the SIP codec costs: ``python bench/sip_parse.py`` prints microseconds an operation, the best of several runs.

The last lines double the size of a message's head to show that parsing is linear in it.
"""

from __future__ import annotations

import platform
import sys
import timeit
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from protocols.sip.builder import build_request, build_response
from protocols.sip.message import Request
from protocols.sip.parser import head_length, parse_message
from protocols.sip.uri import aor_of
from protocols.sip.validate import check_request

MESSAGE = (
    b"MESSAGE sip:bob@gateway.example.net SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK776asdhds8871;rport\r\n"
    b"Max-Forwards: 70\r\n"
    b'From: "Alice Example" <sip:alice@example.com>;tag=1928301774\r\n'
    b"To: <sip:bob@gateway.example.net>\r\n"
    b"Call-ID: a84b4c76e66710e3f1a2@192.0.2.10\r\n"
    b"CSeq: 314159 MESSAGE\r\n"
    b"Date: Sat, 13 Nov 2010 23:29:00 GMT\r\n"
    b"Allow: INVITE, ACK, CANCEL, BYE, MESSAGE, OPTIONS, NOTIFY\r\n"
    b"User-Agent: ExamplePhone/7.2.1 (build 4711)\r\n"
    b"Content-Type: text/plain;charset=UTF-8\r\n"
    b"Content-Length: 115\r\n"
    b"\r\n"
    b"Watson, come here. I want to see you. Bring the notebook and the two letters "
    b"that came this morning from Boston."
    b"..."
)


def parse_and_use() -> object:
    """The accesses that every MESSAGE on its way through makes."""
    request = parse_message(MESSAGE)
    via, sender, media_type = request.via, request.from_, request.content_type
    assert media_type is not None
    return (
        *(via.branch, via.sent_by, sender.uri, sender.tag, request.to.uri),
        *(request.cseq, request.call_id, media_type.essence, request.body),
    )


def long_head(count: int) -> bytes:
    """A request with ``count`` short headers of one name, folded."""
    return MESSAGE.replace(b"Date:", b"X-Filler: some\r\n  folded value\r\n" * count + b"Date:")


def long_value(count: int) -> bytes:
    """A request whose display name is ``count`` escaped quotes and whose list is as long."""
    return MESSAGE.replace(b"Alice Example", rb"\"" * count).replace(
        b"Date:", b"Accept: " + b"a, " * count + b"\r\nDate:"
    )


def parse_long(data: bytes) -> object:
    """Look into both long values."""
    request = parse_message(data)
    return request.from_, request.values("accept")


def report(name: str, operation: Callable[[], object], number: int = 500) -> None:
    """Print the best of many short runs: what else the machine does makes some slower and none faster."""
    best = min(timeit.repeat(operation, number=number, repeat=200)) / number
    print(f"{name:<52} {best * 1e6:8.2f} us")


def main() -> None:
    """Print everything."""
    # A build without profile guided optimisation, as pyenv makes by default, takes about a third more than Debian's.
    print(f"Python {platform.python_version()} at {sys.executable}")
    print(f"MESSAGE of {len(MESSAGE)} octets")
    request = parse_message(MESSAGE)
    assert isinstance(request, Request)
    report("parse, nothing looked at", lambda: parse_message(MESSAGE))
    report("parse, with what the path needs", parse_and_use)

    def all_of_it() -> None:
        fresh = parse_message(MESSAGE)
        assert isinstance(fresh, Request)
        fresh.stamp("192.0.2.10", 5060)
        check_request(fresh)

    report("parse, stamp, check_request", all_of_it)
    report("build_response 200 with tag", lambda: build_response(request, 200, to_tag="8f3ac1d2e4b56789"))
    headers = [
        ("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK0123;rport"),
        ("Max-Forwards", "70"),
        ("From", "<sip:a@example.com>;tag=1"),
        ("To", "<sip:b@example.com>"),
        ("Call-ID", "0123456789"),
        ("CSeq", "1 MESSAGE"),
        ("Content-Type", "text/plain"),
    ]
    report("build_request", lambda: build_request("MESSAGE", "sip:b@example.com", headers, b"hello"))
    report("head_length", lambda: head_length(MESSAGE))
    report("aor_of, seen before", lambda: aor_of("sip:alice@example.com"))
    for count in (60, 120, 240):
        data = long_head(count)
        report(f"parse {len(data)} octets in {count} folded headers", partial(parse_message, data), 20)
    for count in (500, 1000, 2000):
        data = long_value(count)
        report(f"parse and split {len(data)} octets in 2 long values", partial(parse_long, data), 5)


if __name__ == "__main__":
    main()
