"""Frames of a session as a capture file that Wireshark opens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from django.db.models import QuerySet

from protocols.pcap import Packet, write
from sessions_app.keyset import walk
from sessions_app.models import TraceFrame
from sessions_app.trace.frames import mask

CHUNK: Final = 200
"""Frames that are read at once; each may have 64 KiB."""
_COLUMNS: Final = ("at", "transport", "source", "destination", "protocol", "data")


def of_frames(frames: QuerySet[TraceFrame], most: int, *, bodies: bool) -> Iterator[bytes]:
    """The file of the first ``most`` frames, in pieces, as it is read; without ``bodies`` every body is masked."""
    return write(
        Packet(
            frame["at"].timestamp(),
            frame["transport"] != "udp",
            _end(frame["source"]),
            _end(frame["destination"]),
            bytes(frame["data"]) if bodies else mask(frame["protocol"], bytes(frame["data"])),
        )
        for frame in walk(frames, ("at", "id"), _COLUMNS, most, CHUNK)
    )


def _end(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)
