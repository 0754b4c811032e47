"""Requests whose answers, or what becomes of them, are repeated for half a minute (RFC 3261 s17, Timers A, G and H)."""

from __future__ import annotations

from collections import Counter

from bench.hostile.attacker import ELSEWHERE, STRANGER, TRUSTED, Attacker
from bench.hostile.frames import header, invite, message, status

SPAN = 33.0
"""Seconds after which the last repeat has come: 64 * T1, and one more."""
SENDS = 2.0
"""Seconds in which the requests are sent."""
STRANGERS_RATE = 500
"""Requests a second."""
RATE = 4000


def nothing(attacker: Attacker) -> None:
    """Nothing at all: what the others are compared with."""
    attacker.begin()
    attacker.listen(attacker.aim.seconds)


def stranger_invite(attacker: Attacker) -> None:
    """INVITEs with an offer from one address that could as well be forged."""
    out = attacker.udp(STRANGER)
    own = out.getsockname()
    attacker.begin()
    for number in attacker.paced(STRANGERS_RATE, SENDS):
        attacker.send(out, invite(f"sip:bob@{ELSEWHERE}", own, number, f"msrp://{STRANGER}:2855/s{number};tcp"))
    _count_repeats(attacker, "answers")


def new_keys(attacker: Attacker) -> None:
    """Each MESSAGE makes the gateway call an address of the attacker's choice."""
    out, elsewhere = attacker.udp(TRUSTED), attacker.udp(ELSEWHERE)
    own, port = out.getsockname(), elsewhere.getsockname()[1]
    attacker.begin()
    for number in attacker.paced(RATE, SENDS):
        attacker.send(out, message(f"sip:t{number}@{ELSEWHERE}:{port}", own, number, user=f"m{number}"))
    _count_repeats(attacker, "INVITEs", "INVITE ")


def no_ack(attacker: Attacker) -> None:
    """Each INVITE is answered 200, again and again."""
    out = attacker.udp(TRUSTED)
    own = out.getsockname()
    attacker.begin()
    for number in attacker.paced(RATE, SENDS):
        path = f"msrp://{TRUSTED}:2855/s{number};tcp"
        attacker.send(out, invite(f"sip:alice{number}@{TRUSTED}:{own[1]}", own, number, path, user=f"m{number}"))
    _count_repeats(attacker, "answers")


def _count_repeats(attacker: Attacker, what: str, method: str = "SIP/2.0 ") -> None:
    """Listen until there is nothing more to come; how many a dialog of these there were, most and in all."""
    by_call: Counter[str] = Counter()
    codes: Counter[int] = Counter()
    for _, data, _ in attacker.hear(SPAN):
        if data.startswith(method.encode()):
            by_call[header(data, "Call-ID")] += 1
            codes[status(data)] += 1
    by_code = "".join(f", {number} of {code}" for code, number in sorted(codes.items()) if code)
    most = max(by_call.values(), default=0)
    attacker.done.notes.append(f"{by_call.total()} {what}, {most} a call at most{by_code}")
