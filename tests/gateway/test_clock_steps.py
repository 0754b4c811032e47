"""The machine's clock is set, by minutes or by years: records tell the new time, and nothing is early, late or lost."""

from __future__ import annotations

import time
from typing import Any

import pytest

from sessions_app.store import message_rows
from tests.gateway.rig import Rig

YEAR = 365 * 86400.0
STEPS = [-YEAR, -3600.0, 3600.0, YEAR]
ANSWER_WAIT = 10.0


@pytest.fixture
def step(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`step(seconds)` sets the clock."""
    true, total = time.time, [0.0]
    monkeypatch.setattr(time, "time", lambda: true() + total[0])

    def by(seconds: float) -> None:
        total[0] += seconds

    return by


@pytest.fixture
def rig() -> Rig:
    """A live session."""
    rig = Rig(answer_wait=ANSWER_WAIT)
    rig.message("first")
    rig.accept(rig.flow.take("INVITE"))
    rig.msrp_ok(rig.connect())
    rig.flow.take("SIP/2.0 200")
    return rig


@pytest.mark.parametrize("seconds", STEPS)
def test_a_message_is_answered_100_and_202_when_it_is_due(rig: Rig, step: Any, seconds: float) -> None:
    rig.message("waits")
    rig.advance(1)
    step(seconds)
    rig.advance(2)
    assert [data for data, _ in rig.flow.sent if data.startswith(b"SIP/2.0")] == []
    rig.advance(1)
    rig.flow.take("SIP/2.0 100")
    rig.advance(ANSWER_WAIT - 4.5)
    assert rig.store.owed == []
    rig.advance(1)
    rig.store.commit()
    rig.flow.take("SIP/2.0 202")
    rig.msrp_ok(rig.connections[0])
    assert [outcome.split("\t")[1] for outcome in rig.store.outcomes] == ["delivered"]


@pytest.mark.parametrize("seconds", STEPS)
def test_a_waiting_message_does_not_grow_old(step: Any, seconds: float) -> None:
    """Neither by GATEWAY_QUEUE_TTL; what its sender named a time of day for is another matter."""
    rig = Rig(queue_ttl=60)
    rig.message("waits for the set-up")
    invite = rig.flow.take("INVITE")
    step(seconds)
    rig.advance(1)
    rig.accept(invite)
    rig.msrp_ok(rig.connect())
    rig.flow.take("SIP/2.0 200 OK")


@pytest.mark.parametrize("seconds", STEPS)
def test_no_session_is_silent_for_it(rig: Rig, step: Any, seconds: float) -> None:
    (session,) = rig.gateway.by_id.values()
    step(seconds)
    rig.advance(1)
    assert rig.gateway.expire_session(session.id) == "not silent any more"
    rig.advance(1)
    written = rig.store.sessions[session.id]["last_message_at"]
    assert abs(written - time.time()) < 60, "and its row is as old as the session is, by the new time"


@pytest.mark.parametrize("seconds", STEPS)
def test_a_silent_session_ends_though(step: Any, seconds: float) -> None:
    rig = Rig(message_timeout=100, session_timeout=200)
    rig.message("first")
    rig.accept(rig.flow.take("INVITE"))
    rig.msrp_ok(rig.connect())
    (session,) = rig.gateway.by_id.values()
    step(seconds)
    rig.advance(101, step=5)
    assert rig.gateway.expire_session(session.id) == "message side silent for 100 s"


def test_rows_are_in_order_though_the_clock_goes_back(rig: Rig, step: Any) -> None:
    """Ids are the order in which what is owed goes out after a restart."""
    rig.message("earlier")
    step(-3600.0)
    rig.advance(1)
    rig.message("later")
    rig.advance(ANSWER_WAIT + 1)
    ids = [obligation.line.split("\t")[0] for obligation in rig.store.owed]
    assert len(ids) == 2
    assert ids == sorted(ids)


def test_rows_follow_those_of_the_process_before(monkeypatch: pytest.MonkeyPatch) -> None:
    before = message_rows.new_id(time.time() + 3600)
    monkeypatch.setattr(message_rows, "_ids", message_rows.Ids())
    message_rows.follow(before)
    assert before < message_rows.new_id(time.time()) < message_rows.new_id(time.time())
