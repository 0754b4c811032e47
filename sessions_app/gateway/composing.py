"""isComposing between the sides (RFC 3994; RULEBOOK C1): passed on while a session is live, and nothing else.

It sets up no session, waits in no queue, is in no row and is no sign of life.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.msrp.errors import MsrpSendError
from protocols.msrp.ids import new_message_id
from protocols.payload import iscomposing
from protocols.payload.iscomposing import ComposingState
from sessions_app.gateway import content
from sessions_app.gateway.content import COMPOSING, CPIM, Form

if TYPE_CHECKING:
    from protocols.payload.cpim import CpimMessage
    from sessions_app.gateway.session import Session


def to_msrp(session: Session | None, form: Form, held: CpimMessage | None) -> int:
    """From the message side; the answer to the MESSAGE. Raises PayloadError where it cannot be read.

    202 where there is no session to show it in: nothing is promised by that, and its sender may go on (RFC 3994 s4 asks
    who is answered 415 to stop).
    """
    document = iscomposing.parse(content.document(form.body, held))
    msrp = session.msrp if session is not None else None
    if session is None or msrp is None or not msrp.bind_confirmed:
        return 202
    takes = msrp.peer_accept_types
    if held is not None and not takes.allows_bare(CPIM):
        form, held = Form(held.content_type, held.body), None
    if held is None and not takes.allows_bare(COMPOSING):
        return 415
    now = session.gateway.wheel.now
    state = session.page_composes = session.page_composes or ComposingState()
    state.expired(now)
    if state.seen(document, now):
        try:
            msrp.send(new_message_id(), form.type, form.body, failure_report="no", now=now)
        except MsrpSendError:
            return 202
    return 200


def to_page(session: Session, form: Form, held: CpimMessage | None) -> None:
    """From the MSRP side. Raises PayloadError where it cannot be read."""
    document = iscomposing.parse(content.document(form.body, held))
    page = session.page
    if COMPOSING in page.refuses:
        return
    if held is not None and not page.takes_cpim:
        form = Form(held.content_type, held.body)
    if form.essence in page.refuses:
        return
    now = session.gateway.wheel.now
    state = session.msrp_composes = session.msrp_composes or ComposingState()
    state.expired(now)
    if state.seen(document, now):
        session.gateway.page_side.indicate(session, form)
