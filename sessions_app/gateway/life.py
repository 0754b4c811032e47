"""The life of a message, as one table: its states, what moves it, and what has been promised to whom in each.

``docs/delivery.md`` is this table with the reasons; a test holds the page against it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple


class State(StrEnum):
    """Where a message is. All but RECEIVED are states of its row; the values are those of the records."""

    RECEIVED = "received"
    PENDING = "pending"
    DELIVERED = "delivered"
    ACCEPTED = "accepted"
    FAILED = "failed"
    EXPIRED = "expired"


class Event(StrEnum):
    """What moves it."""

    KEPT = "kept"
    """Its row is committed, body and all: it is owed."""
    TAKEN = "taken"
    """The far end took it: MSRP 200 of the peer itself, its success REPORT, or SIP 200."""
    PASSED_ON = "passed on"
    """Somebody between took it and promised no more: SIP 202, or an MSRP relay's 200 without a REPORT in time."""
    REFUSED = "refused"
    """The far end, or the way to it, failed for good."""
    EXPIRED = "expired"
    """Its validity ended while it waited."""
    CONFIRMED = "confirmed"
    """News after the outcome: an IMDN says delivered."""
    DENIED = "denied"
    """News after the outcome: an IMDN says failed, or a failure REPORT came."""


class Promise(NamedTuple):
    """What holds in a state: for the sender on the message side, for the sender on the MSRP side, in the database."""

    to_page_sender: str
    to_msrp_sender: str
    row: str
    after_crash: str


PROMISES: Final[dict[State, Promise]] = {
    State.RECEIVED: Promise(
        "nothing; 100 at 3.5 s",
        "nothing",
        "none",
        "the sender repeats it, and the repeat has the same Message-ID or Call-ID at the far end",
    ),
    State.PENDING: Promise(
        "202: delivered, or told by IMDN or notice",
        "200: delivered, or told by REPORT or IMDN",
        "pending, with body",
        "goes out in its order, with the same Message-ID or Call-ID",
    ),
    State.DELIVERED: Promise(
        "200, or the IMDN delivered that it asked for",
        "200, and the success REPORT or IMDN that it asked for",
        "delivered, within 0.2 s",
        "the row may be missing; a repeat is the same message to the far end",
    ),
    State.ACCEPTED: Promise(
        "202; an IMDN if the far end sends one",
        "200; a REPORT or IMDN only once an IMDN comes",
        "accepted, within 0.2 s",
        "as delivered",
    ),
    State.FAILED: Promise(
        "the mapped code; after a 202 IMDN failed or a notice",
        "the mapped status; after a 200 IMDN failed or a failure REPORT",
        "failed, within 0.2 s",
        "what was owed is owed still and tried again",
    ),
    State.EXPIRED: Promise(
        "480; after a 202 IMDN failed or a notice",
        "408; after a 200 IMDN failed or a failure REPORT",
        "expired, within 0.2 s",
        "expires again at the next start",
    ),
}

TRANSITIONS: Final[dict[tuple[State, Event], State]] = {
    (State.RECEIVED, Event.KEPT): State.PENDING,
    (State.RECEIVED, Event.TAKEN): State.DELIVERED,
    (State.RECEIVED, Event.PASSED_ON): State.ACCEPTED,
    (State.RECEIVED, Event.REFUSED): State.FAILED,
    (State.RECEIVED, Event.EXPIRED): State.EXPIRED,
    (State.PENDING, Event.TAKEN): State.DELIVERED,
    (State.PENDING, Event.PASSED_ON): State.ACCEPTED,
    (State.PENDING, Event.REFUSED): State.FAILED,
    (State.PENDING, Event.EXPIRED): State.EXPIRED,
    (State.ACCEPTED, Event.CONFIRMED): State.DELIVERED,
    (State.ACCEPTED, Event.DENIED): State.FAILED,
    (State.DELIVERED, Event.DENIED): State.FAILED,
}
"""Everything that can happen to a message. What is not here changes nothing: an outcome is final but for its denial."""


def after(state: State, event: Event) -> State:
    """The state that ``event`` leads to; the same one where it changes nothing."""
    return TRANSITIONS.get((state, event), state)
