"""More connections than the gateway has file descriptors for."""

from __future__ import annotations

import http.client
import socket
import time
from collections import Counter

from bench.hostile.attacker import TRUSTED, Attacker

CONNECTIONS = 600
EVERY = 0.25
"""Seconds between two looks at /healthz."""


def run(attacker: Attacker) -> None:
    """A peer opens them, and again where they are closed; whoever watches the gateway asks whether it is well."""
    attacker.begin()
    attacker.done.unit = "connections"
    answers: Counter[str] = Counter()
    held: list[socket.socket] = []
    deadline = time.monotonic() + attacker.aim.seconds
    while time.monotonic() < deadline:
        held = [each for each in held if each not in attacker.closed]
        held += [made for _ in range(CONNECTIONS - len(held)) if (made := attacker.connect(TRUSTED, attacker.aim.sip))]
        attacker.listen(EVERY)
        answers[health(attacker)] += 1
    attacker.done.sent = CONNECTIONS
    told = ", ".join(f"{what} x{number}" for what, number in answers.items())
    attacker.done.notes.append(f"{len(set(held) - attacker.closed)} of {CONNECTIONS} held, /healthz {told}")


def health(attacker: Attacker) -> str:
    """The code of /healthz, or what came instead of one."""
    connection = http.client.HTTPConnection(*attacker.aim.http, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return str(connection.getresponse().status)
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__
    finally:
        connection.close()
