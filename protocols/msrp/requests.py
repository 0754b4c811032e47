"""The rules for a received request: whose it is, whether it may be here, what is answered.

RFC 4975 s5.4, s7.2, s7.3; RULEBOOK S15-S31.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from protocols.msrp import writer
from protocols.msrp.byte_range import parse_byte_range, parse_status
from protocols.msrp.chunks import Assembly
from protocols.msrp.events import Event, MessageAborted, MessageReceived, ReportReceived
from protocols.msrp.frames import MsrpRequest
from protocols.msrp.incoming import IncomingMessage

if TYPE_CHECKING:
    from protocols.msrp.connection import MsrpConnection
    from protocols.msrp.session import MsrpSession

_LENIENT_ID = re.compile(r"[!-~]{1,128}")  # wider than the ABNF: peers send longer and shorter ones (RULEBOOK S4)
_NOWHERE = "msrp://anonymous.invalid:2855;tcp"


def receive_request(connection: MsrpConnection, request: MsrpRequest, now: float, events: list[Event]) -> None:
    """Take one request from ``connection``: queue what it is owed, append what it means."""
    if request.fault is not None:
        refuse(connection, request, 400, request.fault)  # RULEBOOK D34
        return
    method = request.method
    session = connection.endpoint.find(request.to_path)
    if session is None:
        refuse(connection, request, 481)  # RULEBOOK S16
        return
    if session.connection is not connection:
        if session.connection is None:
            if method == "REPORT":  # only a SEND binds
                return
        elif not _of_one_relay(session, session.connection, connection):
            refuse(connection, request, 506)  # RULEBOOK S16, D32
            return
    if not session.from_path_fits(request.from_path):
        refuse(connection, request, 481, "From-Path is not the peer's")  # RULEBOOK D32
        return
    if session.connection is not None and session.connection is not connection:
        connection.has_guest(session)
    if method == "SEND":
        if session.connection is None:
            connection.bind(session)
        if not session.bind_confirmed:
            connection.confirm(session, events)
        _receive_send(connection, session, request, now, events)
    elif method == "REPORT":
        _receive_report(connection, session, request, events)
    else:
        refuse(connection, request, 501)  # RULEBOOK S25, D34


def _of_one_relay(session: MsrpSession, bound_to: MsrpConnection, connection: MsrpConnection) -> bool:
    """Whether both connections are those of the first hop of a path that has more than one.

    A relay may open one of its own to us for what comes from behind it, beside the one that we have opened to it
    (RFC 4976 s6.4). The From-Path has to be the peer's all the same.
    """
    relayed = session.peer_path is not None and len(session.peer_path) > 1
    return relayed and bool(connection.remote) and connection.remote == bound_to.remote


def refuse(connection: MsrpConnection, request: MsrpRequest, code: int, comment: str | None = None) -> None:
    """Answer ``request`` with an error, unless it is one that must not be answered (RULEBOOK S26, S28).

    A connection that carries no session is there to be bound to one, and not to be refused for ever.
    """
    connection.refused()
    if request.method == "REPORT" or request.headers.get("failure-report", "").lower() == "no":
        return
    _respond(connection, request, code, comment)


def _respond(connection: MsrpConnection, request: MsrpRequest, code: int, comment: str | None = None) -> None:
    back = request.from_path
    own = request.to_path
    if request.method == "SEND":
        back = back.partition(" ")[0]  # RULEBOOK S29
    if not _echoable(own):
        session = next(iter(connection.sessions), None)
        own = session.local_text if session is not None else _NOWHERE
    if not _echoable(back):
        session = connection.endpoint.find(own)
        if session is None or session.peer_path is None or session.connection is not connection:
            return  # nobody to address
        back = session.peer_path[0]
    connection.queue(writer.response(request.tid, code, comment, back, own))


def _echoable(path: str) -> bool:
    return bool(path) and path.isascii() and path.isprintable()


def _receive_send(
    connection: MsrpConnection, session: MsrpSession, request: MsrpRequest, now: float, events: list[Event]
) -> None:
    headers = request.headers
    message_id = headers.get("message-id")
    if message_id is None or not (
        (len(message_id) <= 128 and message_id.isascii() and message_id.isalnum()) or _LENIENT_ID.fullmatch(message_id)
    ):
        refuse(connection, request, 400, "Message-ID missing or malformed")
        return
    start, total = 1, None
    range_text = headers.get("byte-range")
    if range_text is not None:
        found = parse_byte_range(range_text)
        if found is None:
            refuse(connection, request, 400, "malformed Byte-Range")
            return
        start, _, total = found  # the range-end is never believed (RULEBOOK S22)
    flag = request.flag
    assemblies = session.assemblies
    body = request.body
    if request.oversize:
        _stop(connection, session, request, message_id, 413, "too large", events)
        return
    if session.refused and message_id in session.refused and (flag != "$" or start != 1):
        code = session.refused[message_id] if flag == "+" else session.refused.pop(message_id)
        if flag != "#":
            refuse(connection, request, code)  # sent before our first refusal was read
            return
    if flag == "#":  # RULEBOOK S20: the sender gave up
        _give_up(session, message_id, "aborted by peer", events)
        _accept(connection, request)
        return
    if body is None and (flag != "$" or start == 1):
        _accept(connection, request)
        if headers.get("success-report", "").lower() == "yes":  # browser stacks bind like this and wait for it
            head = writer.paths(request.from_path, session.local_text)
            connection.queue(writer.report(head, message_id, 200, None, 0, 0))
        return
    if body is None:  # ends a message whose octets have all been sent
        body = b""
    elif not session.accept_types.allows(headers["content-type"]):
        _stop(connection, session, request, message_id, 415, "media type", events)
        return
    if start - 1 + len(body) > session.max_size or (total is not None and total > session.max_size):
        _stop(connection, session, request, message_id, 413, "too large", events)  # on the first chunk that shows it
        return
    if flag == "$" and (start == 1 or range_text is None):  # RULEBOOK S24
        if assemblies is not None and message_id in assemblies:
            session.endpoint.drop_assembly(assemblies.pop(message_id))
    else:
        assembly = _collect(connection, session, request, message_id, start, now, events)
        if assembly is None:
            return
        body = assembly.body()
        headers = assembly.headers
    wish = request.headers.get("failure-report", "yes").lower()
    incoming = IncomingMessage(
        session,
        connection,
        request.tid,
        request.from_path,
        message_id,
        headers["content-type"],
        body,
        headers,
        headers.get("success-report", "no").lower() == "yes",
        wish if wish in ("no", "partial") else "yes",
        session.seen(message_id),
    )
    events.append(MessageReceived(session, incoming))


def _accept(connection: MsrpConnection, request: MsrpRequest) -> None:
    """200 to a chunk that needs no decision of the host (RULEBOOK S26, D33)."""
    if request.headers.get("failure-report", "yes").lower() not in ("no", "partial"):
        _respond(connection, request, 200)


def _give_up(session: MsrpSession, message_id: str, reason: str, events: list[Event]) -> None:
    """Drop what has come of a message, and say so if anything had."""
    if session.assemblies is not None:
        assembly = session.assemblies.pop(message_id, None)
        if assembly is not None:
            session.endpoint.drop_assembly(assembly)
            events.append(MessageAborted(session, message_id, reason))


def _stop(
    connection: MsrpConnection,
    session: MsrpSession,
    request: MsrpRequest,
    message_id: str,
    code: int,
    reason: str,
    events: list[Event],
) -> None:
    """Refuse a SEND; if it is part of a longer message, the rest of that too (RULEBOOK S31)."""
    _give_up(session, message_id, reason, events)
    if request.flag == "+" and not request.oversize:
        session.refuse(message_id, code)
    refuse(connection, request, code)


def _collect(
    connection: MsrpConnection,
    session: MsrpSession,
    request: MsrpRequest,
    message_id: str,
    start: int,
    now: float,
    events: list[Event],
) -> Assembly | None:
    """Put a chunk to its message; the assembly when that completes it. Else the chunk is answered here."""
    endpoint = session.endpoint
    limits = endpoint.limits
    body = request.body or b""
    assemblies = session.assemblies
    if assemblies is None:
        assemblies = session.assemblies = {}
    assembly = assemblies.get(message_id)
    if assembly is None:
        if start > 1 and session.knows(message_id):  # overlaps what was given on: too late to take that back
            _accept(connection, request)
            return None
        if (
            len(assemblies) >= limits.max_assemblies_per_session
            or endpoint.assembly_count >= limits.max_assemblies
            or not endpoint.held.has_room(len(body))
        ):
            _stop(connection, session, request, message_id, 413, "too much incomplete", events)  # RULEBOOK S24
            return None
        assembly = assemblies[message_id] = Assembly(message_id, session)
        assembly.headers = request.headers
    elif start == 1:
        assembly.headers = request.headers
    before = assembly.held
    fits = assembly.add(start, body, request.flag == "$")
    endpoint.touch_assembly(assembly, assembly.held - before, now)
    if not fits or not endpoint.held.has_room(0):
        _stop(connection, session, request, message_id, 413, "too many pieces", events)
        return None
    if assembly.complete:
        del assemblies[message_id]
        endpoint.drop_assembly(assembly)
        return assembly
    _accept(connection, request)
    return None


def _receive_report(
    connection: MsrpConnection, session: MsrpSession, request: MsrpRequest, events: list[Event]
) -> None:
    """A REPORT is never answered, and nothing it lacks may hurt (RULEBOOK S28, D7, D10)."""
    headers = request.headers
    message_id = headers.get("message-id", "")
    status = parse_status(headers.get("status", ""))
    if status is None or status[0] != "000" or _LENIENT_ID.fullmatch(message_id) is None:
        return
    _, code, comment = status
    byte_range = parse_byte_range(headers.get("byte-range", "")) or (1, None, None)
    events.append(ReportReceived(session, message_id, code, byte_range, comment))
    if code != 200:
        sending = connection.backlog.sending(session, message_id)
        if sending is not None:  # RFC 4975 s7.3.2: read like a response of that code
            connection.stop(sending, code, comment, events)
