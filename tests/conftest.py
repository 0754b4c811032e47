"""What all tests share: a database without any set-up, and real peers that must not go missing unnoticed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable

import pytest

from tests.settings import STATE

# Settings are read by now (see tests/settings.py); what tests start as processes of their own is the real thing.
os.environ["DJANGO_SETTINGS_MODULE"] = "gateway_project.settings"


def pytest_unconfigure() -> None:
    from gateway_project.postgres.share import share_of

    share_of(STATE).release()
    shutil.rmtree(STATE, ignore_errors=True)


def find_program(name: str) -> str:
    """The path of a peer program.

    Without it the test is skipped; where PARLEY_REQUIRE_PEERS is set, as in CI, it fails.
    """
    found = shutil.which(name)
    if found is None:
        reason = f"program {name!r} is not installed"
        if os.environ.get("PARLEY_REQUIRE_PEERS"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest.fixture
def require_program() -> Callable[[str], str]:
    """`require_program("sipp")`: see find_program."""
    return find_program
