"""Connections whose octets are never a whole message, or never one that is wanted."""

from __future__ import annotations

import itertools
import socket
import time
from collections.abc import Callable, Iterable

from bench.hostile.attacker import TRUSTED, Attacker
from bench.hostile.frames import Address, header, invite, msrp_send, path_in, sip_request, status

CONNECTIONS = 300
OF_ONE = 5
"""Connections of each stranger's address: what a bound by address alone would let in."""
LENGTH = 1_000_000
SHORT = 10
UNBOUND = 20
FRAMES_AT_ONCE = 200
CHUNKS = 40
CHUNK = 10_000_000
PIECE = 65_536
PATIENCE = 10.0


def slow_sip(attacker: Attacker) -> None:
    """MESSAGEs that say how long they are, and stop before."""

    def text(own: Address, number: int) -> bytes:
        whole = sip_request(
            "MESSAGE", "sip:bob@127.0.0.1", own, number, transport="TCP", headers=["Content-Type: text/plain"]
        )
        return whole.replace(b"Content-Length: 0", b"Content-Length: %d" % LENGTH) + b"x" * (LENGTH - SHORT)

    _slow(attacker, attacker.aim.sip, text)


def slow_msrp(attacker: Attacker) -> None:
    """SENDs of no session, in one chunk that stops before its end."""
    host, port = attacker.aim.msrp

    def text(own: Address, number: int) -> bytes:
        to, own_path = f"msrp://{host}:{port}/nosession;tcp", f"msrp://{own[0]}:{own[1]}/s{number};tcp"
        return msrp_send(to, own_path, f"t{number:08x}", b"x" * (LENGTH - SHORT), total=LENGTH, end=False)

    _slow(attacker, attacker.aim.msrp, text)


def _slow(attacker: Attacker, to: Address, text: Callable[[Address, int], bytes]) -> None:
    attacker.begin()
    begin = time.monotonic()
    attacker.done.unit = "connections"
    streams = {}
    for number in range(CONNECTIONS):
        made = attacker.connect(f"127.0.1.{1 + number // OF_ONE}", to)
        if made is not None:
            streams[made] = [text(made.getsockname(), number)]
    attacker.done.sent = len(streams)
    attacker.pour(streams, attacker.aim.seconds)
    attacker.listen(max(0.0, begin + attacker.aim.seconds - time.monotonic()))
    taken = len(streams.keys() - attacker.closed)
    attacker.done.notes.append(f"{taken} of {CONNECTIONS} connections held at the end")


def unbound(attacker: Attacker) -> None:
    """SENDs to a session that there is not, one after the other, and their answers are read."""
    host, port = attacker.aim.msrp
    streams = {}
    for number in range(UNBOUND):
        made = attacker.connect(f"127.0.1.{1 + number // OF_ONE}", attacker.aim.msrp)
        if made is not None:
            streams[made] = _refused(f"msrp://{host}:{port}/nosession;tcp", made.getsockname())
    frame = len(next(iter(_refused(f"msrp://{host}:{port}/nosession;tcp", attacker.aim.msrp)))) / FRAMES_AT_ONCE
    attacker.begin()
    attacker.pour(streams, attacker.aim.seconds)
    attacker.done.unit, attacker.done.sent = "frames", round(attacker.done.octets_out / frame)
    attacker.done.notes.append(f"{len(streams.keys() - attacker.closed)} of {UNBOUND} connections left at the end")


def _refused(to: str, own: Address) -> Iterable[bytes]:
    numbers = itertools.count()
    own_path = f"msrp://{own[0]}:{own[1]}/s;tcp"
    while True:
        yield b"".join(msrp_send(to, own_path, f"t{next(numbers):08x}", b"hello") for _ in range(FRAMES_AT_ONCE))


def open_chunks(attacker: Attacker) -> None:
    """A peer's sessions, each with a message of 10 MB that lacks its end."""
    out = attacker.udp(TRUSTED)
    streams = {}
    for number in range(CHUNKS):
        made = _session(attacker, out, number)
        if made is not None:
            streams[made[0]] = _chunk(made[1], f"msrp://{TRUSTED}:2855/c{number};tcp", number)
    attacker.begin()
    begin = time.monotonic()
    attacker.pour(streams, attacker.aim.seconds)
    attacker.listen(max(0.0, begin + attacker.aim.seconds - time.monotonic()))
    left = len(streams.keys() - attacker.closed)
    attacker.done.unit, attacker.done.sent = "connections", len(streams)
    attacker.done.notes.append(f"{left} of {CHUNKS} connections left at the end")


def _session(attacker: Attacker, out: socket.socket, number: int) -> tuple[socket.socket, str] | None:
    """Call, acknowledge, connect and bind: the connection and the gateway's path."""
    own, user = out.getsockname(), f"caller{number}"
    ruri, path = f"sip:page{number}@{TRUSTED}:{own[1]}", f"msrp://{TRUSTED}:2855/c{number};tcp"
    asked = invite(ruri, own, number, path, user=user)
    attacker.send(out, asked)
    for _, data, _ in attacker.hear(PATIENCE):
        if status(data) < 200 or header(data, "Call-ID") != header(asked, "Call-ID"):
            continue
        if status(data) != 200:
            return None
        contact = header(data, "Contact").partition("<")[2].partition(">")[0]
        tag = header(asked, "From").rpartition("tag=")[2]
        to, call_id = header(data, "To"), header(data, "Call-ID")
        attacker.send(out, sip_request("ACK", contact, own, number, user=user, to=to, tag=tag, call_id=call_id))
        gateway_path = path_in(data)
        made = attacker.connect(TRUSTED, attacker.aim.msrp)
        if made is None:
            return None
        made.send(msrp_send(gateway_path, path, f"b{number:08x}"))
        for where, answer, _ in attacker.hear(PATIENCE):
            if where is made:
                return (made, gateway_path) if b" 200" in answer.partition(b"\r\n")[0] else None
    return None


def _chunk(to: str, own_path: str, number: int) -> Iterable[bytes]:
    yield msrp_send(to, own_path, f"c{number:08x}", b"", total=CHUNK, end=False)
    for _ in range((CHUNK - SHORT) // PIECE):
        yield b"x" * PIECE
