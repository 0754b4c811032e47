"""Mutations by a seeded generator: the same ones each time, without a coverage-guided engine."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from tests.fuzz.target import Target

_ODD = (
    b"\0",
    b"\xff",
    b"\r\n",
    b"\n",
    b" ",
    b'"',
    b"\\",
    b"<",
    b";",
    b"=",
    b"%",
    b"-",
    b"0",
    b"9" * 20,
    b"a" * 70,
    b"\xed\xa0\x80",
)


def mutations(target: Target, count: int, seed: int = 0) -> Iterator[bytes]:
    """``count`` inputs made of the target's seeds and words."""
    chance = random.Random(f"{target.name} {seed}")
    corpus = target.seeds() or [b""]
    for _ in range(count):
        data = bytearray(chance.choice(corpus))
        for _ in range(chance.choice((1, 1, 2, 3, 5, 12))):
            _mutate(data, chance, corpus, target.words)
        yield bytes(data[: target.longest])


def _mutate(data: bytearray, chance: random.Random, corpus: Sequence[bytes], words: Sequence[bytes]) -> None:
    at = chance.randint(0, len(data))
    length = min(len(data) - at, chance.choice((1, 1, 2, 4, 9, 30, 200)))
    match chance.randint(0, 9):
        case 0:
            del data[at : at + length]
        case 1:
            data[at:at] = data[at : at + length] * chance.choice((1, 2, 20))
        case 2 | 3 | 4:
            data[at : at + chance.choice((0, length))] = chance.choice(words)
        case 5:
            data[at : at + chance.choice((0, length))] = chance.choice(_ODD)
        case 6:
            if at < len(data):
                data[at] ^= 1 << chance.randint(0, 7)
        case 7:
            data[at : at + length] = bytes(chance.randrange(256) for _ in range(length))
        case 8:
            other = chance.choice(corpus)
            begin = chance.randint(0, len(other))
            data[at : at + length] = other[begin : begin + chance.choice((4, 20, 100, 1000))]
        case _:
            other_at = chance.randint(0, len(data))
            piece = bytes(data[at : at + length])
            del data[at : at + length]
            data[other_at:other_at] = piece
