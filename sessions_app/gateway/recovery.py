"""After a restart: what was acknowledged and not delivered goes out, in order, as the same message to its peer.

The MSRP peer sees the same Message-ID, the page peer the same Call-ID, CSeq and From tag. A session that owes messages
to the MSRP side is set up anew by an INVITE; one that owes to the message side needs none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions_app.gateway.routing import Decision, accept_types
from sessions_app.gateway.session import Session
from sessions_app.gateway.to_msrp import ToMsrp
from sessions_app.gateway.to_page import ToPage
from sessions_app.store.writer import Obligation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sessions_app.gateway.gateway import Gateway
    from sessions_app.store.owed import Owed


def resume(gateway: Gateway, messages: Iterable[Owed]) -> int:
    """Take up what is owed, oldest first; how many messages there were."""
    number = 0
    bygone: dict[str, Session] = {}
    calling: dict[str, Session] = {}
    for owed in messages:
        number += 1
        obligation = Obligation.of_row()
        if owed.direction == "to_page":
            session = bygone.get(owed.session)
            if session is None:
                session = bygone[owed.session] = Session(gateway, decision_of(owed), owed.initiator, owed.source, 70)
                session.become_past(owed.session)
            gateway.page_side.enqueue(ToPage.of_row(session, owed, obligation))
        else:
            session = calling.get(owed.key)
            if session is None:
                session = calling[owed.key] = Session(gateway, inviting(owed), "message", owed.source, 70)
                gateway.add(session)
            session.queue.append(ToMsrp.of_row(session, owed, obligation))
    for session in calling.values():
        session.call()
    return number


def decision_of(owed: Owed) -> Decision:
    """The decision that its session was made by."""
    return Decision(
        action="msg_to_msrp" if owed.initiator == "message" else "msrp_gw_answer",
        key=owed.key,
        content_types=accept_types(owed.content_types),
        from_uri=owed.from_uri,
        to_uri=owed.to_uri,
        ruri=owed.ruri,
        next_hop=owed.next_hop,
        back_hop=owed.back_hop,
        route=owed.route,
    )


def inviting(owed: Owed) -> Decision:
    """The decision to INVITE the MSRP side; where that had called us, the mirror of its call."""
    if owed.initiator == "message":
        return decision_of(owed)
    return Decision(
        action="msg_to_msrp",
        key=owed.key,
        content_types=accept_types(owed.content_types),
        from_uri=owed.to_uri,
        to_uri=owed.from_uri,
        ruri=owed.from_uri,
        back_hop=owed.next_hop,
        route=owed.route,
    )
