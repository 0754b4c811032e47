"""Payloads kept as files: the RFCs' own examples and what real peers sent."""

from __future__ import annotations

from pathlib import Path

WIRE = Path(__file__).parent / "wire"


def wire(name: str) -> bytes:
    """The octets of an example; the files are kept with LF where the wire has CRLF."""
    return (WIRE / name).read_bytes().replace(b"\n", b"\r\n")
