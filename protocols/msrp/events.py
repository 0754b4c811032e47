"""What the MSRP engine tells its host: one slotted dataclass an event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from protocols.msrp.connection import MsrpConnection
    from protocols.msrp.session import IncomingMessage, MsrpSession, OutgoingMessage

Layer = Literal["response", "written", "timeout", "connection", "closed"]


@dataclass(slots=True)
class SessionBound:
    """The session is in use on this connection: its first SEND came (passive) or was answered 200 (active)."""

    session: MsrpSession
    """The session now bound (RULEBOOK S15, S16)."""
    connection: MsrpConnection
    """The connection that carries it."""


@dataclass(slots=True)
class MessageReceived:
    """A whole message is here; the host owes it one call of ``incoming.respond``."""

    session: MsrpSession
    """The session it came on."""
    incoming: IncomingMessage
    """The message, and the way to answer and report."""


@dataclass(slots=True)
class MessageAborted:
    """A message of which some chunks had come will not be completed."""

    session: MsrpSession
    """The session it came on."""
    message_id: str
    """Its Message-ID."""
    reason: str
    """'aborted by peer', 'timeout', 'too large', 'media type', 'too many pieces', 'connection lost', 'session closed'
    or 'bind refused ...'."""


@dataclass(slots=True)
class SendOutcome:
    """What became of an outgoing message; exactly one for each."""

    session: MsrpSession
    """The session it was sent on."""
    outgoing: OutgoingMessage
    """The message as send() returned it."""
    code: int | None
    """Response code; None when no response decided it."""
    reason: str
    """Comment of the response, or what happened instead of one."""
    layer: Layer
    """Who decided: the peer's response (or failure REPORT while sending); 'written': handed out, and no answer was
    asked for; the 30 s timer; the loss of the connection; the end of the session."""


@dataclass(slots=True)
class ReportReceived:
    """A REPORT with namespace 000 came on a bound session; its Message-ID may be unknown (RULEBOOK S28)."""

    session: MsrpSession
    """The session it came on."""
    message_id: str
    """The Message-ID that it reports on."""
    code: int
    """Status code: 200 delivered, anything else a failure (RULEBOOK S30)."""
    byte_range: tuple[int, int | None, int | None]
    """(start, end, total) in octets from 1, None where '*' or absent; (1, None, None) without one (DEFECTS D10)."""
    comment: str
    """Text after the code."""


@dataclass(slots=True)
class SessionLost:
    """The session no longer has its connection and cannot get it back without a new offer (RULEBOOK S17)."""

    session: MsrpSession
    """The session, unbound but still registered until it is closed."""
    reason: str
    """What happened."""
    code: int | None = None
    """Response code that refused the bind, None when no response was the cause."""


@dataclass(slots=True)
class ConnectionFault:
    """The host must close this connection, then call its ``lost``."""

    connection: MsrpConnection
    """The connection that can no longer be used."""
    reason: str
    """What is wrong with it."""


@dataclass(slots=True)
class BindTimeout:
    """The first SEND did not come, or the bind SEND was not answered, in time (RULEBOOK S15)."""

    session: MsrpSession
    """The session, unbound."""


Event = (
    SessionBound
    | MessageReceived
    | MessageAborted
    | SendOutcome
    | ReportReceived
    | SessionLost
    | ConnectionFault
    | BindTimeout
)
