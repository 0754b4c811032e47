"""Messages that came with an INVITE, or with the answer to one, and not on the MSRP connection (RFC 5621 s4).

Nobody waits for a response to them but to the request itself, so it is answered 200 once they are kept; what becomes of
them is told by the notifications that they ask for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from protocols.sip.transaction_server import State as TransactionState
from sessions_app.cause import ENDED, Cause, Side
from sessions_app.gateway import content
from sessions_app.gateway.duplicates import seen_as
from sessions_app.gateway.life import Event
from sessions_app.gateway.session_row import State
from sessions_app.gateway.to_page import ToPage

if TYPE_CHECKING:
    from protocols.sip.message import Message
    from protocols.sip.transaction_server import InviteServerTransaction
    from sessions_app.gateway.content import Form
    from sessions_app.gateway.session import Session


def refusal(session: Session, messages: Sequence[Form]) -> tuple[int, str] | None:
    """Why messages that a request brings cannot be taken, as its answer; None where they can, or there are none."""
    gateway = session.gateway
    if not messages:
        return None
    if not gateway.config.promises:
        return 415, "Messages within an INVITE are not taken here"
    size = sum(len(each.body) for each in messages)
    if size > session.max_size:
        return 413, "Message too large"
    if not (gateway.page_side.has_room(session.page.ruri) and gateway.held.has_room(size)):
        return 480, "Too many messages wait for this recipient"
    return None


def keep(
    session: Session, transaction: InviteServerTransaction, messages: Sequence[Form], then: Callable[[], object]
) -> None:
    """Keep what a request brought, then let ``then`` answer it and deliver; where it brought nothing, answer at once.

    A request that is cancelled meanwhile, or whose session has ended, is answered already: nothing is delivered of it.
    """
    made = _made(session, transaction.request, messages)
    if not made:
        then()
        return
    left = len(made)

    def kept(_: object) -> None:
        nonlocal left
        left -= 1
        if left:
            return
        if transaction.state is TransactionState.PROCEEDING and session.state is not State.ENDED:
            then()
            for each in made:
                session.gateway.page_side.enqueue(each)
        else:
            cause = Cause(Side.GATEWAY, ENDED, "the request that brought it was cancelled")
            for each in made:
                each.finished(Event.REFUSED, None, cause)

    for each in made:
        each.keep_or_wait(kept)


def take(session: Session, response: Message, messages: Sequence[Form]) -> None:
    """Deliver what the answer to our own request brought."""
    for each in _made(session, response, messages):
        each.keep_or_wait(lambda _: None)
        session.gateway.page_side.enqueue(each)


def _made(session: Session, message: Message, messages: Sequence[Form]) -> list[ToPage]:
    """Those that are new: a request that is made again, as after a failure of its set-up, brings them again."""
    made = []
    for number, form in enumerate(messages, 1):
        held = content.read(form.type, form.body)
        name = (held.imdn_message_id if held is not None else "") or f"{message.call_id[:100]}.{number}"
        if session.gateway.seen.get(seen_as(session.key, name)) is None:
            to_page = ToPage(session, form.type, form.body, message_id=name, cpim=held)
            session.gateway.seen.put(seen_as(session.key, name), to_page)
            made.append(to_page)
    return made
