"""``python -m tests.fuzz TARGET [--seconds N | --runs N]``: fuzz one target, or all of them, and say what came of it.

By atheris where that is installed, which finds its way by coverage; otherwise by the mutations of the test run, from
another seed each time. What was found is written to ``.fuzz/TARGET/found`` as files, which ``--read FILE`` runs again.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import subprocess
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.fuzz.mutation import mutations
from tests.fuzz.target import HERE, Target
from tests.fuzz.targets import TARGETS

WORK: Final = Path(".fuzz")
"""Inputs that were interesting, kept from run to run, and findings."""
LONGEST_RUN: Final = 20
"""Seconds of one input, after which it is a finding."""

_figures = re.compile(r"#(\d+)\s.*?cov: (\d+) ft: (\d+) corp: (\d+)").findall
_artifact = re.compile(r"Test unit written to (\S+)").findall
_executions = re.compile(r"stat::number_of_executed_units:\s*(\d+)").search
_slowest = re.compile(r"stat::slowest_unit_time_sec:\s*(\d+)").search
_memory = re.compile(r"stat::peak_rss_mb:\s*(\d+)").search


@dataclass
class Outcome:
    """What came of a run."""

    inputs: int
    seconds: float
    coverage: str
    found: list[str]

    def __str__(self) -> str:
        found = f"{len(self.found)} found: {', '.join(self.found)}" if self.found else "nothing found"
        return f"{self.inputs} inputs, {self.inputs / max(self.seconds, 0.001):.0f}/s, {self.coverage}; {found}"


def dictionary(target: Target) -> Path:
    """The target's words as libFuzzer reads them."""
    path = WORK / target.name / "words.dict"
    lines = (
        f'w{number}="' + "".join(f"\\x{octet:02x}" for octet in word) + '"' for number, word in enumerate(target.words)
    )
    path.write_text("\n".join(lines) + "\n")
    return path


def by_atheris(target: Target, seconds: int, runs: int) -> Outcome:
    """A process of libFuzzer's, over the seeds, what was found before, and what earlier runs kept."""
    folder = WORK / target.name
    kept, found = folder / "kept", folder / "found"
    for each in (kept, found):
        each.mkdir(parents=True, exist_ok=True)
    seeds = [folder for folder in (HERE / kind / target.name for kind in ("seeds", "regressions")) if folder.is_dir()]
    limit = [f"-runs={runs}"] if runs else [f"-max_total_time={seconds}"]
    options = [
        *(f"-dict={dictionary(target)}", f"-artifact_prefix={found}/", f"-max_len={target.longest}"),
        *(f"-timeout={LONGEST_RUN}", "-rss_limit_mb=2048", "-print_final_stats=1", "-report_slow_units=5", *limit),
    ]
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.with_atheris", target.name, *options, str(kept), *map(str, seeds)],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    spent = time.monotonic() - begun
    (folder / "log").write_text(done.stdout + done.stderr)
    figures = _figures(done.stderr)
    executed = _executions(done.stderr)
    inputs = int(executed[1]) if executed else int(figures[-1][0]) if figures else 0
    slowest, memory = _slowest(done.stderr), _memory(done.stderr)
    coverage = "coverage {1}, features {2}, {3} inputs kept".format(*figures[-1]) if figures else "no coverage"
    coverage += f", slowest {slowest[1]} s" if slowest else ""
    coverage += f", {memory[1]} MB" if memory else ""
    failed = _artifact(done.stderr) + _artifact(done.stdout)
    if done.returncode and not failed:
        failed = [f"ended with {done.returncode}, see {folder / 'log'}"]
    return Outcome(inputs, spent, coverage, failed)


def by_chance(target: Target, seconds: int, runs: int) -> Outcome:
    """The mutations of the test run, from a seed that is another one each time."""
    folder = WORK / target.name / "found"
    folder.mkdir(parents=True, exist_ok=True)
    found: list[str] = []
    begun = time.monotonic()
    inputs = 0
    for data in mutations(target, runs or 1 << 40, seed=time.time_ns()):
        inputs += 1
        try:
            target.run(data)
        except Exception:
            path = folder / f"{inputs}"
            path.write_bytes(data)
            found.append(str(path))
            traceback.print_exc()
        if not runs and time.monotonic() - begun > seconds:
            break
    return Outcome(inputs, time.monotonic() - begun, "no coverage without atheris", found)


def main() -> int:
    """How many targets have found something."""
    asked = argparse.ArgumentParser(prog="python -m tests.fuzz")
    asked.add_argument("target", choices=[*TARGETS, "all"])
    asked.add_argument("--seconds", type=int, default=30)
    asked.add_argument("--runs", type=int, default=0)
    asked.add_argument("--read", type=Path, help="run this one input only")
    asked.add_argument("--by-chance", action="store_true", help="without atheris")
    options = asked.parse_args()
    wanted = list(TARGETS.values()) if options.target == "all" else [TARGETS[options.target]]
    if options.read:
        wanted[0].run(options.read.read_bytes())
        print("nothing found")
        return 0
    here = importlib.util.find_spec("atheris") is not None and not options.by_chance
    faults = 0
    for target in wanted:
        (WORK / target.name).mkdir(parents=True, exist_ok=True)
        outcome = (by_atheris if here else by_chance)(target, options.seconds, options.runs)
        faults += bool(outcome.found)
        print(f"{target.name}: {outcome}", flush=True)
    return faults


if __name__ == "__main__":
    sys.exit(main())
