"""``python -m bench.hostile [--tree PATH ...] [--row NAME ...] [--seconds N]``: see the package."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.hostile.attacks import ROWS
from bench.hostile.trial import Measured, run
from bench.hostile.victim import Databases

HERE: Final = Path(__file__).resolve().parents[2]
COLUMNS: Final = (
    "attack",
    "checkout",
    "sent",
    "lag ms p99 / max",
    "answer ms p99 / max",
    "failed / asked",
    "RSS MB before > peak > after",
    "octets out / in",
    "CPU s",
    "what else",
)


def percentile(values: Sequence[float], part: float) -> float:
    """The value that so large a part of them does not exceed; NaN without values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else float("nan")


def cells(measured: Measured) -> list[str]:
    """A line of the table, from the third column on."""
    done = measured.done
    rate = f", {done.sent / done.sending:.0f}/s" if done.sending and done.unit != "connections" else ""
    kept = f" ({measured.kept} by 202)" if measured.kept else ""
    return [
        f"{done.octets_out / 1e6:.2f} MB, {done.sent} {done.unit}{rate}" if done.sent else "",
        _times(measured.lag),
        _times(measured.answers),
        f"{measured.failed} / {measured.asked}{kept}",
        f"{measured.before:.0f} > {measured.peak:.0f} > {measured.after:.0f}",
        f"{done.octets_in / done.octets_out:.2f}" if done.octets_out else "",
        f"{measured.processor:.1f}",
        "; ".join(measured.notes),
    ]


def _times(seconds: Sequence[float]) -> str:
    return f"{1000 * percentile(seconds, 0.99):.0f} / {1000 * max(seconds, default=float('nan')):.0f}"


def label(tree: Path) -> str:
    """The commit of a checkout, or its folder where it is none."""
    command = ["git", "-C", str(tree), "describe", "--always", "--dirty"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    return done.stdout.strip() or tree.name


def main() -> int:
    """Print the table, a line as soon as it is measured."""
    names = [row.name for row in ROWS]
    parser = argparse.ArgumentParser(prog="python -m bench.hostile", description="What attacks cost a gateway.")
    parser.add_argument(
        "--tree", action="append", type=Path, help="a checkout with its .venv; this one if none is named"
    )
    parser.add_argument("--row", action="append", choices=names, help="only these attacks")
    parser.add_argument(
        "--seconds",
        type=float,
        default=6.0,
        help="how long an attack goes on; those whose effect is repeats go on until the last one (33 s)",
    )
    options = parser.parse_args()
    trees = [tree.resolve() for tree in options.tree or [HERE]]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started is ended, too
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, attackers are niced\n")
    print("| " + " | ".join(COLUMNS) + " |\n" + "|---" * len(COLUMNS) + "|", flush=True)
    begin = time.monotonic()
    databases = Databases()
    try:
        for row in ROWS:
            if options.row and row.name not in options.row:
                continue
            for tree in trees:
                line = [row.name, label(tree), *cells(run(row, tree, databases, options.seconds))]
                print("| " + " | ".join(line) + " |", flush=True)
    finally:
        databases.close()
    print("\n" + "\n".join(f"{row.name}: {row.about}" for row in ROWS if not options.row or row.name in options.row))
    print(f"\n{time.monotonic() - begin:.0f} s, load {os.getloadavg()[0]:.1f} at the end")
    return 0


if __name__ == "__main__":
    sys.exit(main())
