"""A short run of every fuzz target: its seeds, what it has found, and thousands of mutations, always the same."""

from __future__ import annotations

import pytest

from tests.fuzz.effort import calls_of
from tests.fuzz.mutation import mutations
from tests.fuzz.target import Target
from tests.fuzz.targets import TARGETS
from tests.linearity.surface import text_takers
from tests.linearity.test_surface import STATE_MACHINES

PACKAGES = {"sip", "msrp", "payload"}
FOUND = [(name, found) for name, target in TARGETS.items() for found in target.regressions()]


@pytest.mark.parametrize(("name", "found"), FOUND, ids=["/".join(each) for each in FOUND])
def test_what_was_found_once_stays_mended(name: str, found: str) -> None:
    TARGETS[name].run(TARGETS[name].regressions()[found])


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_the_seeds_are_read(target: Target) -> None:
    assert target.seeds()
    for seed in target.seeds():
        target.run(seed)


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_mutations_break_no_invariant(target: Target) -> None:
    for data in mutations(target, target.mutations):
        try:
            target.run(data)
        except Exception as error:
            error.add_note(f"python -m tests.fuzz {target.name} reads it from a file: {data!r}")
            raise


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_the_work_is_bounded_by_the_octets(target: Target) -> None:
    an_octet, an_input = target.calls
    for data in (*target.seeds(), *target.regressions().values(), *mutations(target, target.mutations // 20, seed=1)):
        calls = calls_of(lambda: target.run(data))  # noqa: B023
        assert calls <= an_octet * len(data) + an_input, data


def test_every_module_that_reads_peers_text_is_in_some_target() -> None:
    """A new reader is named here until there is a target for it (see tests/fuzz/targets.py)."""
    reading = {name for name in text_takers() if not name.startswith(STATE_MACHINES)}
    modules = {".".join(name.split(".")[: 3 if name.split(".")[1] in PACKAGES else 2]) for name in reading}
    covered = {module for target in TARGETS.values() for module in target.covers}
    assert modules - covered == {"protocols.hep", "protocols.pcap"}  # they write
