"""`manage.py check --deploy` has nothing to say about the settings that deploy/ documents."""

import os
import re
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def documented(state_folder):
    """The environment of deploy/parley.env.example, with its blanks filled in."""
    text = (PROJECT / "deploy" / "parley.env.example").read_text(encoding="utf-8")
    found = dict(re.findall(r"^([A-Z_]+)=(.*)$", text, re.MULTILINE))
    return found | {"SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyz" * 2, "PARLEY_STATE_DIR": str(state_folder)}


def check(environment, *arguments):
    return subprocess.run(
        [sys.executable, "manage.py", "check", *arguments],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"]} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_production_settings_are_clean(state_folder):
    done = check(documented(state_folder), "--deploy", "--fail-level", "WARNING")
    assert (done.returncode, done.stderr) == (0, "")


def test_production_settings_without_https_are_told_off(state_folder):
    done = check(documented(state_folder) | {"HTTPS_ONLY": "0"}, "--deploy", "--fail-level", "WARNING")
    assert done.returncode != 0
    assert "SECURE_SSL_REDIRECT" in done.stderr


def test_debug_is_off_unless_asked(state_folder):
    bare = {"PARLEY_STATE_DIR": str(state_folder)}
    for environment, warned in ((bare, False), (bare | {"DEBUG": "1"}, True)):
        done = check(environment, "--deploy")
        assert ("security.W018" in done.stderr) is warned
