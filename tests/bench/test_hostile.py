"""The table of attacks: a good peer has its answers while a stranger sends what was once expensive to read."""

from pathlib import Path

import pytest

from bench.hostile.attacks import ROWS
from bench.hostile.trial import run
from bench.hostile.victim import Databases

HERE = Path(__file__).resolve().parents[2]


@pytest.fixture
def databases():
    made = Databases()
    yield made
    made.close()


def test_every_row_has_its_own_name():
    assert len({row.name for row in ROWS}) == len(ROWS)


def test_a_good_peer_is_answered_while_a_stranger_attacks(databases):
    (row,) = (row for row in ROWS if row.name == "nul")
    measured = run(row, HERE, databases, seconds=1)
    assert measured.asked > 0
    assert measured.failed == 0
    assert len(measured.answers) == measured.asked
    assert len(measured.lag) == measured.asked
    assert measured.done.sent >= 4
    assert measured.done.octets_in < measured.done.octets_out
