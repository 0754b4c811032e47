"""Fixtures of the SIP tests."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator

import pytest


@pytest.fixture
def no_collector() -> Iterator[Callable[[type], int]]:
    """No garbage is collected while the test runs; the fixture counts the objects of a class and of its subclasses."""
    gc.collect()
    gc.disable()
    yield lambda kind: sum(issubclass(type(each), kind) for each in gc.get_objects())
    gc.enable()
