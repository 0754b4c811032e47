"""A capture file of a conversation: by dumpcap where that is permitted, else from the bytes the peers kept."""

from __future__ import annotations

import contextlib
import signal
import struct
import subprocess
import time

RAW_IP = 101  # LINKTYPE_RAW
SEGMENT = 16_000
"""Octets of TCP payload in one written packet."""


class Capture:
    """`with Capture(dumpcap, file) as capture:` ... `capture.finish(peers)`."""

    def __init__(self, dumpcap, file):
        self.file = file
        self._process = None
        if dumpcap is not None:
            self._process = subprocess.Popen(
                [dumpcap, "-q", "-P", "-i", "lo", "-f", "udp or tcp", "-w", str(file)],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )

    def __enter__(self):
        if self._process is not None:
            for line in self._process.stderr:
                if line.startswith("File:"):
                    return self
            self._process.wait()  # not permitted here
            self._process = None
        return self

    def __exit__(self, *_):
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def finish(self, peers):
        """The conversation is over; the file is complete when this returns."""
        packets = [each for peer in peers for each in peer.packets]
        packets += [each for peer in peers if hasattr(peer, "msrp") for each in peer.msrp.packets]
        streams = {peer.address for peer in peers if peer.transport == "udp"}
        if self._process is None:
            self.file.write_bytes(written(packets, streams))
            return
        last = max(packets)[3]
        deadline = time.monotonic() + 10
        while last not in self.file.read_bytes():
            assert time.monotonic() < deadline, "dumpcap did not write what was sent"
            time.sleep(0.05)
        self._process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)


def written(packets, udp):
    """A pcap file of (time, from, to, bytes); those that touch an address in `udp` are datagrams."""
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, RAW_IP)]
    sent = {}
    for at, source, target, data in sorted(packets):
        if source in udp or target in udp:
            pieces = [(17, struct.pack(">HHHH", source[1], target[1], 8 + len(data), 0) + data)]
        else:
            pieces = []
            for start in range(0, len(data), SEGMENT):
                piece = data[start : start + SEGMENT]
                ours, theirs = sent.get((source, target), 1), sent.get((target, source), 1)
                head = struct.pack(">HHIIBBHHH", source[1], target[1], ours, theirs, 0x50, 0x18, 65_535, 0, 0)
                sent[source, target] = ours + len(piece)
                pieces.append((6, head + piece))
        for protocol, payload in pieces:
            size = 20 + len(payload)
            address = [bytes(map(int, each[0].split("."))) for each in (source, target)]
            packet = struct.pack(">BBHHHBBH4s4s", 0x45, 0, size, 0, 0, 64, protocol, 0, *address) + payload
            out.append(struct.pack("<IIII", int(at), int(at % 1 * 1e6), size, size) + packet)
    return b"".join(out)
