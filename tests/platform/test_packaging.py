"""`pip install .`: what an installation has, what it is called, and that it runs away from the checkout."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from sessions_app import __version__

PROJECT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text())
BUILD = PYPROJECT["tool"]["setuptools"]
FLOORS = ("protocols", "sessions_app", "gateway_project")
NO_FILES = {".pyc"}


def source_of(package: str) -> Path:
    """Where a package that is installed stands in the tree."""
    return PROJECT / BUILD["package-dir"].get(package, package.replace(".", "/"))


def shipped() -> dict[str, Path]:
    """What the lists in pyproject.toml select: the path in an installation, and the file."""
    found = {}
    for package in BUILD["packages"]:
        source = source_of(package)
        for pattern in ("*.py", *BUILD["package-data"].get(package, [])):
            for path in source.glob(pattern):
                if path.is_file():
                    found[f"{package.replace('.', '/')}/{path.relative_to(source)}"] = path
    return found


def test_every_file_of_the_product_is_in_an_installation():
    folders = [*(PROJECT / floor for floor in FLOORS), PROJECT / "templates"]
    files = {path for folder in folders for path in folder.rglob("*") if path.is_file() and path.suffix not in NO_FILES}
    assert sorted(str(path.relative_to(PROJECT)) for path in files - set(shipped().values())) == []


def test_nothing_else_is():
    assert {package.partition(".")[0] for package in BUILD["packages"]} == set(FLOORS)
    assert [package for package in BUILD["packages"] if not source_of(package).is_dir()] == []


def test_it_needs_what_the_checkout_needs():
    assert "dependencies" in PYPROJECT["project"]["dynamic"]
    assert BUILD["dynamic"]["dependencies"] == {"file": ["requirements.txt"]}
    # Whoever reads that file in a build knows comments and requirements, and no options of pip's.
    lines = [line for line in (PROJECT / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    assert [line for line in lines if not re.match(r"[\w-]+(\[\w+\])?==[\w.]+( +# |$)", line)] == []


def test_the_version_of_the_code_is_that_of_the_project():
    assert PYPROJECT["project"]["version"] == __version__


def test_the_parley_command_is_there():
    module, _, name = PYPROJECT["project"]["scripts"]["parley"].partition(":")
    assert callable(getattr(importlib.import_module(module), name))


@pytest.fixture
def installed(tmp_path):
    """`installed("check")`: the command of a copy that is laid out as an installation is, run in a folder elsewhere."""
    library, elsewhere = tmp_path / "library", tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name, path in shipped().items():
        (library / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, library / name)
    program = "import sys; sys.argv[0] = 'parley'; from gateway_project.command_line import main; main()"

    def installed(*command: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", program, *command],
            cwd=elsewhere,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(library), "PYTHONSAFEPATH": "1"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    installed.library, installed.elsewhere = library, elsewhere
    return installed


def test_it_says_its_version(installed):
    assert installed("version") == installed("--version") == f"Parley {__version__}\n"


def test_it_runs_away_from_the_checkout_and_keeps_its_state_in_the_folder_that_it_is_started_in(installed):
    assert "no issues" in installed("check")
    assert {path.name for path in installed.elsewhere.iterdir()} == {"var"}
    assert not (installed.library / "var").exists()
    assert "rungateway" in installed("help")


def test_it_has_its_templates_and_static_files(installed):
    assert str(installed.library / "sessions_app/static/sessions_app/pages.css") in installed(
        "findstatic", "sessions_app/pages.css", "--first"
    )
    names = [str(path.relative_to(PROJECT / "templates")) for path in (PROJECT / "templates").rglob("*.html")]
    show = (
        f"from django.template.loader import get_template as get; print(*(get(n).origin for n in {names}), sep='\\n')"
    )
    origins = installed("shell", "--no-imports", "-c", show).splitlines()
    assert origins == [str(installed.library / "sessions_app/templates" / name) for name in names]


def test_the_worker_has_the_state_folder_of_the_process_that_starts_it(settings, monkeypatch):
    from gateway_project import worker

    given = {}
    monkeypatch.setattr(worker.subprocess, "Popen", lambda command, **arguments: given.update(arguments))
    worker.Worker()._launch()
    assert given["env"]["PARLEY_STATE_DIR"] == str(settings.STATE_DIR)
