"""What comes in from either side: decoded, recognised, checked, before it is a message in a session.

A body that cannot be carried is refused with the code that the standards name, and what is no message (isComposing, a
notification for us) goes its own way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from protocols.payload import encoding
from protocols.payload.errors import PayloadError
from sessions_app.gateway import composing, content, way_back
from sessions_app.gateway.content import COMPOSING, IMDN, Form
from sessions_app.gateway.duplicates import seen_as
from sessions_app.gateway.routing import calling
from sessions_app.gateway.to_msrp import ToMsrp, message_id_of
from sessions_app.gateway.to_page import DELIVERED, ToPage

if TYPE_CHECKING:
    from protocols.msrp.incoming import IncomingMessage
    from protocols.payload.cpim import CpimMessage
    from protocols.sip.message import Request
    from protocols.sip.transaction_server import ServerTransaction
    from sessions_app.gateway.gateway import Gateway
    from sessions_app.gateway.routing import Decision
    from sessions_app.gateway.session import Session

DATABASE_AWAY: Final = ("Retry-After", "5")


class _Refused(Exception):
    """A MESSAGE that cannot be taken, and its answer."""

    def __init__(self, code: int, reason: str | None = None, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.headers = headers


def from_page(gateway: Gateway, transaction: ServerTransaction, decision: Decision) -> None:
    """A MESSAGE that a route wants to be carried."""
    request = transaction.request
    session = gateway.sessions.get(decision.key)
    held: CpimMessage | None = None
    try:
        form = _read_request(gateway, request)
        if not (content.ordinary(form.type) and decision.content_types.allows(form.type)):
            held = content.read(form.type, form.body)
            within = content.essence_within(form.type, held)
            if within == COMPOSING:
                _composing(session, transaction, form, held)
                return
            if not content.carries(decision.content_types, form.type, held):
                raise _Refused(415, None, (("Accept", _accept(decision)),))
            if within == IMDN:
                octets = content.document(form.body, held)
                if gateway.notifications.arrived(octets, "to_page", (request.from_.uri, decision.from_uri)):
                    transaction.respond(200)
                    return
                form = gateway.notifications.relayed(form, held is not None)
                if session is not None and not gateway.notifications.allows(session):
                    raise _Refused(480, "Too many notifications", (("Retry-After", "5"),))
            elif held is None:
                form = content.in_utf8(form.type, form.body)
    except PayloadError as error:
        gateway.count("messages_refused")
        headers = [("Accept", _accept(decision))] if error.code == 415 else []
        if error.code == 415 and "content-encoding" in request.headers:
            headers.append(("Accept-Encoding", encoding.ACCEPT_ENCODING))
        transaction.respond(error.code, error.reason, headers=headers)
        return
    except _Refused as refused:
        gateway.count("messages_refused")
        transaction.respond(refused.code, refused.reason, headers=refused.headers)
        return
    if gateway.seen_before:
        known = gateway.seen_before.answer_to(message_id_of(request), gateway.wheel.now)
        if known is not None:  # the process before this one took it (RULEBOOK M13)
            gateway.count("to_msrp_duplicates")
            transaction.respond(known)
            return
    _carry(gateway, transaction, decision, session, form, held)


def _composing(session: Session | None, transaction: ServerTransaction, form: Form, held: CpimMessage | None) -> None:
    code = composing.to_msrp(session, form, held)
    accept = (("Accept", session.accepts),) if code == 415 and session is not None else ()
    transaction.respond(code, headers=accept)


def _carry(
    gateway: Gateway,
    transaction: ServerTransaction,
    decision: Decision,
    session: Session | None,
    form: Form,
    held: CpimMessage | None,
) -> None:
    store = gateway.store
    if store.full or (session is None and not store.healthy):
        gateway.count("database_away")
        if gateway.database_away.bears_with(transaction):
            transaction.ignore()
            return
        transaction.respond(503, "The records cannot be written", headers=[DATABASE_AWAY])
        return
    if not gateway.held.has_room(len(form.body)):
        gateway.count("no_room")
        transaction.respond(503, "Too many messages wait", headers=[("Retry-After", "5")])
        return
    if session is None:
        if gateway.is_silent(decision):
            transaction.refuse_once(503, "Its next hop does not answer", retry_after=30)
            return
        source = transaction.source[0]
        if gateway.full or not gateway.may_begin(source) or not gateway.setups.take(source):
            transaction.refuse_once(503, retry_after=10)
            return
        made = gateway.make_session(way_back.settled(decision, transaction), transaction)
        made.take(ToMsrp.of_request(made, transaction, form.type, form.body, held))
        made.call()
    else:
        way_back.follow(session, decision, transaction)
        session.take(ToMsrp.of_request(session, transaction, form.type, form.body, held))


def _read_request(gateway: Gateway, request: Request) -> Form:
    """Its body, decoded (RFC 3261 s8.2.3, RFC 3428 s7). Raises PayloadError or _Refused."""
    body = request.body
    content_type = request.first("content-type")
    most = gateway.config.max_page_size
    if not body:
        raise _Refused(400, "Missing message body")
    if content_type is None:
        raise _Refused(400, "Missing Content-Type header field")
    if len(body) > most:
        raise _Refused(413)
    if "content-encoding" in request.headers:
        body = encoding.decode(body, ", ".join(request.headers["content-encoding"]), most)
    return Form(content_type, body)


def _accept(decision: Decision) -> str:
    """The types that a route carries, for Accept."""
    return ", ".join(dict.fromkeys([*decision.content_types.entries, content.CPIM]))


def from_msrp(session: Session, message: IncomingMessage) -> None:
    """A whole message from the MSRP side."""
    gateway = session.gateway
    if session.msrp is None or gateway.draining:
        message.respond(481)
        return
    held: CpimMessage | None = None
    within = ""
    try:
        body = message.body
        if "content-encoding" in message.headers:
            body = encoding.decode(body, message.headers["content-encoding"], session.max_size)
        content_type = message.content_type
        if not content.ordinary(content_type):  # else the session itself has looked whether the route carries it
            held = content.read(content_type, body)
            within = content.essence_within(content_type, held)
            if within == COMPOSING:
                composing.to_page(session, Form(content_type, body), held)
                message.respond(200)
                return
            if not content.carries(session.decision.content_types, content_type, held):
                message.respond(415, "not carried here")
                return
            if held is None:
                content_type, body = content.in_utf8(content_type, body)
    except PayloadError as error:
        gateway.count("to_page_refused")
        message.respond(error.code, error.reason)
        return
    now = gateway.wheel.now
    session.last_send_at = now
    if session.msrp_composes is not None:
        session.msrp_composes.content(now)
    name = seen_as(session.key, message.message_id)
    known = gateway.seen.get(name)
    if known is not None and not (isinstance(known, int) and known < 0):
        _again(gateway, known, message)
        return
    if within == IMDN:
        relayed = _relayed_to_page(session, message, held, Form(content_type, body))
        if relayed is None:
            return
        content_type, body = relayed
    has_room = gateway.page_side.has_room(session.page.ruri) and gateway.held.has_room(len(body))
    if gateway.store.full or not has_room:
        gateway.count("to_page_refused")
        message.respond(413, "too many messages wait for this recipient")
        return
    to_page = ToPage(session, content_type, body, message_id=message.message_id, incoming=message, cpim=held)
    if known is not None:
        to_page.cseq = 1 - known  # it was tried before and failed: to the far end this is another request
    gateway.seen.put(name, to_page)
    gateway.page_side.enqueue(to_page)


def _relayed_to_page(session: Session, message: IncomingMessage, held: CpimMessage | None, form: Form) -> Form | None:
    """An IMDN as it goes on; None where it goes no further, and is answered."""
    notifications = session.gateway.notifications
    try:
        far = calling(session.decision, session.initiator)
        if notifications.arrived(content.document(form.body, held), "to_msrp", (far.to_uri, far.ruri)):
            message.respond(200)
            return None
    except PayloadError as error:
        message.respond(error.code, error.reason)
        return None
    if not notifications.allows(session):
        message.respond(413, "too many notifications")
        return None
    return notifications.relayed(form, held is not None)


def _again(gateway: Gateway, known: ToPage | int, message: IncomingMessage) -> None:
    """A SEND that came before: answered, reported, not delivered again (RFC 4975 s5.4, RULEBOOK S18)."""
    gateway.count("to_page_duplicates")
    if isinstance(known, int):
        message.respond(200)
        if known == DELIVERED:
            message.report(200)
    else:
        known.again(message)
