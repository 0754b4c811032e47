"""docs/defects.md keeps what it promises: a row for each defect, and behind each row a test that exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "docs" / "defects.md").read_text()
DEFECTS = range(1, 44)

_row = re.compile(r"^\| D([0-9]+) \| (.+?) \| (.+) \|$", re.MULTILINE)
_test = re.compile(r"`(tests/[\w/]+\.py)::([\w:]+)`")


def names_in(path: Path) -> set[str]:
    """Names as they stand behind ``path::``, those of methods with their class."""
    if not path.is_file():
        return set()
    names: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.ClassDef):
            names |= {f"{node.name}::{each.name}" for each in node.body if isinstance(each, ast.FunctionDef)}
    return {name for name in names if name.rpartition("::")[2].startswith("test_")}


ROWS = {int(number): guard for number, _, guard in _row.findall(TEXT)}


def test_every_defect_has_one_row() -> None:
    assert sorted(int(number) for number, _, _ in _row.findall(TEXT)) == list(DEFECTS)


@pytest.mark.parametrize("number", DEFECTS)
def test_every_defect_is_guarded_or_cannot_occur(number: int) -> None:
    guard = ROWS[number]
    assert _test.search(guard) or guard.startswith("Cannot occur: ")


def test_every_test_that_is_named_exists() -> None:
    named = _test.findall(TEXT)
    assert TEXT.count("`tests/") == len(named) + TEXT.count("`tests/test_defects.py`")
    assert [f"{path}::{name}" for path, name in named if name not in names_in(ROOT / path)] == []
