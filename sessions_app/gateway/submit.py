"""Messages that a program hands in, instead of a peer: by route, as a MESSAGE would come, or into a live session.

They are kept at once, as if they had been answered 202; their rows tell the outcome.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.msrp.ids import new_message_id
from protocols.payload.errors import PayloadError
from protocols.sip.errors import SipError
from protocols.sip.ids import new_call_id
from sessions_app.gateway import content
from sessions_app.gateway.compose import composed
from sessions_app.gateway.routing import RouteRequest
from sessions_app.gateway.session import Session
from sessions_app.gateway.session_row import State
from sessions_app.gateway.to_msrp import ToMsrp
from sessions_app.gateway.to_page import ToPage

if TYPE_CHECKING:
    from protocols.msrp.accept import AcceptTypes
    from sessions_app.gateway.gateway import Gateway

HOPS = 70
"""Max-Forwards of what goes out (RFC 3261 s8.1.1.6)."""


class NotSent(Exception):
    """The message was not taken; the text says why."""


def by_route(gateway: Gateway, from_uri: str, to_uri: str, source: str, content_type: str, body: bytes) -> str:
    """Do with it what the request route does with such a MESSAGE from ``source``; its id. Raises NotSent."""
    try:
        asked = RouteRequest(composed("MESSAGE", from_uri, to_uri), source)
    except SipError as error:
        raise NotSent(error.reason)
    if not gateway.trusts(source):
        raise NotSent(f"{source} belongs to no peer")
    gateway.route(asked)
    decision = asked.decision
    if decision is None:
        raise NotSent("no route takes this message")
    if decision.action == "reject":
        raise NotSent(f"the route refuses it: {decision.code} {decision.reason or ''}".rstrip())
    if decision.action != "msg_to_msrp":
        raise NotSent("its route does not carry MESSAGEs")
    _check(gateway, decision.content_types, content_type, body)
    session = gateway.sessions.get(decision.key)
    new = session is None
    if session is None:
        if gateway.draining or len(gateway.sessions) >= gateway.config.max_sessions:
            raise NotSent("this node takes no new sessions")
        session = Session(gateway, decision, "message", source, HOPS)
        gateway.add(session)
    message = _to_msrp(session, content_type, body)
    if not new:
        _keep(message)
    session.take(message)
    if new:
        session.call()
        if session.state is not State.ENDED:  # else it has its row, and its outcome, already
            _keep(message)
    return message.id


def into_session(gateway: Gateway, identity: str, direction: str, content_type: str, body: bytes) -> str:
    """Send it to one side of a live session; its id. Raises NotSent."""
    session = gateway.by_id.get(identity)
    if session is None or session.state is State.ENDED:
        raise NotSent("no such live session here")
    _check(gateway, session.decision.content_types, content_type, body)
    if direction == "to_page":
        if not gateway.page_side.has_room(session.page.ruri):
            raise NotSent("too many messages wait for this target")
        held = content.read(content_type, body)
        reply = ToPage(session, content_type, body, message_id=new_message_id(), cpim=held)
        _keep(reply)
        gateway.page_side.enqueue(reply)
        return reply.id
    message = _to_msrp(session, content_type, body)
    _keep(message)
    session.take(message)
    return message.id


def _to_msrp(session: Session, content_type: str, body: bytes) -> ToMsrp:
    held = content.read(content_type, body)
    return ToMsrp(session, content_type, body, new_call_id(), new_message_id(), held)


def _check(gateway: Gateway, allowed: AcceptTypes, content_type: str, body: bytes) -> None:
    try:
        carried = content.carries(allowed, content_type, content.read(content_type, body))
    except PayloadError as error:
        raise NotSent(error.reason)
    if not carried:
        raise NotSent(f"{content_type} is not carried here")
    if not gateway.config.promises:
        raise NotSent("bodies are not kept here, so nothing can be handed in for later (GATEWAY_STORE_BODIES)")
    if gateway.store.full or not gateway.store.healthy:
        raise NotSent("the database takes no rows")
    if not gateway.held.has_room(len(body)):
        raise NotSent("too many messages wait here")


def _keep(message: ToMsrp | ToPage) -> None:
    """Make it an obligation, whose row is written before its outcome."""
    message.owe(lambda _: None)
