"""Frames of a session as a capture file that Wireshark opens."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from protocols.pcap import Packet, write
from sessions_app.trace.frames import mask


def of_frames(frames: Iterable[Any], *, bodies: bool) -> bytes:
    """Rows of TraceFrame; without ``bodies`` every body is masked."""
    return b"".join(
        write(
            Packet(
                frame.at.timestamp(),
                frame.transport != "udp",
                _end(frame.source),
                _end(frame.destination),
                bytes(frame.data) if bodies else mask(frame.protocol, bytes(frame.data)),
            )
            for frame in frames
        )
    )


def _end(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)
