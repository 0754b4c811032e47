"""The timer wheel: what fires, when, in which order, whatever the host's clock does."""

from __future__ import annotations

import gc
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.timers import TICK, Timer, TimerWheel


class Log(list):
    """What fired."""

    def note(self, what: object) -> None:
        self.append(what)


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def wheel() -> TimerWheel:
    return TimerWheel(1000.0)


def test_it_fires_once_and_at_most_a_tick_late(wheel, log):
    timer = wheel.start(0.5, log.note, "T1")
    wheel.advance(1000.5 - 0.001)
    assert log == []
    assert timer.active
    wheel.advance(1000.5 + TICK)
    wheel.advance(1100)
    assert log == ["T1"]
    assert not timer.active


@given(st.floats(0, 1e6), st.floats(0, 1e5), st.sampled_from([TICK, 2**-10, 1.0]))
def test_it_is_never_early_and_the_announced_deadline_fires(now, delay, tick):
    wheel, log = TimerWheel(now, tick), Log()
    wheel.start(delay, log.note)
    due = wheel.next_deadline()
    assert due is not None
    assert now + delay <= due <= now + delay + tick * 1.001
    wheel.advance(now + delay - tick / 1000)
    if now + delay - tick / 1000 < due:
        assert log == []
    wheel.advance(due)
    assert log == [None]


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("start"), st.floats(0, 40)),
            st.tuples(st.just("cancel"), st.integers(0, 50)),
            st.tuples(st.just("advance"), st.one_of(st.floats(0, 1), st.floats(-5, 500))),
        ),
        max_size=60,
    )
)
def test_it_does_what_a_sorted_list_would(steps):
    wheel, log = TimerWheel(1000.0), Log()
    started: list[Timer] = []
    waiting: dict[int, int] = {}  # number of a timer to the tick it is due in
    now = 1000.0
    for step, value in steps:
        if step == "start":
            waiting[len(started)] = int((wheel.now + value) / TICK) + 1
            started.append(wheel.start(value, log.note, len(started)))
        elif step == "cancel":
            if value < len(started):
                started[value].cancel()
                waiting.pop(value, None)
        else:
            now += value
            before = len(log)
            wheel.advance(now)
            due = sorted((tick, number) for number, tick in waiting.items() if tick * TICK <= wheel.now)
            assert log[before:] == [number for _, number in due]
            for _, number in due:
                del waiting[number]
        assert len(wheel) == len(waiting)
        assert wheel.next_deadline() == (min(waiting.values()) * TICK if waiting else None)
        assert [timer.active for timer in started] == [number in waiting for number in range(len(started))]


def test_a_clock_that_goes_back_stands_still(wheel, log):
    wheel.advance(1010)
    wheel.start(1, log.note)
    wheel.advance(5)
    assert wheel.now == 1010
    wheel.advance(1011.1)
    assert len(log) == 1


def test_a_huge_jump_fires_all_in_order(wheel, log):
    for delay in (86_400, 3, 0.1, 32):
        wheel.start(delay, log.note, delay)
    wheel.advance(1e9)
    assert log == [0.1, 3, 32, 86_400]


def test_a_delay_of_nothing_or_less_waits_for_the_next_advance(wheel, log):
    def again(_):
        log.append("fired")
        wheel.start(-1, again)
        wheel.start(0, again)

    wheel.start(0, again)
    wheel.advance(1001)
    assert len(log) == 1
    wheel.advance(1001 + TICK)
    assert len(log) == 3


class TestCancel:
    def test_twice_or_after_firing_does_nothing(self, wheel, log):
        first, second = wheel.start(1, log.note), wheel.start(1, log.note)
        first.cancel()
        first.cancel()
        wheel.advance(1002)
        second.cancel()
        assert len(log) == 1

    def test_in_a_callback_keeps_a_timer_of_the_same_tick_from_firing(self, wheel, log):
        def fire(_):
            log.append("first")
            second.cancel()
            first.cancel()

        first = wheel.start(1, fire)
        second = wheel.start(1, log.note, "second")
        wheel.advance(1002)
        assert log == ["first"]

    def test_leaves_no_deadline(self, wheel, log):
        timers = [wheel.start(delay, log.note) for delay in (1, 2, 3)]
        for timer in timers:
            timer.cancel()
        assert wheel.next_deadline() is None
        assert len(wheel) == 0
        wheel.start(2, log.note)
        wheel.advance(1003)
        assert len(log) == 1


class Holder:
    """As a transaction: keeps a timer that calls back into itself."""

    def __init__(self, wheel: TimerWheel) -> None:
        self.timer = wheel.start(1, self.fired)

    def fired(self, _: object) -> None:
        pass


@pytest.mark.parametrize("end", ["cancel", "fire"])
def test_who_keeps_a_timer_that_is_over_needs_no_garbage_collector(wheel, end):
    gc.disable()
    try:
        holder = Holder(wheel)
        gone = weakref.ref(holder)
        if end == "cancel":
            holder.timer.cancel()
        else:
            wheel.advance(1002)
        del holder
        assert gone() is None
    finally:
        gc.enable()


class TestWake:
    def test_only_for_what_is_earlier_than_announced(self, wheel, log):
        wheel.wake = log.note
        for delay in (10, 20, 5, 7, 1):
            wheel.start(delay, str)
        assert log == pytest.approx([1010, 1005, 1001], abs=TICK)

    def test_after_an_advance_again(self, wheel, log):
        wheel.wake = log.note
        wheel.start(1, str)
        wheel.advance(1002)
        wheel.start(1, str)
        assert log == pytest.approx([1001, 1003], abs=TICK)

    def test_a_host_that_heeds_it_never_misses_a_timer(self, wheel, log):
        alarm: list[float] = []

        def wake(at: float) -> None:
            alarm[:] = [at]

        wheel.wake = wake
        wheel.start(5, lambda _: wheel.start(2, log.note, "second"))
        wheel.start(1, log.note, "first")
        while alarm:
            wheel.advance(alarm.pop())
            due = wheel.next_deadline()
            alarm[:] = [] if due is None else [due]
        assert log == ["first", "second"]
        assert wheel.now == pytest.approx(1007, abs=3 * TICK)


class TestErrors:
    @staticmethod
    def fail(_: object) -> None:
        raise RuntimeError("a bug")

    def test_go_to_on_error_and_the_others_fire(self, wheel, log):
        errors: list[Exception] = []
        wheel.on_error = errors.append
        wheel.start(1, self.fail)
        wheel.start(1, log.note)
        wheel.advance(1002)
        assert len(errors) == len(log) == 1

    def test_without_on_error_go_to_the_host_and_the_others_fire_next_time(self, wheel, log):
        wheel.start(1, self.fail)
        wheel.start(1, log.note)
        with pytest.raises(RuntimeError):
            wheel.advance(1002)
        wheel.advance(1002)
        assert len(log) == 1
        assert wheel.next_deadline() is None


def test_a_tick_that_would_round_is_refused():
    with pytest.raises(ValueError, match="power of two"):
        TimerWheel(0.0, 0.02)
