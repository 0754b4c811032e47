"""The memory of finished transactions: long enough for Timer J, and not for ever."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from protocols.sip.recent import Recent


def test_remembers_for_its_time_and_at_most_half_as_long_again():
    recent: Recent[bytes] = Recent(32, now=0.0)
    for tenth in range(1, 100):
        recent.advance(tenth / 10)
    recent.put("key", b"200")
    now = 9.9
    while recent.get("key") is not None:
        now += 0.1
        recent.advance(now)
    assert 32 <= now - 9.9 <= 48.2


@given(st.lists(st.floats(0, 100), min_size=1, max_size=50), st.integers(0, 49))
def test_never_forgets_what_is_young_however_late_the_host_comes(pauses, at):
    recent: Recent[int] = Recent(32, now=0.0)
    now, put_at = 0.0, None
    for position, pause in enumerate(pauses):
        now += pause
        if position == at:  # before the advance, as of a host that was asleep
            recent.put("key", 1)
            put_at = now
        recent.advance(now)
        if put_at is not None and now - put_at < 32:
            assert recent.get("key") == 1


def test_forgets_all_after_a_long_idle_time():
    recent: Recent[int] = Recent(32, now=0.0)
    for number in range(1000):
        recent.put(str(number), number)
    for now in range(0, 3600, 20):
        recent.advance(now)
    assert len(recent) == 0


def test_the_last_value_of_a_key_counts():
    recent: Recent[int] = Recent(32, now=0.0)
    recent.put("key", 1)
    recent.advance(17)
    recent.put("key", 2)
    assert recent.get("key") == 2


def test_discard_forgets_what_was_just_put():
    recent: Recent[int] = Recent(32, now=0.0)
    recent.put("key", 1)
    recent.discard("key")
    recent.discard("never put")
    assert recent.get("key") is None
    assert len(recent) == 0
