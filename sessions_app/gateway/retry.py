"""A message that failed and is to be delivered after all, at an operator's wish: its row is pending again by now.

It goes into the live session of its key where there is one, else into a new one; or elsewhere, to a target that the
operator names, in a session of its own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sessions_app.gateway.recovery import decision_of, inviting
from sessions_app.gateway.session import Session
from sessions_app.gateway.to_msrp import ToMsrp
from sessions_app.gateway.to_page import ToPage
from sessions_app.store.writer import Obligation

if TYPE_CHECKING:
    from sessions_app.gateway.gateway import Gateway
    from sessions_app.store.claim import Claimed

HOPS = 70
"""Max-Forwards of what is sent again (RFC 3261 s8.1.1.6)."""


def retry(gateway: Gateway, claimed: Claimed, ruri: str = "", next_hop: str = "") -> str:
    """Send it again; ``ruri`` and ``next_hop`` send it elsewhere. What was begun, in words."""
    owed = claimed.owed
    obligation = Obligation.of_row()
    if owed.direction == "to_page":
        session = Session(gateway, decision_of(owed), owed.initiator, owed.source, HOPS)
        session.become_past(owed.session)
        session.to_msrp, session.to_page, session.undelivered = claimed.to_msrp, claimed.to_page, claimed.undelivered
        if ruri or next_hop:
            session.page_ruri, session.page_hop = ruri or session.page_ruri, next_hop
        gateway.page_side.enqueue(ToPage.of_row(session, owed, obligation))
        return "sent again to the message side"
    live = gateway.sessions.get(owed.key)
    elsewhere = bool(ruri or next_hop)
    if live is not None and not elsewhere:
        if live.id == owed.session:
            live.undelivered = max(0, live.undelivered - 1)
        live.take(ToMsrp.of_row(live, owed, obligation))
        return "sent again in the live session"
    decision = inviting(owed)
    if elsewhere:
        key = owed.key if live is None else f"{owed.key} {owed.id}"
        decision = replace(decision, key=key, ruri=ruri or decision.ruri, next_hop=next_hop)
    session = Session(gateway, decision, "message", owed.source, HOPS)
    gateway.add(session)
    session.queue.append(ToMsrp.of_row(session, owed, obligation))
    session.call()
    return "sent again by a new session"
