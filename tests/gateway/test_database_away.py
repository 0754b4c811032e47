"""While nothing can be kept: what is promised later is promised in order, and nobody is refused by mistake."""

from __future__ import annotations

from typing import Any

import pytest

from sessions_app.gateway.database_away import PATIENCE
from sessions_app.gateway.duplicates import OF_EARLIER_PROCESS
from tests.gateway.rig import Rig

ANSWER_WAIT = 5.0


@pytest.fixture
def rig() -> Rig:
    """A live session, whose far end answers nothing any more."""
    rig = Rig(answer_wait=ANSWER_WAIT)
    rig.message("first")
    rig.accept(rig.flow.take("INVITE"))
    rig.msrp_ok(rig.connect())
    rig.flow.take("SIP/2.0 200")
    return rig


def kept(rig: Rig) -> list[str]:
    """Call-IDs of the obligations, in order."""
    return [obligation.line.split("\t")[6] for obligation in rig.store.owed]


def answered(rig: Rig) -> list[int]:
    """The final answers to MESSAGEs since the last look."""
    found = [data for data, _ in rig.flow.sent if data.startswith(b"SIP/2.0 ") and b"MESSAGE" in data]
    rig.flow.sent.clear()
    return [status for status in (int(data.split()[1]) for data in found) if status >= 200]


def test_messages_are_kept_in_the_order_in_which_they_wanted_it(rig: Rig) -> None:
    """Kept alone, the later one would go out alone after a crash, before the earlier one that its sender repeats."""
    rig.store.healthy = False
    rig.message("wanted it while the database was away")
    rig.advance(ANSWER_WAIT - 0.1)
    rig.message("wants it when the database is back")
    rig.advance(ANSWER_WAIT - 0.1)
    assert kept(rig) == []
    rig.store.healthy = True
    rig.advance(0.5)
    assert kept(rig) == ["c2", "c3"]
    rig.store.commit()
    assert answered(rig) == [202, 202]


def test_what_has_its_outcome_meanwhile_is_not_kept(rig: Rig) -> None:
    rig.store.healthy = False
    rig.message("delivered after all")
    rig.advance(ANSWER_WAIT + 1)
    rig.msrp_ok(rig.connections[0])
    assert answered(rig) == [200]
    rig.store.healthy = True
    rig.advance(1)
    assert kept(rig) == []


def stranger(rig: Rig, **more: Any) -> list[int]:
    """A MESSAGE for which there is no session: its answers."""
    rig.flow.sent.clear()
    rig.message("hello", user="carol", **more)
    return answered(rig)


def test_a_message_without_a_session_is_left_to_be_repeated_while_the_absence_is_short(rig: Rig) -> None:
    rig.advance(OF_EARLIER_PROCESS + 1)
    rig.store.healthy = False
    rig.advance(PATIENCE - 1)
    assert stranger(rig) == []
    rig.advance(2)
    assert stranger(rig) == [503]
    rig.store.healthy = True
    rig.advance(1)
    rig.store.healthy = False
    rig.advance(1)
    assert stranger(rig) == []


def test_its_repeat_is_taken_when_the_database_is_back(rig: Rig) -> None:
    rig.store.healthy = False
    rig.advance(1)
    assert stranger(rig) == []
    rig.store.healthy = True
    rig.advance(1)
    rig._branch -= 1  # the same request again
    rig.message("hello", user="carol")
    assert rig.flow.take("INVITE").from_.uri.startswith("sip:carol@")


def test_soon_after_a_start_it_is_never_refused_for_it_may_have_been_delivered_before(rig: Rig) -> None:
    rig.store.healthy = False
    rig.advance(PATIENCE + 10)
    assert stranger(rig) == []


def test_over_a_connection_nobody_repeats_so_it_is_refused_at_once(rig: Rig) -> None:
    rig.store.healthy = False
    rig.flow.reliable = True
    assert stranger(rig) == [503]
