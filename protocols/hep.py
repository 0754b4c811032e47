"""HEP version 3, also called EEP: a message as it was seen on a wire, in one datagram for a collector such as HOMER.

Source: "HEP3 Network Protocol Specification rev. 32", github.com/sipcapture/HEP. A packet is ``HEP3``, its whole
length, and chunks of vendor, type, length and value, all in network order.
"""

from __future__ import annotations

import struct
from ipaddress import ip_address
from typing import Final

SIP: Final = 0x01
"""Protocol type of a SIP payload."""
MSRP: Final = 0x64
"""Protocol type of an MSRP payload: the specification has none, 100 is "log" there, which collectors show as text."""
LARGEST: Final = 65_000
"""Octets of a payload; what is longer is cut, for a datagram can hold no more."""

_INET, _INET6 = 2, 10
_CHUNK: Final = struct.Struct("!HHH")


class Encoder:
    """Makes packets of one capture agent.

    ``capture_id``: its number, 32 bits; ``password``: what the collector asks for, if it does.
    """

    __slots__ = ("_tail",)

    def __init__(self, capture_id: int, password: str = "") -> None:
        self._tail = _chunk(0x0C, struct.pack("!I", capture_id))
        if password:
            self._tail += _chunk(0x0E, password.encode())

    def encode(
        self,
        at: float,
        *,
        stream: bool,
        source: tuple[str, int],
        target: tuple[str, int],
        payload: bytes,
        protocol: int = SIP,
        correlation: str = "",
    ) -> bytes:
        """A packet. ``at``: seconds since 1970; ``stream``: TCP; ``correlation``: a Call-ID that it belongs to."""
        ours, theirs = _packed(source[0]), _packed(target[0])
        four = len(ours) == 4
        micros = round(at * 1e6)
        chunks = b"".join(
            (
                b"\0\0\0\1\0\7" + bytes((_INET if four else _INET6,)),
                b"\0\0\0\2\0\7" + bytes((6 if stream else 17,)),
                _chunk(0x03 if four else 0x05, ours),
                _chunk(0x04 if four else 0x06, theirs),
                _chunk(0x07, struct.pack("!H", source[1])),
                _chunk(0x08, struct.pack("!H", target[1])),
                _chunk(0x09, struct.pack("!I", micros // 1_000_000)),
                _chunk(0x0A, struct.pack("!I", micros % 1_000_000)),
                b"\0\0\0\x0b\0\7" + bytes((protocol,)),
                self._tail,
                _chunk(0x11, correlation.encode("utf-8", "surrogateescape")) if correlation else b"",
                _chunk(0x0F, payload[:LARGEST]),
            )
        )
        return b"HEP3" + struct.pack("!H", 6 + len(chunks)) + chunks


def _chunk(kind: int, value: bytes) -> bytes:
    return _CHUNK.pack(0, kind, 6 + len(value)) + value


def _packed(host: str) -> bytes:
    return ip_address(host.partition("%")[0]).packed
