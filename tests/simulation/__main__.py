"""`python -m tests.simulation`: many runs, what they found, and the shortest schedule for each rule that was broken."""

from __future__ import annotations

import argparse
import os
import sys
import time

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")


def main(arguments: list[str] | None = None) -> int:
    """Search as the arguments say; 0 only if no rule was broken."""
    import django

    django.setup()
    from tests.simulation.rules import RULES
    from tests.simulation.run import Run, trace
    from tests.simulation.search import Finds, breaks, search, shrink

    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--examples", type=int, default=1000, help="runs for each seed (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="the first one (%(default)s)")
    parser.add_argument("--seeds", type=int, default=1, help="how many, one after the other (%(default)s)")
    parser.add_argument("--steps", type=int, default=25, help="most steps of a schedule (%(default)s)")
    parser.add_argument(
        "--rule", action="append", default=[], help="only these rules are made small; the default is all"
    )
    parser.add_argument("--trace", action="store_true", help="print what went over the wires as well")
    parser.add_argument("--no-shrink", action="store_true", help="print no schedules")
    given = parser.parse_args(arguments)
    began = time.monotonic()
    total = Finds()
    for number in range(given.seed, given.seed + given.seeds):
        finds = search(given.examples, number, given.steps, lambda *_: None)
        total.add(finds)
        print(f"seed {number}: {finds.runs} runs, {sum(finds.broken.values())} violations", flush=True)
    print(
        f"{total.runs:,} runs, {total.steps:,} steps, {total.events:,} events, {total.seconds / 3600:,.0f} hours of the"
        f" worlds' time in {time.monotonic() - began:.0f} s"
    )
    for kind, times in sorted(total.broken.items()):
        rule = kind.partition(":")[0]
        print(f"\n{kind}\n  in {times} runs; {RULES[rule]}")
        if given.no_shrink or (given.rule and rule not in given.rule):
            continue
        small = shrink(total.shortest[kind], lambda schedule, kind=kind: breaks(schedule, kind))
        run = Run(small)()
        print(f"  {str(run.found[kind])[:400]}\n{small}", flush=True)
        if given.trace:
            print(trace(run), flush=True)
    return 1 if total.broken else 0


if __name__ == "__main__":
    sys.exit(main())
