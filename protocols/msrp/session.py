"""One MSRP session: its two ends, its connection, and sending on it (RFC 4975 s5.4, s7.1)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from protocols.msrp import writer
from protocols.msrp.accept import ANY, AcceptTypes, media_type
from protocols.msrp.chunks import Assembly
from protocols.msrp.errors import (
    BAD_ARGUMENT,
    CLOSED,
    CONGESTED,
    NOT_BOUND,
    TOO_LARGE,
    TYPE_NOT_ACCEPTED,
    MsrpError,
    MsrpSendError,
)
from protocols.msrp.events import Event, Layer, MessageAborted, SendOutcome
from protocols.msrp.ids import IDENT, new_message_id, new_transaction_id
from protocols.msrp.incoming import IncomingMessage
from protocols.msrp.outgoing import OutgoingMessage
from protocols.msrp.uri import MsrpUri, same_path

if TYPE_CHECKING:
    from protocols.msrp.connection import MsrpConnection
    from protocols.msrp.endpoint import MsrpEndpoint

__all__ = ["IncomingMessage", "MsrpSession", "OutgoingMessage"]

ONE_CHUNK = 2048
"""Longest body that may go out uninterruptible, in octets (RULEBOOK S23)."""


class MsrpSession:
    """One session of this endpoint, made by ``endpoint.create_session``."""

    __slots__ = (
        "_older_ids",
        "_peer_text",
        "_recent_ids",
        "_send_head",
        "accept_types",
        "assemblies",
        "backlog",
        "bind_confirmed",
        "closed",
        "connection",
        "endpoint",
        "local_text",
        "local_uri",
        "lodgings",
        "max_size",
        "peer_accept_types",
        "peer_max_size",
        "peer_path",
        "pending",
        "refused",
        "session_id",
        "user",
    )

    def __init__(self, endpoint: MsrpEndpoint, local_uri: MsrpUri, accept_types: AcceptTypes, max_size: int) -> None:
        if local_uri.session_id is None:
            raise MsrpError("the local URI of a session needs a session-id")
        self.endpoint = endpoint
        self.local_uri = local_uri
        """Our own URI in this session."""
        self.local_text = str(local_uri)
        self.session_id: str = local_uri.session_id
        self.accept_types = accept_types
        """What we take; anything else is answered 415."""
        self.max_size = max_size
        """Longest message we take, in octets; a longer one is answered 413."""
        self.peer_path: tuple[str, ...] | None = None
        """The peer's a=path, next hop first (RULEBOOK S7); None until set_peer."""
        self.peer_accept_types: AcceptTypes = ANY
        self.peer_max_size: int | None = None
        self.user: object | None = None
        """The host's own pointer, never looked at here."""
        self.connection: MsrpConnection | None = None
        """The live connection that carries the session, None while unbound."""
        self.lodgings: list[MsrpConnection] | None = None
        """Further connections on which the relay of its peer speaks to it."""
        self.bind_confirmed = False
        """True once SessionBound was told."""
        self.closed = False
        self.pending: dict[OutgoingMessage, None] = {}
        """Messages without an outcome yet, oldest first."""
        self.backlog: deque[OutgoingMessage] | None = None
        """Messages that go out chunk by chunk, in order; the connection serves it."""
        self.assemblies: dict[str, Assembly] | None = None
        """Incoming messages that are not complete, by Message-ID."""
        self.refused: dict[str, int] | None = None
        """Message-ID -> code of chunked messages refused before their end, whose chunks may still come; bounded."""
        self._peer_text: str | None = None
        self._send_head = ""
        self._recent_ids: set[str] | None = None
        self._older_ids: set[str] | None = None

    @property
    def bound(self) -> bool:
        """True while a live connection carries the session; with a peer set, that is when ``send`` is allowed."""
        return self.connection is not None

    def set_peer(
        self,
        path: Sequence[str] | str,
        accept_types: AcceptTypes | str | Iterable[str] = ANY,
        max_size: int | None = None,
    ) -> bool:
        """Take over what the peer's SDP said: its path, the types it accepts, its max-size in octets.

        May be called again after a new offer (RULEBOOK S11). A SEND may have bound the session before the peer's SDP
        was read; if its From-Path turns out not to be this path the session is unbound again and False is returned
        (RULEBOOK S16, D32). Raises MsrpUriError when the path holds something else than MSRP URIs.
        """
        hops = tuple(path.split()) if isinstance(path, str) else tuple(path)
        if not hops:
            raise MsrpError("empty path")
        for hop in hops:
            MsrpUri.parse(hop)
        text = " ".join(hops)
        early, self._peer_text = self._peer_text, text
        intruder = self.peer_path is None and early is not None and not same_path(early, text)
        self.peer_path = hops
        self.peer_accept_types = accept_types if isinstance(accept_types, AcceptTypes) else AcceptTypes(accept_types)
        self.peer_max_size = max_size
        self._send_head = writer.paths(text, self.local_text)
        if intruder and self.connection is not None:
            self.connection.unbind(self)
            return False
        return True

    def leaves(self, lodging: MsrpConnection) -> None:
        """A connection that its peer's relay used too is not used for it any more."""
        self.lodgings = [each for each in self.lodgings or () if each is not lodging] or None
        lodging.guest_left(self)

    def from_path_fits(self, from_path: str) -> bool:
        """True when a request with this From-Path is from our peer (RULEBOOK S1, D32)."""
        if from_path == self._peer_text:
            return True
        if self.peer_path is None:  # the peer's SDP is still to come; knowing our session-id is its credential
            if self._peer_text is None and same_path(from_path, from_path):
                self._peer_text = from_path
                self._send_head = writer.paths(from_path, self.local_text)
                return True
            return False
        return same_path(from_path, " ".join(self.peer_path))

    def await_bind(self, now: float) -> None:
        """Start the wait for the peer's first SEND (passive side); its end is a BindTimeout (RULEBOOK S15)."""
        if self.connection is None and not self.closed:
            self.endpoint.start_bind_wait(self, now)

    def attach(self, connection: MsrpConnection, now: float, *, bind: bool = True) -> None:
        """Use ``connection`` for this session (active side) and queue the SEND that binds it (RULEBOOK S14, S15).

        ``bind`` False is for a caller that sends content at once, which binds as well. The session may send from now
        on; SessionBound tells that the peer agreed, SessionLost with a code that it refused, BindTimeout that it did
        not answer. Raises MsrpError when the session is closed, bound elsewhere, or has no peer yet.
        """
        if self.closed or self.peer_path is None or not connection.live:
            raise MsrpError("session closed, without a peer, or connection lost")
        if self.connection is not None and self.connection is not connection:
            raise MsrpError("session is bound to another connection")
        connection.bind(self)
        if bind:
            tid = new_transaction_id()
            connection.send_bind(self, tid, writer.bind(tid, self._send_head, new_message_id()))

    def send(
        self,
        message_id: str,
        content_type: str,
        body: bytes,
        *,
        success_report: bool = False,
        failure_report: str = "yes",
        now: float = 0.0,
        context: object = None,
    ) -> OutgoingMessage:
        """Queue one message; its SendOutcome follows. Order is kept within the session.

        Up to 2048 octets go out as one chunk, more in interruptible chunks that give way to responses, REPORTs and
        other sessions (RULEBOOK S23). Raises MsrpSendError, with its cause, when the message may not be sent now.
        """
        connection = self.connection
        if connection is None or self.peer_path is None:
            raise MsrpSendError(CLOSED if self.closed else NOT_BOUND)
        if IDENT.fullmatch(message_id) is None:  # RULEBOOK S4
            raise MsrpSendError(BAD_ARGUMENT, "Message-ID")
        if not self.peer_accept_types.allows(content_type):  # RULEBOOK S8
            if media_type(content_type) is None:
                raise MsrpSendError(BAD_ARGUMENT, "Content-Type")
            raise MsrpSendError(TYPE_NOT_ACCEPTED, content_type)
        size = len(body)
        if self.peer_max_size is not None and size > self.peer_max_size:  # RULEBOOK S10
            raise MsrpSendError(TOO_LARGE, f"{size} > {self.peer_max_size}")
        if connection.waiting > self.endpoint.limits.max_outbox_bytes:
            raise MsrpSendError(CONGESTED)
        if failure_report not in ("yes", "no", "partial"):
            raise MsrpSendError(BAD_ARGUMENT, "Failure-Report")
        outgoing = OutgoingMessage(self, message_id, content_type, body, success_report, failure_report, context)
        self.pending[outgoing] = None
        if size > ONE_CHUNK or self.backlog:
            connection.send_big(self, outgoing)
        else:
            tid = new_transaction_id() if b"-------" not in body else writer.free_transaction_id(body)
            reports = (
                writer.report_headers(success_report, failure_report)
                if success_report or failure_report != "yes"
                else ""
            )
            connection.send_small(
                outgoing, tid, writer.send(tid, self._send_head, message_id, reports, content_type, body)
            )
        return outgoing

    def chunk_head(self, outgoing: OutgoingMessage, tid: str) -> bytes:
        """The head of the next chunk of ``outgoing``."""
        return writer.chunk_head(
            tid,
            self._send_head,
            outgoing.message_id,
            writer.report_headers(outgoing.success_report, outgoing.failure_report),
            outgoing.content_type,
            outgoing.offset + 1,
            len(outgoing.body),
        )

    def settle(
        self, outgoing: OutgoingMessage, code: int | None, reason: str, layer: Layer, events: list[Event]
    ) -> None:
        """Give ``outgoing`` its one outcome; later news about it is ignored."""
        if not outgoing.done:
            outgoing.done = True
            outcome = SendOutcome(self, outgoing, code, reason, layer)
            self.pending.pop(outgoing, None)
            events.append(outcome)

    def fail_all(self, reason: str, layer: Layer, events: list[Event]) -> None:
        """Give every message without an outcome this one, and drop every incomplete message."""
        for outgoing in list(self.pending):
            self.settle(outgoing, None, reason, layer, events)
        if self.assemblies:
            for assembly in list(self.assemblies.values()):
                self.endpoint.drop_assembly(assembly)
                events.append(MessageAborted(self, assembly.message_id, reason))
        self.assemblies = None

    def refuse(self, message_id: str, code: int) -> None:
        """Answer ``code`` to the chunks of this message that are still to come."""
        if self.refused is None:
            self.refused = {}
        elif len(self.refused) >= self.endpoint.limits.max_assemblies_per_session:
            del self.refused[next(iter(self.refused))]
        self.refused[message_id] = code

    def knows(self, message_id: str) -> bool:
        """True when a whole message of this Message-ID came, and is still remembered."""
        recent, older = self._recent_ids, self._older_ids
        return recent is not None and (message_id in recent or (older is not None and message_id in older))

    def seen(self, message_id: str) -> bool:
        """True when the Message-ID came before; remembers it. Bounded by limits.remembered_ids (RULEBOOK S18)."""
        recent = self._recent_ids
        if recent is None:
            self._recent_ids = {message_id}
            return False
        older = self._older_ids
        if message_id in recent or (older is not None and message_id in older):
            return True
        if 2 * len(recent) >= self.endpoint.limits.remembered_ids:
            self._older_ids = recent
            self._recent_ids = {message_id}
        else:
            recent.add(message_id)
        return False

    def close(self, now: float) -> list[Event]:
        """End the session: unregister it, give what is pending its outcome; the connection stays (RULEBOOK S19)."""
        events: list[Event] = []
        if not self.closed:
            self.closed = True
            self.fail_all("session closed", "closed", events)
            connection = self.connection
            if connection is not None:
                connection.unbind(self)
            for lodging in self.lodgings or ():
                self.leaves(lodging)
            self.endpoint.forget(self)
        return events
