"""Frames out of the octets of sockets: where one ends, what names its conversation, and its body made unreadable.

A light reading for the trace only: it must get along with whatever came, also from the middle of a stream.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from sessions_app.trace.tape import End, Link

LARGEST: Final = 64 * 1024
"""Octets of a frame that are kept."""
_CALL_ID: Final = re.compile(rb"\n(?:call-id|i)[ \t]*:[ \t]*([^\r\n]+)", re.IGNORECASE)
_LENGTH: Final = re.compile(rb"\n(?:content-length|l)[ \t]*:[ \t]*(\d+)", re.IGNORECASE)
_TYPE: Final = re.compile(rb"\n(?:content-type|c)[ \t]*:[ \t]*([^\r\n;]+)", re.IGNORECASE)
_START: Final = re.compile(rb"MSRP (\S{4,32}) [A-Z0-9]")


class Frame:
    """One SIP message or MSRP frame as it was on a wire."""

    __slots__ = ("at", "data", "link", "name", "out", "remote", "stored")

    def __init__(self, at: float, link: Link, out: bool, remote: End, data: bytes) -> None:
        self.at, self.link, self.out, self.remote, self.data = at, link, out, remote, data
        self.name = name_of(link.protocol, out, data)
        """Call-ID of SIP, our session-id of MSRP; empty if it has none."""
        self.stored = False


def name_of(protocol: str, out: bool, data: bytes) -> str:
    """What ties a frame to its session."""
    if protocol == "msrp":
        # On the wire our own URI stands alone: a relay has taken itself out of To-Path, and we add none to From-Path.
        at = data.find(b"\nFrom-Path:" if out else b"\nTo-Path:")
        end = data.find(b"\r\n", at)
        return session_id(data[at:end].decode("utf-8", "replace")) if at >= 0 else ""
    at = data.find(b"\nCall-ID: ")
    if at >= 0:
        return data[at + 10 : data.find(b"\r", at)].decode("utf-8", "replace")
    found = _CALL_ID.search(data)
    return found[1].strip().decode("utf-8", "replace") if found else ""


def session_id(path: str) -> str:
    """The session-id of an MSRP URI, the last of several."""
    return path.rpartition("/")[2].partition(";")[0]


class Splitter:
    """Cuts the streams of TCP connections into frames, each way by itself."""

    def __init__(self) -> None:
        self._rest: dict[tuple[Link, bool], bytes] = {}

    def expand(self, entries: Iterable[tuple[float, Link, bool, Any]]) -> Iterator[Frame]:
        """The frames that entries of the tape complete."""
        for at, link, out, data in entries:
            if link.remote is None:
                for datagram, remote in data:
                    if len(datagram) > 4:  # less is a keep-alive
                        yield Frame(at, link, out, remote[:2], datagram[:LARGEST])
                continue
            key = link, out
            rest = self._rest.pop(key, b"") + data
            cut = _cut_msrp if link.protocol == "msrp" else _cut_sip
            while rest:
                frame, rest, whole = cut(rest)
                if not whole:
                    if len(rest) > LARGEST * 4:  # a body without end: what it began with is enough
                        yield Frame(at, link, out, link.remote, rest[:LARGEST])
                        rest = b""
                    break
                yield Frame(at, link, out, link.remote, frame[:LARGEST])
            if rest:
                self._rest[key] = rest
        if len(self._rest) > 10_000:  # connections that ended within a frame
            self._rest.clear()

    def forget(self) -> None:
        """Entries were left out: what follows does not go on from what came before."""
        self._rest.clear()


def _cut_msrp(data: bytes) -> tuple[bytes, bytes, bool]:
    start = _START.search(data)
    if start is None:
        return b"", data[-40:], False
    end = data.find(b"\n-------" + start[1], start.end())
    close = data.find(b"\r\n", end + 8) if end >= 0 else -1
    if close < 0:
        return b"", data[start.start() :], False
    return data[start.start() : close + 2], data[close + 2 :], True


def _cut_sip(data: bytes) -> tuple[bytes, bytes, bool]:
    data = data.lstrip(b"\r\n")
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return b"", data, False
    length = _LENGTH.search(data, 0, end + 2)
    total = end + 4 + (int(length[1]) if length else 0)
    if len(data) < total:
        return b"", data, False
    return data[:total], data[total:], True


def mask(protocol: str, data: bytes) -> bytes:
    """The frame with every octet of its body an ``x``. A session description stays: it is signalling, not content."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return data
    head, body = data[: end + 4], data[end + 4 :]
    if protocol == "msrp":
        found = _START.match(head)
        tail = body.rfind(b"\r\n-------" + found[1]) if found else -1
        if tail < 0:
            return head + b"x" * len(body)
        return head + b"x" * tail + body[tail:]
    kind = _TYPE.search(head)
    if kind is not None and kind[1].strip().lower() == b"application/sdp":
        return data
    return head + b"x" * len(body)
