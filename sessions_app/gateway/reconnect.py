"""A session whose MSRP connection, or whose dialog, is lost while messages are owed (RFC 4975 s5.4, RULEBOOK S17).

It is offered anew on its dialog under a new path; where the dialog is of no use either, a new session carries what
waits. Each message is moved so at most once, and a session offered anew only once until something has arrived.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.msrp.uri import MsrpUri
from sessions_app.gateway import ending
from sessions_app.gateway.outcomes import Answer
from sessions_app.gateway.routing import calling
from sessions_app.gateway.session_row import State

if TYPE_CHECKING:
    from sessions_app.gateway.session import Session


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


def move_on(session: Session, reason: str, *, bye: bool) -> None:
    """End; a new session carries what waits or has no answer yet, which may have arrived."""
    if session.state is State.ENDED:
        return
    gateway = session.gateway
    waiting = session.give_way(reason, bye=bye)
    moving = [message for message in waiting if not (message.moved or gateway.draining)]
    for message in waiting:
        if message not in moving:
            message.failed(Answer(480, None, 5), None, f"gateway, session: {reason}")
        message.moved = True
    if moving:
        gateway.begin(calling(session.decision, session.initiator), session.source, moving)
