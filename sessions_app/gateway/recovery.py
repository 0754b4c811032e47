"""What a dead process left, this one's own earlier self or another: delivered, or ended with a good-bye.

What was acknowledged and not delivered goes out, in order per conversation, as the same message to its peer: the
MSRP peer sees the same Message-ID, the page peer the same Call-ID, CSeq and From tag. A session that owes messages to
the MSRP side is offered anew on its dialog, or called anew where it has none any more; one that owes nothing ends with
a BYE.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from protocols.sip.dialog import Dialog
from sessions_app.gateway.routing import Decision, accept_types, calling
from sessions_app.gateway.session import Session
from sessions_app.gateway.to_msrp import ToMsrp
from sessions_app.gateway.to_page import ACKNOWLEDGED, DELIVERED, ToPage
from sessions_app.store.estate import STOPPED
from sessions_app.store.writer import Obligation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sessions_app.gateway.gateway import Gateway
    from sessions_app.store.estate import Estate, Ghost, Owed, Past

FAREWELLS: Final = 50
"""BYEs of one step, so that thousands of lost sessions do not hold up the living."""
PAUSE: Final = 0.1
"""Seconds between two steps."""


def resume(gateway: Gateway, estate: Estate) -> int:
    """Take up what is owed, oldest first; how many messages there were."""
    remember(gateway, estate.seen)
    ghosts = {ghost.session: ghost for ghost in estate.ghosts}
    past: dict[str, Session] = {}
    reviving: dict[str, Session] = {}
    calling_anew: dict[str, Session] = {}
    for owed in estate.owed:
        if owed.direction == "to_page":
            _to_page(gateway, past, owed)
            continue
        session = reviving.get(owed.key) or calling_anew.get(owed.key)
        if session is None:
            ghost = ghosts.get(owed.session)
            decision = decision_of(owed)
            if ghost is not None:
                session = reviving[owed.key] = Session(gateway, decision, owed.initiator, owed.source, 70)
            else:
                decision = calling(decision, owed.initiator)
                session = calling_anew[owed.key] = Session(gateway, decision, "message", owed.source, 70)
            gateway.add(session)
        session.queue.append(ToMsrp.of_row(session, owed, Obligation.of_row()))
    for session in calling_anew.values():
        session.call()
    revived = set()
    for ghost in estate.ghosts:
        session = reviving.get(ghost.key)
        if session is not None and ghost.session not in revived and session.leg is None:
            revived.add(ghost.session)
            session.created_at = ghost.created_at
            session.to_msrp, session.to_page = ghost.to_msrp, ghost.to_page
            session.undelivered = ghost.undelivered
            session.revive(Dialog.of_record(ghost.dialog), ghost.session)
    _Farewell(gateway, [ghost for ghost in estate.ghosts if ghost.session not in revived]).step(None)
    return len(estate.owed)


def remember(gateway: Gateway, seen: Iterable[tuple[str, str, str, str, int]]) -> None:
    """Know again what comes a second time (RULEBOOK M13, S18)."""
    answers = []
    for direction, key, message_id, state, sip_code in seen:
        if direction == "to_msrp":
            answers.append(
                (message_id, {"delivered": 200, "pending": 202, "accepted": 202}.get(state, sip_code or 480))
            )
        elif state in ("delivered", "accepted"):
            gateway.seen.put(key, message_id, DELIVERED if state == "delivered" else ACKNOWLEDGED)
    gateway.seen_before.learn(answers, gateway.wheel.now)


def _to_page(gateway: Gateway, past: dict[str, Session], owed: Owed) -> None:
    session = past.get(owed.session)
    if session is None:
        session = past[owed.session] = Session(gateway, decision_of(owed), owed.initiator, owed.source, 70)
        session.become_past(owed.session)
    message = ToPage.of_row(session, owed, Obligation.of_row())
    gateway.seen.put(owed.key, owed.message_id, message)
    gateway.page_side.enqueue(message)


def decision_of(past: Past) -> Decision:
    """What the route had decided."""
    return Decision(
        action="msg_to_msrp" if past.initiator == "message" else "msrp_gw_answer",
        key=past.key,
        content_types=accept_types(past.content_types),
        from_uri=past.from_uri,
        to_uri=past.to_uri,
        ruri=past.ruri,
        next_hop=past.next_hop,
        back_hop=past.back_hop,
        route=past.route,
    )


class _Farewell:
    """A BYE on the dialog of every session that is lost and owes nothing, some at a time; its row ends with it."""

    def __init__(self, gateway: Gateway, ghosts: list[Ghost]) -> None:
        self._gateway = gateway
        self._ghosts = ghosts
        self._next = 0

    def step(self, _: object) -> None:
        gateway = self._gateway
        until = self._next + FAREWELLS
        for ghost in self._ghosts[self._next : until]:
            dialog = Dialog.of_record(ghost.dialog)
            session = Session(gateway, decision_of(ghost), ghost.initiator, ghost.source, 70)
            session.to_msrp, session.to_page = ghost.to_msrp, ghost.to_page
            session.undelivered = ghost.undelivered
            session.say_goodbye(dialog, ghost.session, STOPPED)
        self._next = until
        if until < len(self._ghosts):
            gateway.wheel.start(PAUSE, self.step)
