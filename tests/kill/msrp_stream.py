"""An MSRP connection of the test's own: frames cut at their end-lines, frames written from templates (RFC 4975 s7)."""

from __future__ import annotations

import asyncio
from typing import Protocol


class Frame:
    """A request or a response."""

    __slots__ = ("body", "code", "fields", "flag", "method", "tid")

    def __init__(self, tid: str, what: str, inner: bytes, flag: str) -> None:
        first = what.partition(" ")[0]
        self.tid = tid
        self.code = int(first) if first.isdigit() else 0
        """0 for a request."""
        self.method = "" if self.code else first
        head, blank, body = inner.partition(b"\r\n\r\n")
        self.body = body[:-2] if blank else None
        self.flag = flag
        self.fields: dict[str, str] = {}
        for line in head.decode("utf-8", "replace").split("\r\n"):
            name, _, value = line.partition(":")
            self.fields[name.lower()] = value.strip()

    def get(self, name: str) -> str:
        """A header, empty where there is none."""
        return self.fields.get(name, "")


class Owner(Protocol):
    """Who gets what comes."""

    def on_frame(self, stream: MsrpStream, frame: Frame) -> None: ...
    def on_lost(self, stream: MsrpStream) -> None: ...


class MsrpStream(asyncio.Protocol):
    """One connection, opened or accepted."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._data = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # uvloop's is no asyncio.Transport by name

    def connection_lost(self, _: Exception | None) -> None:
        self._transport = None
        self._owner.on_lost(self)

    @property
    def alive(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def data_received(self, data: bytes) -> None:
        buffer = self._data
        buffer += data
        at = 0
        while (frame := self._cut(buffer, at)) is not None:
            at, whole = frame
            self._owner.on_frame(self, whole)
        del buffer[:at]

    @staticmethod
    def _cut(buffer: bytearray, at: int) -> tuple[int, Frame] | None:
        line_end = buffer.find(b"\r\n", at)
        if line_end < 0:
            return None
        word, tid, what = bytes(buffer[at:line_end]).split(b" ", 2)
        assert word == b"MSRP", bytes(buffer[at : at + 200])
        mark = b"\r\n-------" + tid
        search = line_end
        while True:
            end = buffer.find(mark, search)
            if end < 0 or len(buffer) < end + len(mark) + 3:
                return None
            flag = bytes(buffer[end + len(mark) : end + len(mark) + 3])
            if flag in (b"$\r\n", b"+\r\n", b"#\r\n"):
                break
            search = end + 1
        # The CRLF before the end-line closes the last header, or the body.
        inner = bytes(buffer[line_end + 2 : end + 2])
        if b"\r\n\r\n" not in inner:
            inner = inner[:-2]
        return end + len(mark) + 3, Frame(tid.decode(), what.decode(), inner, chr(flag[0]))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def request(self, tid: str, method: str, to: str, own: str, *headers: str, body: bytes | None = None) -> None:
        """Write a request."""
        head = "\r\n".join([f"MSRP {tid} {method}", f"To-Path: {to}", f"From-Path: {own}", *headers])
        content = b"" if body is None else b"\r\n\r\n" + body
        self._write(head.encode() + content + f"\r\n-------{tid}$\r\n".encode())

    def respond(self, frame: Frame, code: int, comment: str) -> None:
        """Answer a request."""
        self._write(
            f"MSRP {frame.tid} {code} {comment}\r\nTo-Path: {frame.get('from-path').split()[0]}\r\n"
            f"From-Path: {frame.get('to-path').split()[0]}\r\n-------{frame.tid}$\r\n".encode()
        )

    def _write(self, data: bytes) -> None:
        if self.alive:
            assert self._transport is not None
            self._transport.write(data)
