"""How many connections there may be, of the descriptors that there are."""

from __future__ import annotations

import errno
import subprocess
import sys

import pytest

from protocols.descriptors import LEAST, RESERVE, connections_within, is_exhaustion


@pytest.mark.parametrize(("descriptors", "connections"), [(1024, 1024 - RESERVE), (RESERVE + 10, LEAST), (0, LEAST)])
def test_a_reserve_is_left_alone(descriptors: int, connections: int) -> None:
    assert connections_within(descriptors) == connections


def test_the_soft_limit_is_raised_to_the_hard_one() -> None:
    code = (
        "import resource\nfrom protocols.descriptors import raise_limit\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (300, 500))\n"
        "print(raise_limit(), resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "500 (500, 500)"


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
def test_a_lack_says_nothing_about_the_far_end(number: int) -> None:
    assert is_exhaustion(OSError(number, "none left"))
    assert not is_exhaustion(ConnectionRefusedError(errno.ECONNREFUSED, "refused"))
    assert not is_exhaustion(ValueError())
