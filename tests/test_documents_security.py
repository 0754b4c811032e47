"""docs/security.md and deploy/README.md name what there is: each test, each setting, each default of a bound."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest

from sessions_app.conf import GatewayConfig
from tests.test_defects import ROOT, names_in

PAGES = {name: (ROOT / name).read_text() for name in ("docs/security.md", "deploy/README.md", "README.md")}
SECURITY = PAGES["docs/security.md"]

DEFAULTS = {f"GATEWAY_{field.name.upper()}": field.default for field in fields(GatewayConfig)}
OTHERS = set(re.findall(r'"([A-Z][A-Z_]+)"', (ROOT / "gateway_project" / "settings.py").read_text()))
"""What the settings read from the environment by name."""
NO_SETTINGS = {"RLIMIT_NOFILE"}

_test = re.compile(r"`(tests/[\w/]+\.py)::([\w:]+)`")
_setting = re.compile(r"`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=[^`]*)?`")
_default = re.compile(r"^\| `(GATEWAY_[A-Z_]+)` \| ([0-9][0-9,.]*)( MiB|)\b[^|]*\|", re.MULTILINE)


def test_every_test_that_is_named_exists() -> None:
    named = _test.findall(SECURITY)
    assert SECURITY.count("::") == len(named) + sum(name.count("::") for _, name in named)
    assert [f"{path}::{name}" for path, name in named if name not in names_in(ROOT / path)] == []


def test_every_promise_names_a_test_that_shows_it() -> None:
    promised = SECURITY.partition("\n## What is promised\n")[2].partition("\n## Not promised\n")[0]
    rows = [line.strip("| ").split(" | ") for line in promised.splitlines() if line.startswith("| ")]
    shown = [row[-1] for row in rows if row[-1] != "shown by"]
    assert len(shown) > 50
    assert [cell for cell in shown if _test.match(cell.lstrip("| ")) is None] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_setting_that_is_named_exists(page: str) -> None:
    named = set(_setting.findall(PAGES[page]))
    assert named
    assert named - NO_SETTINGS - OTHERS - set(DEFAULTS) == set()


@pytest.mark.parametrize(("page", "least"), [("deploy/README.md", 15), ("README.md", 10)])
def test_the_defaults_are_those_of_the_code(page: str, least: int) -> None:
    rows = _default.findall(PAGES[page])
    assert len(rows) >= least
    for name, number, unit in rows:
        assert float(number.replace(",", "")) * (1 << 20 if unit else 1) == DEFAULTS[name], name
