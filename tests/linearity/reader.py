"""What the doubling test knows of a reader: its names, how it is given text, and where in that hostile text stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from tests.linearity.shapes import SHAPES, Shape

LARGEST: Final = 12_000
"""Characters of hostile text: half as much again as the longest header field."""
STREAM: Final = 192_000
"""The same for what comes in pieces, where it takes more to be seen how often something is looked at."""

Places = Sequence[tuple[str, str]]
WHOLE: Final[Places] = (("", ""),)


@dataclass(frozen=True, slots=True)
class Reader:
    """``read`` takes text; ``places`` are what stands in front of the hostile text in it, and behind.

    ``covers`` names the public functions, methods and properties that it reads by, as :mod:`tests.linearity.surface`
    names them. ``errors`` is the one family of exceptions that it may raise.
    """

    covers: tuple[str, ...]
    read: Callable[[Any], object]
    errors: tuple[type[Exception], ...] = ()
    places: Places = WHOLE
    octets: bool = False
    largest: int = LARGEST
    shapes: Sequence[Shape] = SHAPES

    def job(self, shape: Shape, place: tuple[str, str], size: int) -> Callable[[], object]:
        """One reading of a text of ``size``, what belongs to the family of its errors left out."""
        text = place[0] + shape.make(size) + place[1]
        given = text.encode("utf-8", "surrogatepass") if self.octets else text
        read, errors = self.read, self.errors

        def run() -> None:
            with suppress(*errors):
                read(given)

        return run

    def __str__(self) -> str:
        return self.covers[0].removeprefix("protocols.")


def in_pieces(size: int) -> Callable[[bytes], list[bytes]]:
    """Cuts octets into pieces of ``size``."""
    return lambda data: [data[at : at + size] for at in range(0, len(data), size)]
