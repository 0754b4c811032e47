"""What a fuzz target is: octets in, and an exception where an invariant does not hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Target:
    """``run`` takes any octets at all. Whatever it raises is a finding.

    ``covers``: the modules that it is there for. ``words``: what its inputs are made of, for mutations. ``calls``: how
    many function calls it may take for each octet, and for an input by itself; see :mod:`tests.fuzz.effort`.
    """

    name: str
    run: Callable[[bytes], object]
    covers: tuple[str, ...]
    words: Sequence[bytes]
    calls: tuple[int, int] = (40, 6_000)
    longest: int = 4_096
    """Octets of an input that is made by chance."""
    mutations: int = 4_000
    """How many of them a test run tries."""

    def seeds(self) -> list[bytes]:
        """Inputs as peers send them, made for this."""
        return _files(HERE / "seeds" / self.name)

    def regressions(self) -> dict[str, bytes]:
        """Inputs that have been findings, by their names."""
        folder = HERE / "regressions" / self.name
        return {path.name: path.read_bytes() for path in sorted(folder.glob("*")) if path.is_file()}


def _files(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.glob("*")) if path.is_file()]
