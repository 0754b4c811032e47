"""`python -m tests.kill`: exit 0 only if the verdict is clean."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter

import uvloop

from tests.kill.run import Outcome, run
from tests.kill.schedule import Schedule
from tests.kill.verdict import VIOLATIONS


def main(arguments: list[str] | None = None) -> int:
    """Run what the arguments say, print the table."""
    usual = Schedule()
    parser = argparse.ArgumentParser(
        prog="python -m tests.kill", description="Kill the gateway under load, again and again."
    )
    parser.add_argument("--kills", type=int, default=usual.kills, help="SIGKILLs of the gateway (%(default)s)")
    parser.add_argument("--database-kills", type=int, default=0, help="SIGKILLs of its PostgreSQL (%(default)s)")
    parser.add_argument("--rate", type=float, default=usual.rate, help="messages a second each way (%(default)s)")
    parser.add_argument("--conversations", type=int, default=usual.conversations, help="each way (%(default)s)")
    parser.add_argument("--two-way", type=float, default=usual.two_way, help="share that is one session (%(default)s)")
    parser.add_argument("--strict", type=float, default=usual.strict, help="share of 482 to repeats (%(default)s)")
    parser.add_argument("--slow", type=float, default=usual.slow, help="share answered late (%(default)s)")
    parser.add_argument("--refused", type=float, default=usual.refused, help="share refused (%(default)s)")
    parser.add_argument("--seed", type=int, default=usual.seed)
    parser.add_argument("--traces", type=int, default=3, help="traces printed of each kind of violation (%(default)s)")
    parser.add_argument(
        "--json", action="store_true", help="the result as one JSON object on stdout, progress on stderr"
    )
    given = vars(parser.parse_args(arguments))
    as_json, traces = given.pop("json"), given.pop("traces")
    stream = sys.stderr if as_json else sys.stdout
    outcome = uvloop.run(run(Schedule(**given), lambda line: print(line, file=stream, flush=True)))
    _print(outcome, traces, stream)
    if as_json:
        print(json.dumps(_result(outcome, given)))
    return 0 if outcome.clean else 1


def _print(outcome: Outcome, traces: int, stream) -> None:
    print(outcome.verdict, file=stream)
    for name, number in sorted(outcome.ledger.counts.items()):
        print(f"  {name}: {number:,}", file=stream)
    print(f"  SIP requests sent again by their timers: {outcome.repeats:,}", file=stream)
    print(
        f"  {outcome.rate:,.0f} messages/s both ways together while the gateway ran;"
        f" {outcome.seconds:.1f} s, {outcome.down:.1f} s of them without it",
        file=stream,
    )
    for line in outcome.internal_errors[:10]:
        print(f"! {line}", file=stream)
    if outcome.verdict.violations:
        print(outcome.traces(traces), file=stream)
    print("clean" if outcome.clean else "NOT CLEAN", file=stream)


def _result(outcome: Outcome, given: dict) -> dict:
    total = Counter()
    for column in outcome.verdict.table.values():
        total.update(column)
    return {
        "clean": outcome.clean,
        "run": given,
        "kills": Counter(outage.victim for outage in outcome.ledger.outages),
        "rate": round(outcome.rate, 1),
        "seconds": round(outcome.seconds, 1),
        "violations": {name: total[name] for name in VIOLATIONS},
        "table": outcome.verdict.table,
        "rows": {f"{direction} {state}": n for (direction, state), n in outcome.verdict.rows.items()},
        "failures": outcome.verdict.failures,
        "anomalies": outcome.verdict.anomalies[:100],
        "internal_errors": len(outcome.internal_errors),
        "slowest_restart": round(max((o.until - o.at for o in outcome.ledger.outages), default=0.0), 2),
    }


if __name__ == "__main__":
    sys.exit(main())
