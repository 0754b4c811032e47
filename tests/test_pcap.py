"""Capture files: what tshark makes of them, and that their sums are right."""

from __future__ import annotations

import struct
import subprocess
from typing import Any

import pytest

from protocols.pcap import HEADER, Packet, checksum, write

ALICE, US, BOB = ("192.0.2.1", 5080), ("192.0.2.9", 5060), ("192.0.2.7", 2855)
MESSAGE = (
    b"MESSAGE sip:bob@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5080;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
    b"From: <sip:alice@192.0.2.1>;tag=1\r\nTo: <sip:bob@192.0.2.9>\r\nCall-ID: a1\r\nCSeq: 1 MESSAGE\r\n"
    b"Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
)
SEND = (
    b"MSRP t1a2 SEND\r\nTo-Path: msrp://192.0.2.7:2855/b;tcp\r\nFrom-Path: msrp://192.0.2.9:2856/a;tcp\r\n"
    b"Message-ID: m1\r\nByte-Range: 1-5/5\r\nContent-Type: text/plain\r\n\r\nhello\r\n-------t1a2$\r\n"
)
OK = (
    b"MSRP t1a2 200 OK\r\nTo-Path: msrp://192.0.2.9:2856/a;tcp\r\nFrom-Path: msrp://192.0.2.7:2855/b;tcp\r\n"
    b"-------t1a2$\r\n"
)


def dissect(tshark: str, file: Any, *fields: str) -> list[list[str]]:
    command = [tshark, "-n", "-r", str(file), "-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"]
    command += ["-o", "ip.check_checksum:TRUE", "-d", "udp.port==5060,sip", "-d", "tcp.port==5060,sip"]
    command += ["-d", "tcp.port==2855,msrp", "-T", "fields"]
    for field in fields:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return [line.split("\t") for line in done.stdout.splitlines()]


@pytest.mark.peer
def test_tshark_reads_sip_over_udp_and_msrp_over_tcp(require_program, tmp_path):
    tshark = require_program("tshark")
    packets = [
        Packet(1_700_000_000.5, False, ALICE, US, MESSAGE),
        Packet(1_700_000_000.6, True, ("192.0.2.9", 41000), BOB, SEND),
        Packet(1_700_000_000.7, True, BOB, ("192.0.2.9", 41000), OK),
        Packet(1_700_000_000.8, True, ("192.0.2.1", 41001), US, MESSAGE),
    ]
    file = tmp_path / "x.pcap"
    file.write_bytes(b"".join(write(packets)))
    rows = dissect(
        tshark, file, "sip.Method", "msrp.method", "msrp.status.code", "_ws.malformed", "_ws.expert.severity",
        "tcp.flags.syn", "tcp.checksum.status", "udp.checksum.status", "ip.checksum.status",
    )  # fmt: skip
    columns = [{value for value in column if value} for column in zip(*rows, strict=True)]
    methods, msrp_methods, codes, malformed, severities, _, *sums = columns
    assert (methods, msrp_methods, codes, malformed) == ({"MESSAGE"}, {"SEND"}, {"200"}, set())
    assert "8388608" not in severities  # errors
    assert len(rows) == 1 + 3 + 2 + 2 + 3 + 2
    assert all(each == {"1"} for each in sums)


@pytest.mark.peer
def test_ipv6_and_what_is_longer_than_a_segment(require_program, tmp_path):
    tshark = require_program("tshark")
    long = SEND.replace(b"hello", b"x" * 40_000).replace(b"1-5/5", b"1-40000/40000")
    ours, theirs = ("2001:db8::9", 41000), ("2001:db8::7", 2855)
    file = tmp_path / "x.pcap"
    file.write_bytes(b"".join(write([Packet(1.0, True, ours, theirs, long), Packet(2.0, False, ours, theirs, b"hi")])))
    rows = dissect(tshark, file, "ipv6.src", "tcp.len", "tcp.checksum.status", "udp.checksum.status", "_ws.malformed")
    assert sum(int(row[1] or 0) for row in rows) == len(long)
    assert {row[2] or row[3] for row in rows} == {"1"}
    assert {row[4] for row in rows} == {""}


def test_an_empty_conversation_is_an_empty_file():
    assert b"".join(write([])) == HEADER


def test_checksum_of_rfc_1071():
    assert checksum(struct.pack("!4H", 0x0001, 0xF203, 0xF4F5, 0xF6F7)) == 0xFFFF & ~0xDDF2
