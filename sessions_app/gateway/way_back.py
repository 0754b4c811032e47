"""Where MESSAGEs of the way back are sent: by From, or to where the user's own MESSAGEs come from.

A MESSAGE has no Contact (RFC 3428 s4), so From is all that it says of the way back; a user agent behind a NAT, or one
that writes From without its port, is not reached by that. Its source address is where its answers go as well (RFC 3581
s4), and a connection that it has opened leads to it as long as it stands (RFC 5626 s5.3). Whoever may send in a user's
name moves that user's way back with it, so a route follows the source only where its peers are known to be honest.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from protocols.sip.errors import SipError
from protocols.sip.flow import Address
from protocols.sip.uri import SipUri, aor_of

if TYPE_CHECKING:
    from protocols.sip.transaction_server import ServerTransaction
    from sessions_app.gateway.routing import Decision
    from sessions_app.gateway.session import Session

ONLY_BY_FLOW: Final = ";ob"
"""At the end of a hop: only a connection that is there leads to it (the ``ob`` of RFC 5626 s5.4)."""


def settled(decision: Decision, transaction: ServerTransaction) -> Decision:
    """The decision for a MESSAGE, with the hop of the way back where the route takes it from the source."""
    hop = _hop(decision, transaction)
    return decision if hop == decision.back_hop else replace(decision, back_hop=hop)


def follow(session: Session, decision: Decision, transaction: ServerTransaction) -> None:
    """A later MESSAGE of the message side's user: MESSAGEs go on where it says now, and an event tells it."""
    page = session.page
    by_source = decision.back_hop if decision.way_back == "from" else _hop(decision, transaction)
    if not by_source and session.initiator != "message":
        return  # where its user is reached was the word of its route, not of a From
    hop = by_source or decision.from_uri
    if hop == (page.hop or page.ruri) or not _is_elsewhere(session, hop, decision.from_uri):
        return
    page.hop, page.target = hop, None
    if by_source:  # else it stays the user's own word, which may not lead everywhere (Session.origin)
        if session.initiator == "message":
            session.decision = replace(session.decision, back_hop=hop)
            session.gateway.store.change_session(session.id, {"back_hop": hop})
        else:
            session.decision = replace(session.decision, next_hop=hop)
            session.gateway.store.change_session(session.id, {"next_hop": hop})
    session.event("way_back", hop)


def _hop(decision: Decision, transaction: ServerTransaction) -> str:
    """The SIP URI of the way back; empty: the Request-URI of its MESSAGEs, which is From."""
    if decision.back_hop or decision.way_back == "from":
        return decision.back_hop
    host, port = transaction.source[:2]
    transport = transaction.flow.transport
    only = ONLY_BY_FLOW if decision.way_back == "flow" and transport != "UDP" else ""
    return f"sip:{Address(host, port)};transport={transport.lower()}{only}"


def _is_elsewhere(session: Session, hop: str, from_uri: str) -> bool:
    """Whether ``hop`` of the session's own user leads to another place than that which is known."""
    page = session.page
    try:
        return aor_of(from_uri) == aor_of(page.to_uri) and _place(hop) != _place(page.hop or page.ruri)
    except SipError:
        return False


def _place(uri: str) -> tuple[str, str, int | None, str, bool]:
    """What of a URI decides where it leads. Raises SipError for what is none."""
    parsed = SipUri.parse(uri)
    host = (parsed.params.get("maddr") or parsed.host).lower()
    return parsed.scheme, host, parsed.port, (parsed.transport or "").lower(), uri.endswith(ONLY_BY_FLOW)
