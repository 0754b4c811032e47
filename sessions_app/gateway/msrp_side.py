"""The MSRP connections of the gateway: which session uses which, and what the engine's events mean.

A connection to the same host and port is shared (RFC 4975 s5.4, RULEBOOK S14); one without sessions is closed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from protocols.msrp.connection import MsrpConnection
from protocols.msrp.events import (
    BindTimeout,
    ConnectionFault,
    Event,
    MessageReceived,
    ReportReceived,
    SendOutcome,
    SessionBound,
    SessionLost,
)
from sessions_app.gateway.session import Session
from sessions_app.gateway.to_msrp import ToMsrp

if TYPE_CHECKING:
    from sessions_app.gateway.gateway import Gateway

HostPort = tuple[str, int]


class MsrpSide:
    """``dial`` and ``close`` are set by the host: open a connection to a host and port, close a connection."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._open: dict[HostPort, MsrpConnection] = {}
        """Connections that we opened and that further sessions may use."""
        self._opened_to: dict[MsrpConnection, HostPort] = {}
        self._dialling: dict[HostPort, list[Session]] = {}
        self.dial: Callable[[HostPort], None] | None = None
        self.close: Callable[[MsrpConnection], None] | None = None

    # ------------------------------------------------------------------ connections

    def connect(self, session: Session, to: HostPort) -> None:
        """Give ``session`` a connection: the one that is there, or a new one."""
        connection = self._open.get(to)
        if connection is not None and connection.live:
            session.msrp_connected(connection, shared=True)
            return
        waiting = self._dialling.get(to)
        if waiting is not None:
            waiting.append(session)
            return
        if self.dial is None:
            session.msrp_unreachable("no MSRP transport")
            return
        self._dialling[to] = [session]
        self.dial(to)

    def connected(self, to: HostPort, connection: MsrpConnection) -> None:
        """The host opened the connection it was asked for."""
        self._open[to] = connection
        self._opened_to[connection] = to
        for session in self._dialling.pop(to, ()):
            session.msrp_connected(connection)
        self.close_if_idle(connection)

    def dial_failed(self, to: HostPort, detail: str) -> None:
        """The host could not."""
        for session in self._dialling.pop(to, ()):
            session.msrp_unreachable(f"{detail} ({to[0]}:{to[1]})")

    def lost(self, connection: MsrpConnection) -> None:
        """The connection is gone."""
        self._withdraw(connection)
        self.handle(connection.lost(self._gateway.wheel.now))

    def close_if_idle(self, connection: MsrpConnection) -> None:
        """Close it if no session needs it any more; from now on none gets it."""
        if not connection.sessions and connection.live and self.close is not None:
            self._withdraw(connection)
            self.close(connection)

    def _withdraw(self, connection: MsrpConnection) -> None:
        to = self._opened_to.pop(connection, None)
        if to is not None and self._open.get(to) is connection:
            del self._open[to]

    # ----------------------------------------------------------------------- events

    def handle(self, events: list[Event]) -> None:
        """What the engine told."""
        for event in events:
            if isinstance(event, SendOutcome):
                message = event.outgoing.context
                if isinstance(message, ToMsrp):
                    message.session.send_outcome(message, event)
            elif isinstance(event, ConnectionFault):
                self._gateway.count("msrp_connection_faults")
                self._withdraw(event.connection)
                if self.close is not None:
                    self.close(event.connection)
            else:
                owner = event.session.user
                if isinstance(owner, Session):
                    self._tell(owner, event)

    def _tell(self, owner: Session, event: Event) -> None:
        match event:
            case MessageReceived():
                owner.message_received(event.incoming)
            case SessionBound():
                owner.msrp_bound()
            case SessionLost():
                owner.msrp_lost(event.reason, event.code)
            case BindTimeout():
                owner.msrp_bind_timeout()
            case ReportReceived():
                owner.report_received(event)
            # MessageAborted needs nothing: nothing was promised.
