"""A user agent that answers every MESSAGE with another one, where each is a failure that somebody is told of."""

from __future__ import annotations

from bench.hostile.attacker import TRUSTED, Attacker
from bench.hostile.frames import message, sip_response, status


def run(attacker: Attacker) -> None:
    """The INVITEs that come of its MESSAGEs are refused; what it is then told makes it send the next."""
    machine, refuses = attacker.udp(TRUSTED), attacker.udp(TRUSTED)
    own, target = machine.getsockname(), f"sip:nobody@{TRUSTED}:{refuses.getsockname()[1]}"
    attacker.begin()
    attacker.send(machine, message(target, own, 0, user="machine"))
    notices = 0
    for to, data, source in attacker.hear(attacker.aim.seconds):
        if status(data) or data.startswith(b"ACK "):
            continue
        if to is refuses:
            attacker.send(refuses, sip_response(data, 486), source)
            continue
        attacker.send(machine, sip_response(data, 200), source)
        if data.startswith(b"MESSAGE "):
            notices += 1
            attacker.send(machine, message(target, own, notices, user="machine"))
    attacker.done.sending = attacker.aim.seconds
    attacker.done.notes.append(f"{notices} notices")
