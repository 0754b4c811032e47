"""As many MESSAGEs as one process can send."""

from __future__ import annotations

from bench.hostile.attacker import STRANGER, TRUSTED, Attacker
from bench.hostile.frames import message

NUMBER = 0xF100D000
"""In the ids of the one request that is written; every other one has its own number there."""


def by_stranger(attacker: Attacker) -> None:
    """From one address that is no peer's."""
    _flood(attacker, STRANGER)


def by_peer(attacker: Attacker) -> None:
    """From one peer and of one key, to somebody who does not answer the INVITE."""
    _flood(attacker, TRUSTED)


def _flood(attacker: Attacker, host: str) -> None:
    out, target = attacker.udp(host), attacker.udp(host)
    written = message(f"sip:t@{host}:{target.getsockname()[1]}", out.getsockname(), NUMBER)
    pieces = written.split(b"%08x" % NUMBER)  # to write each anew would be what takes the time
    attacker.begin()
    for number in attacker.unpaced(attacker.aim.seconds):
        attacker.send(out, (b"%08x" % number).join(pieces))
    attacker.listen(1)
