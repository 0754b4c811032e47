"""Datagrams that are expensive to read."""

from __future__ import annotations

from bench.hostile.attacker import STRANGER, TRUSTED, Attacker
from bench.hostile.frames import header, sip_request, status
from bench.hostile.victim import processor_of

SIZES = (8, 16, 32, 60)
"""Thousands of octets."""
PATIENCE = 30.0


def nul_of_stranger(attacker: Attacker) -> None:
    """From one address that is no peer's."""
    _nul(attacker, STRANGER)


def nul_of_peer(attacker: Attacker) -> None:
    """From a peer, whose datagrams are read to their end."""
    _nul(attacker, TRUSTED)


def _nul(attacker: Attacker, host: str) -> None:
    """A NUL, then a quoted string that never ends, of nothing but quoted quotes."""
    out, peer = attacker.udp(host), attacker.udp(TRUSTED)
    gateway = f"sip:{attacker.aim.sip[0]}:{attacker.aim.sip[1]}"
    attacker.begin()
    costs = []
    for number, size in enumerate(SIZES):
        before = processor_of(attacker.aim.pid)
        plain = sip_request("MESSAGE", gateway, out.getsockname(), number, headers=['Subject: \0"'])
        quotes = b'\\"' * ((size * 1000 - len(plain)) // 2)
        attacker.send(out, plain.replace(b'\0"', b'\0"' + quotes))
        for fence in range(2):  # what is asked after it may be answered before it, once
            ask = sip_request("OPTIONS", gateway, peer.getsockname(), 100 * number + fence)
            attacker.send(peer, ask)
            call_id = header(ask, "Call-ID")
            for _, data, _ in attacker.hear(PATIENCE):
                if status(data) >= 200 and header(data, "Call-ID") == call_id:
                    break
        costs.append(f"{processor_of(attacker.aim.pid) - before:.2f}")
    attacker.done.notes.append(f"CPU s by size {'/'.join(map(str, SIZES))} kB: {'/'.join(costs)}")
