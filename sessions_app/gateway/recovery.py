"""What a dead process left, this one's own earlier self or another: delivered, or ended with a good-bye.

What was acknowledged and not delivered goes out, in order per conversation, as the same message to its peer: the
MSRP peer sees the same Message-ID, the page peer the same Call-ID, CSeq and From tag. A session that owes messages to
the MSRP side is offered anew on its dialog, or called anew where it has none any more; one that owes nothing ends with
a BYE.

What a row holds was written by peers, so it is read as if it came from one now. Each session is taken up by itself: one
that cannot be ends with the reason in its row, and costs the others nothing.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from protocols.sip.dialog import Dialog
from protocols.sip.errors import SipError
from sessions_app.cause import Cause, Side
from sessions_app.gateway.duplicates import seen_as
from sessions_app.gateway.routing import Decision, accept_types, calling
from sessions_app.gateway.session import Session
from sessions_app.gateway.session_row import State
from sessions_app.gateway.to_msrp import ToMsrp
from sessions_app.gateway.to_page import ACKNOWLEDGED, DELIVERED, ToPage
from sessions_app.store import message_rows
from sessions_app.store.estate import STOPPED
from sessions_app.store.writer import Obligation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sessions_app.gateway.gateway import Gateway
    from sessions_app.store.estate import Estate, Ghost, Owed, Past

FAREWELLS: Final = 50
"""BYEs of one step, so that thousands of lost sessions do not hold up the living."""
PAUSE: Final = 0.1
"""Seconds between two steps."""

logger = logging.getLogger(__name__)


class Inheritance:
    """Taken up in two steps, because senders repeat themselves the moment they can reach us.

    Made before anybody can: what was taken before is known again, and what comes waits behind what is owed.
    :meth:`go` once we can speak ourselves.
    """

    def __init__(self, gateway: Gateway, estate: Estate) -> None:
        self._gateway = gateway
        self._estate = estate
        self._to_page: list[ToPage] = []
        self._calling: dict[str, Session] = {}
        self._reviving: dict[str, Session] = {}
        remember(gateway, estate.seen)
        self._dialogs = {ghost.session: dialog for ghost in estate.ghosts if (dialog := _dialog(ghost)) is not None}
        self._know_far_ends()
        past: dict[str, Session] = {}
        to_msrp: dict[str, list[Owed]] = {}
        for owed in estate.owed:
            message_rows.follow(owed.id)
            if owed.direction == "to_page":
                self._to_page.append(_to_page(gateway, past, owed))
            else:
                to_msrp.setdefault(owed.key, []).append(owed)
        for key, messages in to_msrp.items():
            session = gateway.sessions.get(key) or self._session(messages[0], messages[0].session in self._dialogs)
            session.inherit([ToMsrp.of_row(session, owed, Obligation.of_row()) for owed in messages])

    def _know_far_ends(self) -> None:
        """Who had answered the process before is there, so it is asked as much as it was then.

        A repeat of what it has taken already would else be refused for want of room, and its sender be told a lie.
        """
        for ghost in self._estate.ghosts:
            dialog = self._dialogs.get(ghost.session)
            if (
                dialog is not None
                and dialog.far_end
                and (ghost.initiator == "message" or ghost.state == State.LIVE.value)
            ):
                self._gateway.layer.far_ends.has_answered(dialog.far_end)

    def _session(self, owed: Owed, has_dialog: bool) -> Session:
        """A session for what is owed under its key, known by it and without a leg yet."""
        gateway, decision = self._gateway, decision_of(owed)
        if has_dialog:
            made = self._reviving[owed.key] = Session(gateway, decision, owed.initiator, owed.source, 70)
            made.stand_for(owed.session)
        else:
            decision = calling(decision, owed.initiator)
            made = self._calling[owed.key] = Session(gateway, decision, "message", owed.source, 70)
        gateway.add(made)
        return made

    def go(self) -> int:
        """Send, call, offer anew, say good-bye; how many messages there were."""
        revived = {ghost.session: ghost for ghost in self._estate.ghosts if self._can_revive(ghost)}
        for ghost in revived.values():
            revival = self._reviving[ghost.key]
            revival.created_at = ghost.created_at
            revival.count_on(ghost)
        for message in self._to_page:
            owner = revived.get(message.session.id)
            if owner is not None:  # one object a row: two would write their own counters over each other's
                message.session = self._reviving[owner.key]
            self._gateway.page_side.enqueue(message)
        for session in self._calling.values():
            if session.state is State.SETTING_UP:  # else an INVITE of the peer's came first, and has its messages
                self._by_itself(session, session.call)
        for ghost in revived.values():
            session = self._reviving[ghost.key]
            dialog = self._dialogs[ghost.session]
            self._by_itself(session, lambda: session.revive(dialog, ghost.session))  # noqa: B023 - called at once
        left = [ghost for ghost in self._estate.ghosts if ghost.session not in revived]
        _Farewell(self._gateway, left, self._dialogs).step(None)
        return len(self._estate.owed)

    def _by_itself(self, session: Session, take_up: Callable[[], object]) -> None:
        """Take one session up. A fault of ours in it is told in its records, and to whom it owes; the rest goes on."""
        try:
            take_up()
        except Exception as error:
            self._gateway.count("recovery_failures")
            logger.exception("session %s cannot be taken up", session.id)
            session.fail(Cause(Side.MSRP, "gateway", f"cannot be taken up after a restart: {error}"), bye=False)

    def _can_revive(self, ghost: Ghost) -> bool:
        """Whether its dialog can be gone on with: nobody has begun another one under its key."""
        revival = self._reviving.get(ghost.key)
        return revival is not None and revival.state is State.SETTING_UP and revival.leg is None


def remember(gateway: Gateway, seen: Iterable[tuple[str, str, str, str, int]]) -> None:
    """Know again what comes a second time (RULEBOOK M13, S18)."""
    answers = []
    for direction, key, message_id, state, sip_code in seen:
        if direction == "to_msrp":
            answers.append(
                (message_id, {"delivered": 200, "pending": 202, "accepted": 202}.get(state, sip_code or 480))
            )
        elif state in ("delivered", "accepted"):
            gateway.seen.put(seen_as(key, message_id), DELIVERED if state == "delivered" else ACKNOWLEDGED)
    gateway.seen_before.learn(answers, gateway.wheel.now)


def _to_page(gateway: Gateway, past: dict[str, Session], owed: Owed) -> ToPage:
    session = past.get(owed.session)
    if session is None:
        session = past[owed.session] = Session(gateway, decision_of(owed), owed.initiator, owed.source, 70)
        session.become_past(owed)
    message = ToPage.of_row(session, owed, Obligation.of_row())
    gateway.seen.put(seen_as(owed.key, owed.message_id), message)
    return message


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


def _dialog(ghost: Ghost) -> Dialog | None:
    """Its dialog; None where nothing can be said on what its row holds of one."""
    try:
        return Dialog.of_record(ghost.dialog)
    except SipError as error:
        logger.error("session %s: its dialog cannot be gone on with: %s", ghost.session, error.reason)
        return None


class _Farewell:
    """A BYE on the dialog of every session that is lost and owes nothing, some at a time; its row ends with it."""

    def __init__(self, gateway: Gateway, ghosts: list[Ghost], dialogs: dict[str, Dialog]) -> None:
        self._gateway = gateway
        self._ghosts = ghosts
        self._dialogs = dialogs
        self._next = 0

    def step(self, _: object) -> None:
        gateway = self._gateway
        until = self._next + FAREWELLS
        for ghost in self._ghosts[self._next : until]:
            try:
                self._part_from(ghost)
            except Exception:
                gateway.count("recovery_failures")
                logger.exception("session %s ends without a BYE", ghost.session)
        self._next = until
        if until < len(self._ghosts):
            gateway.wheel.start(PAUSE, self.step)

    def _part_from(self, ghost: Ghost) -> None:
        gateway = self._gateway
        session = Session(gateway, decision_of(ghost), ghost.initiator, ghost.source, 70)
        session.count_on(ghost)
        session.say_goodbye(self._dialogs.get(ghost.session), ghost.session, STOPPED)
