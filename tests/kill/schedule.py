"""What happens in a run, drawn from one seed: letters and when they are due, treatments at the far end, kills.

The machine's own timing is not in the seed: two runs send the same bodies on the same schedule, meet the same slow and
refusing receivers and are killed after the same delays, and still interleave differently.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from random import Random
from typing import NamedTuple

TO_MSRP = "to-msrp"
TO_PAGE = "to-page"
WAYS = (TO_MSRP, TO_PAGE)

EARLIEST, LATEST = 0.3, 3.0
"""Seconds after it is ready in which the victim is killed."""
REFUSALS = {TO_MSRP: (403, 413, 415), TO_PAGE: (403, 480, 486, 603)}
"""What a receiver that refuses says: MSRP statuses, SIP statuses."""


class Letter(NamedTuple):
    """One message of a conversation."""

    number: int
    due: float
    """Seconds after the start of the load."""
    key: str
    """First word of its body: names it in the ledger."""
    body: bytes


class Treatment(NamedTuple):
    """How its receiver deals with a letter, whenever and however often it comes."""

    delay: float
    """Seconds until it is answered."""
    refusal: int | None


class Kill(NamedTuple):
    """One kill to come."""

    victim: str
    """``gateway`` or ``database``."""
    after: float
    """Seconds after the gateway said that it is ready."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """All that is drawn beforehand. ``rate`` is messages a second each way, over all conversations of that way."""

    seed: int = 1
    kills: int = 20
    database_kills: int = 0
    rate: float = 500.0
    conversations: int = 200
    """Each way. Half of the load is in a tenth of them, so that some are busy and most have a message now and then."""
    two_way: float = 0.25
    """Share of the conversations whose two ways are one session of the gateway, so that set-ups meet."""
    strict: float = 0.25
    """Share of page users who answer 482 to a request that came by another way before (RFC 3261 s8.2.2.2)."""
    slow: float = 0.05
    refused: float = 0.003

    def moments(self) -> list[Kill]:
        """Every kill, in order."""
        random = Random(f"{self.seed} kills")
        victims = ["gateway"] * self.kills + ["database"] * self.database_kills
        random.shuffle(victims)
        return [Kill(victim, random.uniform(EARLIEST, LATEST)) for victim in victims]

    def people(self, way: str, conversation: int) -> int:
        """Number of the two people who have this conversation, one at each far end."""
        if way == TO_MSRP or conversation < self.two_way * self.conversations:
            return conversation
        return self.conversations + conversation

    def is_strict(self, people: int) -> bool:
        """Whether the page user of this number is one of those."""
        return Random(f"{self.seed} strict {people}").random() < self.strict

    def pause(self, conversation: int) -> float:
        """Mean seconds between two letters of a conversation; every tenth is a busy one."""
        busy = -(-self.conversations // 10)
        if self.conversations == busy:
            return self.conversations / self.rate
        return 2 / self.rate * (busy if conversation % 10 == 0 else self.conversations - busy)

    def letters(self, way: str, conversation: int) -> Iterator[Letter]:
        """One letter after the other, without end."""
        random = Random(f"{self.seed} {way} {conversation}")
        pause = self.pause(conversation)
        due = random.uniform(0, pause)
        number = 0
        while True:
            key = f"{way}/{conversation}/{number}"
            body = f"{key} ".encode() + b"x" * random.randrange(10, 400)
            yield Letter(number, due, key, body)
            number += 1
            due += random.expovariate(1 / pause)

    def treatment(self, key: str) -> Treatment:
        """How the receiver of the letter deals with it: most are answered at once."""
        dice = int.from_bytes(blake2b(f"{self.seed} {key}".encode(), digest_size=8).digest())
        slow, refused, delay, code = (dice >> shift & 0xFFFF for shift in (0, 16, 32, 48))
        codes = REFUSALS[key.partition("/")[0]]
        if refused < self.refused * 0x10000:
            return Treatment(0.0, codes[code % len(codes)])
        return Treatment(0.1 + 0.3 * delay / 0x10000 if slow < self.slow * 0x10000 else 0.0, None)
