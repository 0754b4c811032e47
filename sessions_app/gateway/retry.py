"""A message that failed and is to be delivered after all, at an operator's wish: its row is pending again by now.

It goes into the live session of its key where there is one, else into a new one; or elsewhere, to a target that the
operator names, in a session of its own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sessions_app.gateway.recovery import decision_of
from sessions_app.gateway.routing import calling
from sessions_app.gateway.session import Session
from sessions_app.gateway.to_msrp import ToMsrp
from sessions_app.gateway.to_page import ToPage
from sessions_app.store.writer import Obligation

if TYPE_CHECKING:
    from sessions_app.gateway.gateway import Gateway
    from sessions_app.store.estate import Owed

HOPS = 70
"""Max-Forwards of what is sent again (RFC 3261 s8.1.1.6)."""


def retry(gateway: Gateway, owed: Owed, ruri: str = "", next_hop: str = "") -> str:
    """Send it again; ``ruri`` and ``next_hop`` send it elsewhere. What was begun, in words."""
    obligation = Obligation.of_row()
    hop = next_hop or ruri
    elsewhere = bool(hop)
    if owed.direction == "to_page":
        session = Session(gateway, decision_of(owed), owed.initiator, owed.source, HOPS)
        session.become_past(owed)
        if elsewhere:
            session.page.ruri, session.page.hop = ruri or session.page.ruri, hop
            session.decision = replace(session.decision, next_hop=hop)  # the operator's word
        message = ToPage.of_row(session, owed, obligation)
        # Another request to the far end, which has answered the first one (RFC 3261 s8.1.1.5).
        message.since = gateway.wheel.now
        message.resent, message.cseq = False, 2 + int(max(0, gateway.wall() - owed.received_at))
        gateway.page_side.enqueue(message)
        return "sent again to the message side"
    live = gateway.sessions.get(owed.key)
    if live is not None and not elsewhere:
        if live.id == owed.session:
            live.undelivered = max(0, live.undelivered - 1)
        live.take(_again(live, owed, obligation))
        return "sent again in the live session"
    decision = calling(decision_of(owed), owed.initiator)
    if elsewhere:
        key = owed.key if live is None else f"{owed.key} {owed.id}"
        decision = replace(decision, key=key, ruri=ruri or decision.ruri, next_hop=hop)
    session = Session(gateway, decision, "message", owed.source, HOPS)
    gateway.add(session)
    session.queue.append(_again(session, owed, obligation))
    session.call()
    return "sent again by a new session"


def _again(session: Session, owed: Owed, obligation: Obligation) -> ToMsrp:
    message = ToMsrp.of_row(session, owed, obligation)
    message.since = session.gateway.wheel.now
    return message
