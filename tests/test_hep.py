"""HEP v3: every chunk where the specification has it."""

from __future__ import annotations

import struct

from protocols.hep import MSRP, SIP, Encoder


def chunks(packet: bytes) -> dict[int, bytes]:
    assert packet[:4] == b"HEP3"
    assert struct.unpack("!H", packet[4:6])[0] == len(packet)
    found, rest = {}, packet[6:]
    while rest:
        vendor, kind, length = struct.unpack("!HHH", rest[:6])
        assert vendor == 0
        found[kind] = rest[6:length]
        rest = rest[length:]
    return found


def test_sip_over_udp():
    packet = Encoder(2001, "secret").encode(
        1_700_000_000.25,
        stream=False,
        source=("192.0.2.1", 5080),
        target=("192.0.2.9", 5060),
        payload=b"OPTIONS",
        correlation="call-1",
    )
    assert chunks(packet) == {
        1: b"\x02",
        2: b"\x11",
        3: bytes([192, 0, 2, 1]),
        4: bytes([192, 0, 2, 9]),
        7: struct.pack("!H", 5080),
        8: struct.pack("!H", 5060),
        9: struct.pack("!I", 1_700_000_000),
        10: struct.pack("!I", 250_000),
        11: bytes([SIP]),
        12: struct.pack("!I", 2001),
        14: b"secret",
        15: b"OPTIONS",
        17: b"call-1",
    }


def test_msrp_over_ipv6_without_a_password():
    packet = Encoder(1).encode(
        1.0, stream=True, source=("2001:db8::1", 1), target=("2001:db8::2", 2), payload=b"MSRP", protocol=MSRP
    )
    found = chunks(packet)
    assert (found[1], found[2], found[11]) == (b"\x0a", b"\x06", bytes([MSRP]))
    assert found[5][-1] == 1
    assert found[6][-1] == 2
    assert 14 not in found
    assert 17 not in found


def test_what_no_datagram_can_hold_is_cut():
    packet = Encoder(1).encode(
        1.0, stream=True, source=("192.0.2.1", 1), target=("192.0.2.2", 2), payload=b"x" * 100_000
    )
    assert len(packet) < 65_507
