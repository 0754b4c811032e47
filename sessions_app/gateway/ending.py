"""How a session ends: what becomes of the messages that wait, of its row, of the dialog and of the connection."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sessions_app.cause import LostWith
from sessions_app.gateway import session_row, telling
from sessions_app.gateway.outcomes import Answer, setup_cause, setup_refused
from sessions_app.gateway.session_row import State

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sessions_app.cause import Cause
    from sessions_app.gateway.session import Session
    from sessions_app.gateway.to_msrp import ToMsrp


def fail(session: Session, cause: Cause, reason: str | None, *, bye: bool) -> None:
    """Set-up failed: tell every waiting MESSAGE, the records, the operator's listeners, and the sender if asked.

    ``cause.code`` and ``reason`` are those of a negative SIP reply, None where none came.
    """
    gateway = session.gateway
    answer = setup_refused(cause.code) if cause.code is not None else setup_cause(cause.layer)
    waiting = list(session.queue)
    # Who is told by a notice in words is told by one, of all of them.
    owed = [message for message in waiting if message.is_owed and not telling.wants_imdn(message)]
    wanted = session.decision.notify_failure and session.initiator == "message"
    notice: Callable[[], object] | None = None
    if (owed or wanted) and not gateway.draining:
        in_words = [message for message in waiting if not (message.is_owed and telling.wants_imdn(message))]
        notice = partial(telling.set_up_failed, session, cause, reason, owed or in_words, len(owed))
    # A notice about what was promised is kept with its end; another one is not said before what it is about has ended.
    last = None if owed else next((message for message in reversed(waiting) if message.promised), None)
    _fail_waiting(session, answer, cause.taking_along(LostWith.SETUP), owed, last, notice)
    answered = answer.code if session.initiator == "message" else 200
    gateway.setup_failed(session, cause, reason, answered, len(waiting))
    if notice is not None and last is None:
        notice()
    close(session, "failed", cause.end_reason, bye=bye)


def end(session: Session, cause: Cause, *, bye: bool) -> None:
    """A live session is over, or one that is being set up is given up."""
    _fail_waiting(session, Answer(480, None, 5), cause.taking_along(LostWith.SESSION))
    close(session, "ended", cause.end_reason, bye=bye)


def _fail_waiting(
    session: Session,
    answer: Answer,
    cause: Cause,
    told_together: Sequence[ToMsrp] = (),
    last: ToMsrp | None = None,
    after: Callable[[], object] | None = None,
) -> None:
    """All of them have failed; ``after`` is called once that is on record of ``last``."""
    waiting = list(session.queue)
    session.queue.clear()
    for message in waiting:
        message.failed(answer, None, cause, tell=message not in told_together, after=after if message is last else None)


def close(session: Session, state: str, reason: str, *, bye: bool) -> None:
    """Its row ends as ``state``, ended or failed. ``bye``: whether the MSRP side has to be told."""
    gateway = session.gateway
    take_apart(session, bye=bye)
    gateway.store.change_session(
        session.id,
        {"state": state, "ended_at": gateway.wall(), "end_reason": reason, **session_row.progress(session)},
    )
    gateway.dirty.pop(session, None)
    session.event(state, reason)
    gateway.count(f"sessions_{state}")


def take_apart(session: Session, *, bye: bool) -> None:
    """Undo what points at each other.

    So a session goes when it has ended and not when the garbage collector looks for cycles, which stops the loop for
    longer the more sessions there are.
    """
    session.state = State.ENDED
    session.is_set_up()
    session.gateway.forget(session)
    leg, session.leg = session.leg, None
    if leg is not None:
        leg.hang_up(bye=bye)
    drop_msrp(session)
    session.peer.give_up()


def drop_msrp(session: Session) -> None:
    """Let the MSRP session go, and the connection where it carries no other."""
    msrp, session.msrp = session.msrp, None
    if msrp is None:
        return
    gateway = session.gateway
    msrp.user = None
    connection = msrp.connection
    gateway.msrp_side.handle(msrp.close(gateway.wheel.now))
    if connection is not None:
        gateway.msrp_side.close_if_idle(connection)
