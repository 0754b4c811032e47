"""Every reader of MSRP and of session descriptions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from protocols import sdp
from protocols.msrp import byte_range, ids, negotiation, uri, writer
from protocols.msrp.accept import AcceptTypes, common, media_type
from protocols.msrp.chunks import Assembly
from protocols.msrp.endpoint import MsrpEndpoint
from protocols.msrp.errors import MsrpError, MsrpFramingError
from protocols.msrp.limits import Limits
from protocols.msrp.negotiation import NegotiationError
from protocols.msrp.parser import FrameParser
from protocols.sdp import SdpError
from tests.linearity.reader import STREAM, WHOLE, Places, Reader, in_pieces
from tests.linearity.shapes import numbered, repeated

_P: Final = "protocols.msrp."
_OURS: Final = "msrp://h:2855/session;tcp"
_PEER: Final = "msrp://p:2855/theirs;tcp"
_PATHS: Final = f"To-Path: {_OURS}\r\nFrom-Path: {_PEER}\r\n"
_SEND: Final = f"MSRP tid1 SEND\r\n{_PATHS}Message-ID: m1\r\n"
_END: Final = "\r\n-------tid1$\r\n"
_WIDE: Final = Limits(max_header_bytes=1 << 20)

_URIS: Final[Places] = (
    *WHOLE,
    *(
        ("msrp://", ""),
        ("msrp://", "@h:1/s;tcp"),
        ("msrp://h:1/", ";tcp"),
        ("msrp://h:1/s;tcp;", ""),
        ("msrp://[", "]:1/s;tcp"),
    ),
)
_FRAMES: Final[Places] = (
    *WHOLE,
    *(("MSRP ", ""), ("MSRP tid1 ", _END), ("MSRP tid1 SEND\r\n", _END), ("MSRP tid1 200 ", _END), (_SEND, _END)),
    *((f"{_SEND}X: ", _END), ("MSRP tid1 SEND\r\nTo-Path: ", _END), (f"{_SEND}Content-Type: a/b\r\n\r\n", _END)),
    *(
        (f"{_SEND}Byte-Range: ", f"\r\nContent-Type: a/b\r\n\r\nx{_END}"),
        (f"{_SEND}Content-Type: ", f"\r\n\r\nx{_END}"),
    ),
    *(
        (f"MSRP tid1 REPORT\r\n{_PATHS}Message-ID: m1\r\nStatus: ", _END),
        (f"MSRP tid1 SEND\r\nTo-Path: {_OURS}\r\nFrom-Path: ", _END),
    ),
)
_STREAMS: Final[Places] = (
    *WHOLE,
    *(
        (_SEND, ""),
        (f"{_SEND}Content-Type: a/b\r\n\r\n", _END),
        (f"{_SEND}Content-Type: a/b\r\n\r\n", ""),
        ("MSRP ", ""),
    ),
    *((f"MSRP tid1 200 OK\r\n{_PATHS}\r\n", ""), (f"MSRP tid1 200 OK\r\n{_PATHS}" + "a:b\r\n" * 1000 + "\r\n", "")),
    *(
        (
            _SEND.replace("h:2855", "x:1") + "Content-Type: a/b\r\n\r\n",
            "",
        ),
    ),
)
_STREAMED: Final = (
    *map(
        repeated,
        ("a", "\r\n", "\r", "\n", "-", " ", "a: b\r\n", "\r\n\r\n", "\r\n-------", "\r\n-------tid", "\r\n------"),
    ),
    *map(
        repeated,
        (
            "\r\n-------tid1",
            "\r\n-------tid1%",
            "\r\n-------tid1$\r",
            "\r\n-------tid1$$\r\n",
            "-------tid1$\r\n",
            "MSRP ",
        ),
    ),
    repeated(f"MSRP t SEND\r\n{_PATHS}Message-ID: m\r\n-------t$\r\n"),
    repeated(f"MSRP t 200 OK\r\n{_PATHS}-------t$\r\n"),
    repeated(
        f"MSRP t SEND\r\n{_PATHS}Message-ID: m\r\nByte-Range: 5-*/*\r\nContent-Type: a/b\r\n\r\nx\r\n-------t+\r\n"
    ),
    numbered(
        f"MSRP t# SEND\r\n{_PATHS}Message-ID: m#\r\nByte-Range: 5-*/*\r\nContent-Type: a/b\r\n\r\nx\r\n-------t#+\r\n"
    ),
    numbered(
        f"MSRP t# SEND\r\n{_PATHS}Message-ID: m\r\nByte-Range: #0-*/*\r\nContent-Type: a/b\r\n\r\nx\r\n-------t#+\r\n"
    ),
    numbered(
        f"MSRP t# SEND\r\n{_PATHS}Message-ID: m\r\nByte-Range: #-*/*\r\nContent-Type: a/b\r\n\r\nxyz\r\n-------t#+\r\n"
    ),
)


_MEDIA: Final = f"v=0\r\nm=message 1 TCP/MSRP *\r\na=accept-types:*\r\na=path:{_PEER}\r\n"
_SDPS: Final[Places] = (
    *WHOLE,
    *(
        (_MEDIA, ""),
        ("v=0\r\nm=", "\r\n"),
        ("v=0\r\nc=", "\r\n"),
        ("v=0\r\na=", "\r\n"),
        ("v=0\r\n", _MEDIA),
        (f"{_MEDIA}a=", "\r\n"),
    ),
    *(("v=0\r\nm=message 1 TCP/MSRP *\r\na=accept-types:*\r\na=path:", "\r\n"),),
    *(
        (f"v=0\r\nm=message 1 TCP/MSRP *\r\na=path:{_PEER}\r\na=accept-types:", "\r\n"),
        (f"{_MEDIA}a=accept-wrapped-types:", "\r\n"),
    ),
    *((f"{_MEDIA}a=max-size:", "\r\n"), (f"{_MEDIA}a=setup:", "\r\n"), (_MEDIA * 64, "")),
)


def _uri(text: str) -> None:
    read = uri.MsrpUri.parse(text)
    str(read), read.key, read.secure
    assert read == uri.MsrpUri.parse(text)


def _accept(text: str) -> None:
    types = AcceptTypes(text)
    types.allows(text), types.allows_bare(text), str(types), bool(types)
    common(types, AcceptTypes("text/plain a/* *"))
    common(AcceptTypes("text/plain a/* *"), types)


def _frames(size: int, limits: Limits | None = None) -> Callable[[bytes], None]:
    cut = in_pieces(size)

    def read(data: bytes) -> None:
        parser = FrameParser(limits)
        parser.body_limit = lambda request: len(data) if "h:2855" in request.to_path else 0
        for piece in cut(data):
            parser.feed(piece)
            assert parser.buffered <= len(data)

    return read


def _engine(size: int) -> Callable[[bytes], None]:
    """A connection with a session; what came whole is answered, what is to go out is taken."""
    cut = in_pieces(size)

    def read(data: bytes) -> None:
        endpoint = MsrpEndpoint(_WIDE)
        session = endpoint.create_session(_OURS)
        session.set_peer(_PEER)
        connection = endpoint.create_connection(False)
        for number in range(3):
            session_bound = session.bound
            if session_bound:
                session.send(f"m{number}abc", "a/b", b"x" * 3000)
        for piece in cut(data):
            for event in connection.receive(piece, 1.0):
                incoming = getattr(event, "incoming", None)
                if incoming is not None:
                    incoming.respond(200)
                    incoming.report(200)
            connection.take_output(1.0)
        endpoint.expire(1000.0)
        session.close(1000.0)
        connection.lost(1000.0)

    return read


def _to_path(text: str) -> None:
    endpoint = MsrpEndpoint()
    session = endpoint.create_session(_OURS)
    endpoint.find(text), endpoint.get(text)
    session.from_path_fits(text)
    session.set_peer(text)
    session.from_path_fits(f"{text} ")


def _assembly(order: Callable[[int], Any]) -> Callable[[str], None]:
    """Chunks of the octets of a text, in some order; the text itself does not matter, its length does."""

    def read(text: str) -> None:
        assembly = Assembly("m")
        for start, length in order(len(text)):
            if not assembly.add(start, b"x" * length, False):
                break
            assert assembly.held >= 0
        assembly.add(1, b"", False)
        assembly.complete, assembly.body()

    return read


_ORDERS: Final = {
    "forwards": lambda size: ((at, 16) for at in range(1, size, 16)),
    "backwards": lambda size: ((at, 16) for at in range(size, 1, -16)),
    "with gaps": lambda size: ((at, 8) for at in range(1, size, 16)),
    "over and over": lambda size: ((1 + at % 4096, 16) for at in range(0, size, 16)),
    "the whole again and again": lambda size: ((1, 4000) for at in range(0, size, 400)),
    "from both ends": lambda size: ((at if at % 32 else size - at, 16) for at in range(16, size // 2, 16)),
    "overwriting the last octet": lambda size: ((max(1, at - 1), 16) for at in range(1, size, 16)),
    "growing": lambda size: ((1, 16 + at % 4096) for at in range(0, size, 16)),
}


def _sdp(body: bytes) -> None:
    description = sdp.parse(body)
    description.get("path")
    for media in description.media:
        media.get("path"), media.has("path")
    description.build()


def _negotiation(body: bytes) -> None:
    media = negotiation.read_offer(body, AcceptTypes("text/plain a/* *"))
    _looked = media.next_hop, media.secure, media.fingerprint, media.wants_cema, media.is_anchored
    negotiation.active_side(media.setup, "active"), negotiation.choose_answer_setup(media.setup)
    negotiation.build_answer(
        media, host="h", port=1, local_path=_OURS, accept_types="*", max_size=None, session_id=1, version=1
    )


def _own_words(text: str) -> None:
    """What goes into frames of ours."""
    data = text.encode("utf-8", "replace")
    writer.send(
        writer.free_transaction_id(data), writer.paths(text, text), text, writer.report_headers(True, text), text, data
    )
    (
        writer.response("t", 400, text, text, text),
        writer.report(text, text, 400, text, 1, 1),
        writer.bind("t", text, text),
    )
    writer.chunk_head("t", text, text, text, text, 1, 1), writer.end_line("t", "$")
    ids.derived_message_id(text)


MSRP: Final = [
    Reader(
        (f"{_P}uri.MsrpUri.parse", f"{_P}uri.MsrpUri.key", f"{_P}uri.MsrpUri.secure"),
        _uri,
        (MsrpError,),
        _URIS,
        largest=1000,
    ),
    Reader((f"{_P}uri.MsrpUri.parse",), _uri, (MsrpError,), _URIS),
    Reader((f"{_P}uri.same_path",), lambda text: uri.same_path(text, text + " "), (), (*_URIS, (f"{_PEER} ", ""))),
    Reader((f"{_P}accept.media_type",), media_type, (), (*WHOLE, ("a/b;", ""), ('a/b;c="', ""))),
    Reader(
        (f"{_P}accept.AcceptTypes.allows", f"{_P}accept.AcceptTypes.allows_bare", f"{_P}accept.common"),
        _accept,
        (),
        (*WHOLE, ("a/b ", "")),
    ),
    Reader((f"{_P}byte_range.parse_byte_range",), byte_range.parse_byte_range, (), (*WHOLE, ("1-", ""), ("1-1/", ""))),
    Reader(
        (f"{_P}byte_range.parse_status", f"{_P}byte_range.printable"),
        byte_range.parse_status,
        (),
        (*WHOLE, ("000 200 ", ""), ("000 ", "")),
    ),
    Reader(
        (f"{_P}parser.FrameParser.feed", f"{_P}parser.FrameParser.buffered"),
        _frames(1 << 30, _WIDE),
        (MsrpFramingError,),
        _FRAMES,
        octets=True,
    ),
    *(
        Reader(
            (f"{_P}parser.FrameParser.feed",),
            _frames(size),
            (MsrpFramingError,),
            _STREAMS,
            octets=True,
            largest=STREAM if size > 1 else STREAM // 12,
            shapes=_STREAMED if size > 1 else _STREAMED[::4],
        )
        for size in (1, 61, 1460, 65_536)
    ),
    Reader((f"{_P}connection.MsrpConnection.receive",), _engine(1 << 30), (MsrpError,), _FRAMES, octets=True),
    *(
        Reader(
            (f"{_P}connection.MsrpConnection.receive", f"{_P}requests.receive_request", f"{_P}requests.refuse"),
            _engine(size),
            (MsrpError,),
            _STREAMS,
            octets=True,
            largest=STREAM if size > 1 else STREAM // 12,
            shapes=_STREAMED if size > 1 else _STREAMED[::4],
        )
        for size in (1, 1460)
    ),
    Reader(
        (
            f"{_P}endpoint.MsrpEndpoint.find",
            f"{_P}endpoint.MsrpEndpoint.get",
            *(f"{_P}session.MsrpSession.{name}" for name in ("from_path_fits", "set_peer")),
        ),
        _to_path,
        (MsrpError,),
        (*_URIS, (f"{_PEER} ", "")),
    ),
    *(
        Reader(
            (
                f"{_P}chunks.Assembly.add",
                f"{_P}chunks.Assembly.complete",
                f"{_P}chunks.Assembly.held",
                f"{_P}chunks.Assembly.body",
            ),
            _assembly(order),
            largest=STREAM,
            shapes=[repeated("x")],
        )
        for order in _ORDERS.values()
    ),
    Reader(
        (
            "protocols.sdp.parse",
            *(
                f"protocols.sdp.{name}"
                for name in (
                    "SessionDescription.get",
                    "SessionDescription.build",
                    "MediaDescription.get",
                    "MediaDescription.has",
                )
            ),
        ),
        _sdp,
        (SdpError,),
        _SDPS,
        octets=True,
    ),
    Reader((f"{_P}negotiation.read_answer",), negotiation.read_answer, (NegotiationError,), _SDPS, octets=True),
    Reader(
        tuple(
            f"{_P}negotiation.{name}"
            for name in (
                "read_offer",
                "build_answer",
                "active_side",
                "choose_answer_setup",
                *(
                    f"MessageMedia.{each}"
                    for each in ("next_hop", "secure", "fingerprint", "wants_cema", "is_anchored")
                ),
            )
        ),
        _negotiation,
        (NegotiationError,),
        _SDPS,
        octets=True,
    ),
    Reader(
        (
            *(
                f"{_P}writer.{name}"
                for name in (
                    "send",
                    "free_transaction_id",
                    "paths",
                    "report_headers",
                    "response",
                    "report",
                    "bind",
                    "chunk_head",
                    "end_line",
                )
            ),
            f"{_P}ids.derived_message_id",
        ),
        _own_words,
        (UnicodeEncodeError,),
    ),
]
