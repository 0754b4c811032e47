"""The MSRP stream: the same frames however its octets come, nothing held beyond the limits."""

from __future__ import annotations

from dataclasses import astuple
from typing import Final

from protocols.held import HeldOctets
from protocols.msrp import writer
from protocols.msrp.byte_range import parse_byte_range, parse_status
from protocols.msrp.errors import MsrpFramingError, MsrpUriError
from protocols.msrp.frames import Frame, MsrpRequest, MsrpResponse
from protocols.msrp.limits import Limits
from protocols.msrp.parser import FrameParser
from protocols.msrp.uri import MsrpUri, same_path
from tests.fuzz.invariant import holds, pieces
from tests.fuzz.target import Target

LIMITS: Final = Limits(max_header_bytes=600, max_frame_body=40_000, max_held_bytes=100_000)
_SLACK: Final = 200


def run(data: bytes) -> None:
    """The octets of a connection, cut by the first of them."""
    cuts, octets = data[: data[0] % 16] if data else b"", data[1:]
    whole = _read([octets])
    parted = _read(list(pieces(octets, cuts)))
    holds(whole == parted, "a stream is other frames when it is cut otherwise", whole, parted)
    for frame in whole[0]:
        _frame(frame)


def _read(parts: list[bytes]) -> tuple[list[Frame], bool]:
    held = HeldOctets(LIMITS.max_held_bytes)
    parser = FrameParser(LIMITS, held)
    frames: list[Frame] = []
    failed = False
    for part in parts:
        try:
            frames += parser.feed(part)
        except MsrpFramingError as error:
            frames += error.frames
            failed = True
            break
        most = LIMITS.max_header_bytes + LIMITS.max_frame_body + _SLACK + len(part)
        holds(parser.buffered <= most, "more is held than the limits say", parser.buffered)
    parser.close()
    holds(held.used == 0, "octets are counted as held that are not", held.used)
    return frames, failed


def _frame(frame: Frame) -> None:
    tid = frame.tid.encode()
    holds(tid.isascii() and 0 < len(tid) <= 64 and not any(c <= 32 for c in tid), "a transaction id with blanks", frame)
    if isinstance(frame, MsrpRequest):
        holds(frame.flag in "$+#", "an unknown flag", frame)
        holds(frame.body is None or b"\r\n-------" + tid + b"$\r\n" not in frame.body, "an end-line in a body", frame)
        holds(all(name == name.lower() for name in frame.headers), "header names in any case", frame)
        holds(frame.fault is not None or bool(frame.to_path and frame.from_path), "without paths, and no fault", frame)
        parse_byte_range(frame.headers.get("byte-range", "")), parse_status(frame.headers.get("status", ""))
        for path in (frame.to_path, frame.from_path):
            _path(path)
        if frame.fault is None and "\r" not in frame.to_path and frame.to_path.isascii() and frame.from_path.isascii():
            _answered(frame)
    else:
        holds(frame.code == 0 or 0 <= frame.code <= 999, "a code out of range", frame)


def _answered(frame: MsrpRequest) -> None:
    data = writer.response(frame.tid, 200, None, frame.from_path, frame.to_path)
    found = FrameParser(LIMITS).feed(data) if len(data) < LIMITS.max_header_bytes else []
    expected = MsrpResponse(frame.tid, 200, "OK", frame.from_path, frame.to_path)
    holds(not found or astuple(found[0]) == astuple(expected), "an answer of ours is another one", data, found)


def _path(path: str) -> None:
    holds(same_path(path, path), "a path is not the same as itself", path)
    for hop in path.split():
        try:
            uri = MsrpUri.parse(hop)
        except MsrpUriError:
            continue
        again = MsrpUri.parse(str(uri))
        holds(again == uri and hash(again) == hash(uri), "a URI is not the same as it is written", hop)
        holds(uri.secure == (uri.scheme.lower() == "msrps") and uri.scheme.isascii(), "an odd scheme", hop)


WORDS: Final = [
    *(
        b"MSRP ",
        b"MSRP tid1 SEND\r\n",
        b"MSRP tid1 REPORT\r\n",
        b"MSRP tid1 200 OK\r\n",
        b"MSRP tid1 481\r\n",
        b"MSRP tid1 AUTH\r\n",
    ),
    *(
        b"To-Path: msrp://127.0.0.1:2855/ours;tcp\r\n",
        b"From-Path: msrp://127.0.0.1:2900/theirs;tcp\r\n",
        b"Message-ID: m1abc\r\n",
    ),
    *(
        b"Byte-Range: 1-5/5\r\n",
        b"Byte-Range: 1-*/*\r\n",
        b"Byte-Range: 6-10/10\r\n",
        b"Byte-Range: 1-0/0\r\n",
        b"Byte-Range: ",
    ),
    *(
        b"Success-Report: yes\r\n",
        b"Failure-Report: no\r\n",
        b"Failure-Report: partial\r\n",
        b"Status: 000 200 OK\r\n",
        b"Status: 000 413\r\n",
    ),
    *(
        b"Content-Type: text/plain\r\n\r\n",
        b"Content-Type: message/cpim\r\n\r\n",
        b"Content-Type: ",
        b"\r\n-------tid1$\r\n",
        b"\r\n-------tid1+\r\n",
    ),
    *(
        b"\r\n-------tid1#\r\n",
        b"\r\n-------",
        b"-------",
        b"tid1",
        b"$\r\n",
        b"+\r\n",
        b"\r\n",
        b"\r\n\r\n",
        b"\r",
        b"\n",
        b" ",
        b"\t",
        b": ",
        b":",
    ),
    *(
        b"msrp://",
        b"msrps://",
        b";tcp",
        b";ws",
        b"[::1]",
        b" msrp://relay:2855/x;tcp",
        b"\0",
        b"\xff",
        b"\xc3\xa9",
        b"hello",
        b"x" * 300,
    ),
]

MSRP_FRAMES: Final = Target(
    "msrp_frames",
    run,
    tuple(f"protocols.msrp.{name}" for name in ("parser", "frames", "byte_range", "uri", "writer", "ids")),
    WORDS,
)
