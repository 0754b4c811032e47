"""One row on one checkout: a gateway, the good peer beside it, the attack, and what is measured of all three."""

from __future__ import annotations

import multiprocessing
import os
import re
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, Final

import psycopg

from bench.hostile import good_peer
from bench.hostile.attacker import Aim, Attacker, Done
from bench.hostile.attacks import ROWS, Attack
from bench.hostile.good_peer import Asked, Felt
from bench.hostile.victim import Databases, Victim

PROCESSES: Final = multiprocessing.get_context("spawn")
NICE: Final = 10
"""Of attackers."""
WITHIN: Final = 1.0
"""Seconds after the attack that are still measured: what it has left in the queues."""
LONGEST: Final = 120.0
"""Seconds that an attack may take, all in all."""
LATE: Final = 0.1
"""Seconds of the good peer's own lateness that are told: its figures are worse than they should be by as much."""


@dataclass(slots=True)
class Measured:
    """One line of the table. Times are seconds, sizes MB (10**6 octets)."""

    done: Done
    lag: list[float]
    answers: list[float]
    """Times of those messages that were answered 2xx."""
    asked: int
    failed: int
    """Messages that had another answer, or none."""
    kept: int
    """Messages that were answered 202."""
    before: float
    peak: float
    after: float
    processor: float
    notes: list[str]


def run(attack: Attack, tree: Path, databases: Databases, seconds: float) -> Measured:
    """Everything that it starts has ended when it returns."""
    name = f"row_{time.monotonic_ns()}"
    url = databases.copy_for(tree, name)
    if attack.sql:
        with psycopg.connect(url) as connection:
            connection.execute(attack.sql)
    victim = Victim(tree, url, dict(attack.environment), attack.descriptors)
    good, mallory = _Child(good_peer.main, victim.sip), None
    try:
        if good.hear(30) != "steady":
            raise SystemExit("the good peer did not get its answers")
        aim = Aim(victim.sip, victim.msrp, victim.http, victim.pid, seconds)
        mallory = _Child(_attack, attack.name, aim)
        if mallory.hear(60) != "ready":
            raise SystemExit("the attack was not ready")
        victim.forget_peak()
        before, processor = victim.resident, victim.processor
        mallory.pipe.send("go")
        done: Done = mallory.hear(LONGEST)
        time.sleep(WITHIN)
        processor = victim.processor - processor
        good.pipe.send("stop")
        felt: Felt = good.hear(LONGEST)
        peak, after = victim.peak, victim.resident
        return _measured(attack, done, felt, victim, before, peak, after, processor)
    finally:
        for child in (good, mallory):
            if child is not None:
                child.close()
        victim.close()
        databases.drop(name)


def _measured(
    attack: Attack, done: Done, felt: Felt, victim: Victim, before: float, peak: float, after: float, processor: float
) -> Measured:
    begin, end = done.began, done.ended + WITHIN
    closing = time.monotonic()

    def within(each: Asked) -> bool:
        return begin <= each.due <= end

    messages = [each for each in felt.messages if within(each)]
    answered = [each for each in messages if each.took is not None and each.code < 300]
    lag = [each.took if each.took is not None else closing - each.due for each in felt.options if within(each)]
    notes, output = list(done.notes), victim.output
    if attack.told:
        line = next((line for line in output if re.search(attack.told, line)), None)
        notes.append(f"the log says: {line}" if line else "the log says nothing of it")
    late = max((late for due, late in felt.late if begin <= due <= end), default=0.0)
    if late > LATE:
        notes.append(f"the good peer itself was late by {1000 * late:.0f} ms")
    if not victim.alive:
        notes.append("THE GATEWAY HAS ENDED")
    elif victim.dropped:
        notes.append(f"the kernel dropped {victim.dropped} datagrams unread")
    unasked = sum(each.took is None for each in felt.options if within(each))
    if unasked:
        notes.append(f"{unasked} OPTIONS without an answer")
    errors = sum("Traceback" in line for line in output)
    if errors:
        notes.append(f"{errors} tracebacks in the log")
    return Measured(
        done=done,
        lag=lag,
        answers=[each.took for each in answered if each.took is not None],
        asked=len(messages),
        failed=len(messages) - len(answered),
        kept=sum(each.code == 202 for each in answered),
        before=before,
        peak=peak,
        after=after,
        processor=processor,
        notes=notes,
    )


class _Child:
    """A process of the bench's own, and a pipe to it."""

    def __init__(self, work: Any, *arguments: Any) -> None:
        self.pipe, end = PROCESSES.Pipe()
        self._process: SpawnProcess = PROCESSES.Process(target=work, args=(*arguments, end), daemon=True)
        self._process.start()
        end.close()

    def hear(self, seconds: float) -> Any:
        """What it says next. Raises SystemExit if it says nothing so long, or has ended."""
        try:
            if self.pipe.poll(seconds):
                return self.pipe.recv()
        except EOFError:
            pass
        raise SystemExit(f"a process of the bench has said nothing for {seconds:.0f} s, or ended")

    def close(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.join()
        self.pipe.close()


def _attack(name: str, aim: Aim, pipe: Connection) -> None:
    """What an attacker's process runs: it says "ready", waits for its turn, and says what was done."""
    os.nice(NICE)

    def begin() -> None:
        pipe.send("ready")
        pipe.recv()

    (attack,) = (each for each in ROWS if each.name == name)
    attacker = Attacker(aim, begin)
    attack.run(attacker)
    attacker.done.ended = time.monotonic()
    pipe.send(attacker.done)
    attacker.close()
