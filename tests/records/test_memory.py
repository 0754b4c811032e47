"""What a peak has left goes back to the system, and only where it is much."""

from pathlib import Path

import pytest

from sessions_app.memory import WORTH_IT, FreedMemory, _of_glibc

MB = 1 << 20


class Library:
    """A C library with so many octets free in its heaps; the pages that are given back stay free in it."""

    def __init__(self):
        self.free = 10 * MB
        self.asked = 0

    def functions(self):
        return lambda: self.free, self.trim

    def trim(self):
        self.asked += 1


def test_it_is_asked_once_for_each_peak_and_not_for_a_little():
    library = Library()
    memory = FreedMemory(library.functions())
    assert not memory.give_back(), "what is free at the start has been so before"
    library.free += WORTH_IT - 1
    assert not memory.give_back()
    library.free = 300 * MB
    assert memory.give_back()
    assert not memory.give_back(), "the same octets are free, and were given back"
    library.free = 5 * MB  # in use again
    assert not memory.give_back()
    library.free = 200 * MB
    assert memory.give_back()
    assert library.asked == 2


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(_of_glibc() is None, reason="another C library than glibc")
def test_pages_between_blocks_that_stay_are_the_systems_again():
    memory = FreedMemory()
    memory.give_back()
    blocks = [bytes(4000) for _ in range(20_000)]
    stay = blocks[::200]
    peak = resident()
    del blocks
    assert memory.give_back()
    assert peak - resident() > 60 * MB
    assert all(len(each) == 4000 for each in stay)
