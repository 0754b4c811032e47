"""A session whose MSRP connection, or whose dialog, is lost while messages are owed (RFC 4975 s5.4, RULEBOOK S17).

It is offered anew on its dialog under a new path; where the dialog is of no use either, a new session carries what
waits. Each message is moved so at most once, and a session offered anew only once until something has arrived.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from protocols.msrp.uri import MsrpUri
from sessions_app.cause import Cause, LostWith, Side
from sessions_app.gateway import ending
from sessions_app.gateway.outcomes import Answer
from sessions_app.gateway.routing import calling
from sessions_app.gateway.session_row import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sessions_app.gateway.session import Session
    from sessions_app.gateway.to_msrp import ToMsrp


def lost(session: Session, reason: str, code: int | None) -> None:
    """The connection is gone, or the peer refused the session on it with ``code``.

    Only a new offer could mend that, but for one thing: a connection that was there before may have been on its way out
    when the session was to be bound to it, and then never carried the session.
    """
    leg, msrp = session.leg, session.msrp
    setting_up = session.state is State.SETTING_UP
    if code is None and session.on_shared and setting_up and msrp is not None and msrp.peer_path:
        session.on_shared = False
        session.dial(MsrpUri.parse(msrp.peer_path[0]))
    elif session.queue and code is None and not session.reoffered and leg is not None and leg.dialog.call_id:
        offer_anew(session, reason)
    else:
        session.leg_lost("msrp", reason)


def offer_anew(session: Session, reason: str) -> None:
    """A new offer on the dialog, under a new path, for the messages that wait."""
    session.reoffered = True  # one that breaks every connection is not offered for ever
    session.state = State.SETTING_UP
    ending.drop_msrp(session)
    session.create_msrp()
    session.event("offered_anew", reason)
    assert session.leg is not None
    session.leg.reoffer()


def move_on(session: Session, cause: Cause, *, bye: bool) -> None:
    """End; a new session carries what waits or has no answer yet, which may have arrived."""
    if session.state is State.ENDED:
        return
    moving, staying = _movable(session, session.give_way(cause.end_reason, bye=bye))
    for message in staying:
        message.failed(Answer(480, None, 5), None, cause.taking_along(LostWith.SESSION))
    _call_anew(session, moving)


def given_up(session: Session, detail: str) -> None:
    """The MSRP side hangs up before the session was live, which fails.

    That it gives up a call of its own says nothing of the messages that wait in it. Of those that were on their way
    before some may have arrived, so that it may be a lie to fail them with a call of ours. Both are called for, once.
    """
    if session.state is State.ENDED:
        return
    own = session.initiator == "msrp"
    moving, staying = _movable(session, session.queue, lambda message: own or message.may_have_arrived)
    session.queue = deque(staying)
    session.fail(Cause(Side.MSRP, "sip", detail), bye=False)
    _call_anew(session, moving)


def _call_anew(session: Session, moving: list[ToMsrp]) -> None:
    """A new session, by an INVITE of ours, for messages of one that has ended."""
    if moving:
        session.gateway.begin(calling(session.decision, session.initiator), session.source, moving)


def _movable(
    session: Session, waiting: Iterable[ToMsrp], may_move: Callable[[ToMsrp], bool] = lambda _: True
) -> tuple[list[ToMsrp], list[ToMsrp]]:
    """Those that another session may carry, which then have been moved, and the others."""
    moving: list[ToMsrp] = []
    staying: list[ToMsrp] = []
    for message in waiting:
        moves = may_move(message) and not (message.moved or session.gateway.draining)
        (moving if moves else staying).append(message)
        message.moved = True
    return moving, staying
