"""Bytes to MSRP frames, incrementally (RFC 4975 s9). Knows nothing of sessions.

A frame is closed only by CRLF, seven dashes, *its own* transaction id, a flag and CRLF; seven dashes alone mean
nothing (RULEBOOK S21, D35). The search remembers how far it came, so the total work is linear in the bytes fed
whatever the split. What can be delimited but not understood becomes a request with ``fault`` set, to be answered 400;
what cannot be delimited, or is over a limit, is a MsrpFramingError.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from protocols.held import HeldOctets, Holding
from protocols.msrp.byte_range import printable
from protocols.msrp.errors import MsrpFramingError
from protocols.msrp.frames import Frame, MsrpRequest, MsrpResponse
from protocols.msrp.limits import Limits

MAX_TID = 64  # twice what the ABNF allows: lenient with what arrives
_MAX_START_LINE = 1024
_END_LINE_SLACK = MAX_TID + 16  # longer than any end-line with its two CRLFs
_ASK_AFTER = 16 * 1024
_FLAGS = b"$+#"

_TID = re.compile(rb"[!-~]{1,%d}" % MAX_TID)
_PLAIN_RESPONSE = re.compile(
    rf"MSRP ([!-~]{{1,{MAX_TID}}}) ([0-9]{{3}})(?: ([ -~]*))?\r\n"
    r"To-Path: ([!-~ ]+)\r\nFrom-Path: ([!-~ ]+)\r\n-------\1\$\r\n"
)
_METHOD = re.compile(r"[A-Z]{1,32}")
_METHODS = ("SEND", "REPORT")
_HNAME = re.compile(r"[A-Za-z0-9][!-9;-~]*")
_LOWER = {
    name: name.lower()
    for name in (
        "To-Path",
        "From-Path",
        "Message-ID",
        "Byte-Range",
        "Content-Type",
        "Success-Report",
        "Failure-Report",
        "Status",
        "Content-Disposition",
    )
}
_SINGLE = ("to-path", "from-path", "message-id", "byte-range", "status", "content-type")


class FrameParser:
    """Cuts one byte stream into frames."""

    __slots__ = (
        "_allowed",
        "_buffer",
        "_failed",
        "_head_end",
        "_head_scanned",
        "_holding",
        "_limits",
        "_marker",
        "_scanned",
        "_skip",
        "body_limit",
    )

    def __init__(self, limits: Limits | None = None, held: HeldOctets | None = None) -> None:
        """``held``: the bound on what all parsers of a process hold together."""
        self._limits = limits or Limits()
        self._holding = Holding(held or HeldOctets(self._limits.max_held_bytes))
        self._buffer = bytearray()  # bytes of the frame that is not complete yet, from its first byte on
        self._scanned = 0  # no end-line starts before this offset of the buffer
        self._head_scanned = 0  # no CRLF CRLF starts before this offset of the buffer
        self._allowed = -1  # bytes of body that body_limit allowed the frame in the buffer, -1 not asked
        self._head_end = -1  # offset of the CRLF CRLF after the head of the frame in the buffer, -1 unknown
        self._marker = b""  # CRLF, dashes and tid of the frame in the buffer, empty while its start line is incomplete
        self._skip = False  # True while the rest of a refused body is thrown away
        self._failed: MsrpFramingError | None = None
        self.body_limit: Callable[[MsrpRequest], int] | None = None
        """Asked once for a big chunk still arriving: the bytes of body allowed. Beyond them the chunk is reported at
        once with ``oversize`` set and its rest discarded, so that a 413 can stop the sender (RFC 4975 s10.5)."""

    @property
    def buffered(self) -> int:
        """Bytes held of an incomplete frame."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Frame]:
        """The frames completed by ``data``. Raises MsrpFramingError, then and on every later call."""
        if self._failed is not None:
            raise MsrpFramingError(self._failed.reason)
        frames: list[Frame] = []
        try:
            if not self._buffer:
                if (
                    data.find(b" SEND\r\n", 6, 80) < 0
                    and len(data) < _MAX_START_LINE
                    and (plain := _PLAIN_RESPONSE.fullmatch(data.decode("latin-1")))
                ):
                    tid, code, comment, to_path, from_path = plain.groups()
                    return [MsrpResponse(tid, int(code), comment or "", to_path, from_path)]
                taken = self._cut(data, frames)
                if taken < len(data):
                    self._buffer += data[taken:]
            else:
                self._buffer += data
                if self._skip and not self._skipped():
                    self._hold(frames)
                    return frames
                if self._marker and not self._end_line_in_sight():
                    self._check_incomplete(frames)
                    self._hold(frames)
                    return frames
                whole = bytes(self._buffer)
                taken = self._cut(whole, frames)
                self._buffer = bytearray(whole[taken:])
            if self._buffer:
                self._check_incomplete(frames)
            if self._buffer or self._holding.octets:
                self._hold(frames)
        except MsrpFramingError as error:
            self._failed = error
            self.close()
            error.frames = frames
            raise
        return frames

    def close(self) -> None:
        """Hold nothing any more: the stream has ended."""
        self._buffer = bytearray()
        self._holding.is_now(0)

    def _hold(self, frames: list[Frame]) -> None:
        """Keep what is incomplete within the bound; a chunk for which there is no room is reported as too large."""
        if self._holding.is_now(len(self._buffer)):
            return
        if not self._marker or self._head_end < 0 or self._skip or not self._report_oversize(frames):
            raise MsrpFramingError("too much is incomplete")
        self._holding.is_now(len(self._buffer))

    def _cut(self, data: bytes, frames: list[Frame]) -> int:
        """Cut whole frames off the front of ``data``; return the bytes used, noting where to look further."""
        at = 0
        size = len(data)
        scanned = self._scanned
        self._marker = b""
        self._scanned = 0
        self._head_scanned = 0
        self._head_end = -1
        self._allowed = -1
        while at < size:
            if data[at : at + 5] != b"MSRP ":
                if data.startswith(b"\r\n", at):  # stray blank line between frames: harmless
                    at += 2
                    continue
                rest = data[at : at + 5]
                if b"MSRP ".startswith(rest) or rest == b"\r":
                    return at
                raise MsrpFramingError("not an MSRP start line")
            line_end = data.find(b"\r\n", at, at + _MAX_START_LINE)
            if line_end < 0:
                if size - at >= _MAX_START_LINE:
                    raise MsrpFramingError("start line too long")
                return at
            space = data.find(b" ", at + 5, line_end)
            tid = data[at + 5 : space if space >= 0 else line_end]
            if (not tid.isalnum() or len(tid) > MAX_TID) and _TID.fullmatch(tid) is None:
                raise MsrpFramingError("transaction id is not usable")
            marker = b"\r\n-------" + tid
            end = data.find(marker, max(line_end, at + scanned))
            while end >= 0:
                after = end + len(marker)
                if data[after + 1 : after + 3] == b"\r\n" and data[after] in _FLAGS:  # RULEBOOK S21
                    break
                if after + 3 > size:
                    end = -1
                    break
                end = data.find(marker, end + 2)
            if end < 0:
                self._marker = marker
                self._scanned = max(line_end - at, scanned, size - at - len(marker) - 3)
                return at
            frames.append(self._frame(data, at, line_end, tid, end, chr(data[after])))
            at = after + 3
            scanned = 0
        return size

    def _end_line_in_sight(self) -> bool:
        """True when the incomplete frame in the buffer has its end-line now; advances the search."""
        buffer, marker = self._buffer, self._marker
        end = buffer.find(marker, self._scanned)
        while end >= 0:
            after = end + len(marker)
            if after + 3 > len(buffer):
                self._scanned = end
                return False
            if buffer[after] in _FLAGS and buffer[after + 1 : after + 3] == b"\r\n":
                self._scanned = end
                return True
            end = buffer.find(marker, end + 2)
        self._scanned = max(self._scanned, len(buffer) - len(marker) - 3)
        return False

    def _check_incomplete(self, frames: list[Frame]) -> None:
        """Hold an unfinished frame to the limits; the slack makes the verdict the same however the bytes are split."""
        if not self._marker:
            return
        buffer = self._buffer
        limits = self._limits
        if self._head_end < 0:
            self._head_end = buffer.find(b"\r\n\r\n", self._head_scanned, limits.max_header_bytes + 4)
            if self._head_end < 0:
                self._head_scanned = max(0, len(buffer) - 3)
                if len(buffer) > limits.max_header_bytes + _END_LINE_SLACK:
                    raise MsrpFramingError("head too long")
                return
        body = len(buffer) - self._head_end - 4
        if body > _ASK_AFTER and self.body_limit is not None and self._refused(body, self.body_limit, frames):
            return
        if body > limits.max_frame_body + _END_LINE_SLACK:
            raise MsrpFramingError("body too long")

    def _refused(self, body: int, limit: Callable[[MsrpRequest], int], frames: list[Frame]) -> bool:
        """True when the ``body`` bytes so far are more than the owner of the parser allows this request."""
        if self._allowed < 0:  # asked once: the head is not read again with every octet
            frame = self._request_so_far()
            self._allowed = self._limits.max_frame_body if frame is None else limit(frame)
        if body <= self._allowed + _END_LINE_SLACK:
            return False
        return self._report_oversize(frames)

    def _request_so_far(self) -> MsrpRequest | None:
        """The request whose body is still arriving, without it; None where it is a response."""
        head = bytes(self._buffer[: self._head_end])
        line_end = head.find(b"\r\n")
        line_end = len(head) if line_end < 0 else line_end
        frame = self._frame(head, 0, line_end, self._marker[9:], len(head), "+")
        return frame if isinstance(frame, MsrpRequest) else None

    def _report_oversize(self, frames: list[Frame]) -> bool:
        """Report the request now and throw the rest of its body away; False where it is a response."""
        frame = self._request_so_far()
        if frame is None:
            return False
        frame.oversize = True
        frames.append(frame)
        self._skip = True
        self._drop_skipped()
        return True

    def _skipped(self) -> bool:
        """Throw away the rest of a refused body; True when its end-line is past."""
        if not self._end_line_in_sight():
            self._drop_skipped()
            return False
        del self._buffer[: self._scanned + len(self._marker) + 3]
        self._skip = False
        self._marker = b""
        self._scanned = 0
        return True

    def _drop_skipped(self) -> None:
        keep = min(self._scanned, len(self._buffer))
        del self._buffer[:keep]
        self._scanned -= keep

    def _frame(self, data: bytes, at: int, line_end: int, tid: bytes, end: int, flag: str) -> Frame:
        """The frame whose start line ends at ``line_end`` and whose end-line starts at ``end``."""
        head_end = data.find(b"\r\n\r\n", line_end, end + 2)
        body: bytes | None
        if head_end < 0:
            head_end = end
            body = None
        elif head_end + 4 > end:  # the blank line's CRLF serves as the end-line's too
            body = b""
        else:
            body = data[head_end + 4 : end]
            if len(body) > self._limits.max_frame_body:
                raise MsrpFramingError("body too long")
        if head_end - at > self._limits.max_header_bytes:
            raise MsrpFramingError("head too long")
        head = data[at:head_end].decode("utf-8", "replace")
        lines = head.split("\r\n")
        if "\t" in head or ":  " in head or " \r\n" in head or head[-1] == " ":  # blanks around values: take them off
            lines[1:] = [_tidy(line) for line in lines[1:]]
        start = lines[0]
        rest = start[6 + len(tid) :]
        headers: dict[str, str] = {}
        fault: str | None = None
        del lines[0]
        for line in lines:
            name, colon, value = line.partition(": ")
            key = _LOWER.get(name)
            if key is None or not colon:
                name, colon, value = line.partition(":")
                key = name.lower()
                value = value.strip()
                if not colon or _HNAME.fullmatch(name) is None:
                    fault = fault or "malformed header line"
                    continue
            if key in headers:
                if key in _SINGLE:
                    fault = fault or f"repeated {key}"
            else:
                headers[key] = value
        to_path = headers.get("to-path", "")
        from_path = headers.get("from-path", "")
        if rest not in _METHODS:
            if rest[:1].isdigit():
                comment = rest[4:]
                if not comment.isprintable():
                    comment = printable(comment)
                return MsrpResponse(tid.decode(), _code(rest), comment, to_path, from_path)
            if _METHOD.fullmatch(rest) is None:
                fault = fault or "malformed method"
                rest = printable(rest[:32])
        if not to_path or not from_path:
            fault = fault or "To-Path or From-Path missing"
        if body is not None and "content-type" not in headers:
            if body:
                fault = fault or "body without Content-Type"  # RULEBOOK S20
            else:
                body = None  # a blank line after the head of a bodiless request
        return MsrpRequest(tid.decode(), rest, to_path, from_path, headers, body, flag, fault)


def _code(rest: str) -> int:
    """The status code that ``rest`` of a start line begins with, 0 when it is not three digits and a blank."""
    digits = rest.partition(" ")[0]
    return int(digits) if len(digits) == 3 and digits.isascii() and digits.isdecimal() else 0


def _tidy(line: str) -> str:
    """A header line without the blanks around its value."""
    name, colon, value = line.partition(":")
    value = value.strip(" \t")
    return f"{name}: {value}" if colon else name
