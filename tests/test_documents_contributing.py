"""What is written for people who join in names what there is: files, tests, make targets, settings, the version."""

from __future__ import annotations

import re
import tomllib

import pytest

from sessions_app import __version__
from tests.test_defects import ROOT, names_in
from tests.test_documents_security import DEFAULTS, OTHERS

NAMES = [
    *("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "deploy/README.md"),
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / ".github").rglob("*.md")),
]
PAGES = {name: (ROOT / name).read_text() for name in NAMES}
CONTRIBUTING = PAGES["CONTRIBUTING.md"]
FOLDERS = ("protocols/", "sessions_app/", "gateway_project/", "templates/", "tests/", "docs/", "deploy/", "bench/")

_link = re.compile(r"\]\(([^()\s]+)\)")
_path = re.compile(r"`([\w./*-]+)(?:::[\w:]+)?`")
_test = re.compile(r"`(tests/[\w/]+\.py)::([\w:]+)`")
_make = re.compile(r"\bmake ([a-z-]+)(?=[` ]|$)", re.MULTILINE)
_code = re.compile(r"`[^`\n]+`|^    .+$", re.MULTILINE)
_target = re.compile(r"^([a-z-]+):", re.MULTILINE)


def anchors(text: str) -> set[str]:
    """Of the headings of a page, as a repository host makes them."""
    return {
        re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    }


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    for link in _link.findall(PAGES[page]):
        if link.startswith(("https://", "http://")):
            continue
        name, _, anchor = link.partition("#")
        target = (ROOT / page).parent / name if name else ROOT / page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text()), link


def test_every_file_and_test_that_is_named_for_a_change_exists() -> None:
    paths = {path for path in _path.findall(CONTRIBUTING) if path.startswith(FOLDERS)}
    assert len(paths) > 30
    assert sorted(path for path in paths if not any(ROOT.glob(path))) == []
    named = _test.findall(CONTRIBUTING)
    assert CONTRIBUTING.count("::") == len(named) + sum(name.count("::") for _, name in named)
    assert [f"{path}::{name}" for path, name in named if name not in names_in(ROOT / path)] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_make_target_that_is_named_is_one(page: str) -> None:
    targets = set(_target.findall((ROOT / "Makefile").read_text()))
    named = {name for code in _code.findall(PAGES[page]) for name in _make.findall(code)}
    assert named - targets == set()
    assert named or page not in {"README.md", "CONTRIBUTING.md"}


def test_the_test_command_of_the_readme_is_what_ci_runs_after_the_check() -> None:
    commands = re.findall(r"^(?:exec )?(make \w+)", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    assert commands == ["make check", "make test"]
    assert "\n    make test\n" in PAGES["README.md"]


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"])
def test_every_setting_that_is_named_exists(page: str) -> None:
    named = set(re.findall(r"`((?:GATEWAY|PARLEY|SIP|MSRP)_[A-Z_]+)`", PAGES[page]))
    assert named - OTHERS - set(DEFAULTS) == set()


def test_the_changelog_has_the_version_and_every_part_is_a_known_kind() -> None:
    changes = PAGES["CHANGELOG.md"]
    assert f"## [{__version__}]" in changes or f"## [Unreleased]\n\nTo be {__version__}." in changes
    kinds = {"Upgrade", "Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.+)$", changes, re.MULTILINE)) <= kinds


def test_the_hooks_before_a_commit_run_the_tools_that_the_requirements_pin() -> None:
    entries = re.findall(r"entry: \.venv/bin/(\w+)", (ROOT / ".pre-commit-config.yaml").read_text())
    pinned = (ROOT / "requirements-dev.txt").read_text()
    assert entries
    assert [tool for tool in entries if f"\n{tool}==" not in pinned] == []
    assert "https:" not in (ROOT / ".pre-commit-config.yaml").read_text()


def test_the_tools_know_the_python_that_the_project_asks_for() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert settings["project"]["requires-python"] == f">={settings['tool']['mypy']['python_version']}"
