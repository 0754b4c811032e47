"""docs/delivery.md says what the code does: its tables are the code's, and the bytes that it writes."""

from __future__ import annotations

from sessions_app import conf
from sessions_app.admin.messages import STATE_LABELS
from sessions_app.gateway.life import PROMISES, TRANSITIONS, Event, State, after
from sessions_app.models import MessageRecord
from tests.gateway import outcome_tables as page


def test_the_life_of_a_message_is_the_codes() -> None:
    assert page.standing(page.LIFE_BEGIN, page.LIFE_END) == page.life_tables()


def test_the_outcomes_are_what_the_gateway_writes() -> None:
    """Made anew by ``python -m tests.gateway.outcome_tables``."""
    assert page.standing(page.BEGIN, page.END) == page.tables()


def test_every_state_of_a_row_has_its_promise_and_every_state_but_the_first_is_a_rows() -> None:
    assert set(PROMISES) == set(State)
    assert {state.value for state in State} - {"received"} == set(MessageRecord.State.values)


def test_every_outcome_is_known_to_what_goes_by_them() -> None:
    outcomes = {state.value for state in State} - {"received", "pending"}
    assert outcomes == conf.EVERY_OUTCOME
    assert set(STATE_LABELS) == set(MessageRecord.State.values)


def test_an_outcome_is_final_but_for_its_denial() -> None:
    for state in (State.DELIVERED, State.FAILED, State.EXPIRED):
        later = {after(state, event) for event in Event} - {state}
        assert later == ({State.FAILED} if state is State.DELIVERED else set())


def test_nothing_is_promised_that_can_be_lost() -> None:
    """Only from a state whose body is in the database does an acknowledgement oblige us."""
    assert {after for (before, event), after in TRANSITIONS.items() if event is Event.KEPT} == {State.PENDING}
    assert "with body" in PROMISES[State.PENDING].row
