"""A capture file of messages whose packets are long gone: IP, UDP and TCP headers are made up around their octets.

Format: libpcap's, microseconds, LINKTYPE_RAW (draft-ietf-opsawg-pcap). Every TCP connection begins with a handshake
and has every segment acknowledged, so that a dissector may follow it; what other conversations sent on the same
connection is simply not there. Checksums are right (RFC 1071).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from typing import Final, NamedTuple

HEADER: Final = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 101)
"""Magic of microseconds, version 2.4, snapshot length, LINKTYPE_RAW."""
SEGMENT: Final = 16_000
"""Octets of a message in one TCP segment, or in one UDP datagram's IP packet at the most 65,000."""
STEP: Final = 1e-6
"""Seconds between packets that have no times of their own."""

_SYN, _ACK, _PUSH_ACK, _SYN_ACK = 0x02, 0x10, 0x18, 0x12
_UDP, _TCP = 17, 6

End = tuple[str, int]
"""Numeric IP address and port."""


class Packet(NamedTuple):
    """One message on a wire: when, in seconds since 1970; ``stream``: over TCP; from, to; the octets."""

    at: float
    stream: bool
    source: End
    target: End
    data: bytes


def write(packets: Iterable[Packet]) -> Iterator[bytes]:
    """The file, in pieces; ``packets`` come in the order of their times."""
    yield HEADER
    connections: dict[tuple[End, End], _Connection] = {}
    for packet in packets:
        if not packet.stream:
            yield _record(packet.at, _ip(packet.source, packet.target, _UDP, _udp(packet)))
            continue
        ends = packet.source, packet.target
        connection = connections.get(ends) or connections.get((packet.target, packet.source))
        if connection is None:
            connection = connections[ends] = _Connection(*ends)
            yield from connection.open(packet.at - 3 * STEP)
        yield from connection.carry(packet)


class _Connection:
    """Sequence numbers of both ends; who is seen to send first is who opened it."""

    def __init__(self, source: End, target: End) -> None:
        self._ends = source, target
        self._sent = {source: 0, target: 0}

    def open(self, at: float) -> Iterator[bytes]:
        ours, theirs = self._ends
        yield self._segment(at, ours, theirs, _SYN, b"")
        self._sent[ours] = 1
        yield self._segment(at + STEP, theirs, ours, _SYN_ACK, b"")
        self._sent[theirs] = 1
        yield self._segment(at + 2 * STEP, ours, theirs, _ACK, b"")

    def carry(self, packet: Packet) -> Iterator[bytes]:
        at, data = packet.at, packet.data
        for start in range(0, len(data), SEGMENT):
            piece = data[start : start + SEGMENT]
            yield self._segment(at, packet.source, packet.target, _PUSH_ACK, piece)
            self._sent[packet.source] = (self._sent[packet.source] + len(piece)) & 0xFFFFFFFF
            yield self._segment(at + STEP, packet.target, packet.source, _ACK, b"")
            at += 2 * STEP

    def _segment(self, at: float, source: End, target: End, flags: int, data: bytes) -> bytes:
        acknowledged = self._sent[target] if flags & _ACK else 0
        numbers = source[1], target[1], self._sent[source], acknowledged, 0x50, flags, 65_535
        plain = struct.pack("!HHIIBBHHH", *numbers, 0, 0) + data
        total = checksum(_pseudo(source, target, _TCP, len(plain)) + plain)
        return _record(at, _ip(source, target, _TCP, plain[:16] + struct.pack("!H", total) + plain[18:]))


def _udp(packet: Packet) -> bytes:
    data = packet.data[:65_000]
    plain = struct.pack("!HHHH", packet.source[1], packet.target[1], 8 + len(data), 0) + data
    total = checksum(_pseudo(packet.source, packet.target, _UDP, len(plain)) + plain) or 0xFFFF
    return plain[:6] + struct.pack("!H", total) + data


def _pseudo(source: End, target: End, protocol: int, length: int) -> bytes:
    ours, theirs = _packed(source), _packed(target)
    if len(ours) == 4:
        return ours + theirs + struct.pack("!BBH", 0, protocol, length)
    return ours + theirs + struct.pack("!IxxxB", length, protocol)


def _ip(source: End, target: End, protocol: int, payload: bytes) -> bytes:
    ours, theirs = _packed(source), _packed(target)
    if len(ours) == 16:
        return struct.pack("!IHBB", 0x60000000, len(payload), protocol, 64) + ours + theirs + payload
    plain = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0x4000, 64, protocol, 0) + ours + theirs
    return plain[:10] + struct.pack("!H", checksum(plain)) + plain[12:] + payload


def _packed(end: End) -> bytes:
    return ip_address(end[0].partition("%")[0]).packed


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) & 1:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _record(at: float, packet: bytes) -> bytes:
    micros = round(at * 1e6)
    return struct.pack("<IIII", micros // 1_000_000, micros % 1_000_000, len(packet), len(packet)) + packet
