"""The MSRP connections of the gateway: which session uses which, and what the engine's events mean.

A connection to the same address and port is shared (RFC 4975 s5.4, RULEBOOK S14); one without sessions is closed. The
addresses of a name are tried in order (RULEBOOK S19), those that the policy about targets permits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

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
from protocols.msrp.uri import MsrpUri
from protocols.sip.flow import Target
from protocols.sip.locate import Origin, numeric
from protocols.sip.transaction_client import Failure
from protocols.sip.transports import MOST_DIALS
from sessions_app.gateway.session import Session
from sessions_app.gateway.session_row import State
from sessions_app.gateway.to_msrp import ToMsrp

if TYPE_CHECKING:
    from sessions_app.gateway.gateway import Gateway

HostPort = tuple[str, int]
DEFAULT_PORT: Final = 2855
"""Where a peer listens that leaves its port out; recommended, no default (RULEBOOK S2)."""


class _Wish:
    """A session that wants a connection to the first of these addresses that takes one."""

    __slots__ = ("others", "session")

    def __init__(self, session: Session, others: list[HostPort]) -> None:
        self.session = session
        self.others = others
        """Addresses that are still to be tried."""


class MsrpSide:
    """``dial`` and ``close`` are set by the host: open a connection to a host and port, close a connection."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._open: dict[HostPort, MsrpConnection] = {}
        """Connections that we opened and that further sessions may use."""
        self._opened_to: dict[MsrpConnection, HostPort] = {}
        self._dialling: dict[HostPort, list[_Wish]] = {}
        self.dial: Callable[[HostPort], None] | None = None
        self.close: Callable[[MsrpConnection], None] | None = None

    # ------------------------------------------------------------------ connections

    def connect(self, session: Session, hop: MsrpUri, origin: Origin) -> None:
        """Give ``session`` a connection to ``hop``, which ``origin`` has named: the one that is there, or a new one."""
        port = hop.port or DEFAULT_PORT
        self._gateway.agent.locator.resolve(
            numeric(hop.host) or hop.host.removesuffix("."), lambda found: self._resolved(session, port, found, origin)
        )

    def _resolved(self, session: Session, port: int, found: list[str] | str, origin: Origin) -> None:
        if session.state is State.ENDED:
            return
        if isinstance(found, str):
            session.msrp_unreachable("dns", found)
            return
        permitted: list[HostPort] = []
        refusal: Failure | None = None
        for address in found:
            fault = self._gateway.agent.locator.refusal(Target("MSRP", address, port), origin)
            if fault is None:
                permitted.append((address, port))
            refusal = refusal or fault
        if permitted:
            self._connect(_Wish(session, permitted))
        else:
            refusal = refusal or Failure("dns", "no address")
            session.msrp_unreachable(refusal.layer, refusal.detail)

    def _connect(self, wish: _Wish) -> None:
        to = wish.others.pop(0)
        connection = self._open.get(to)
        if connection is not None and connection.live:
            wish.session.msrp_connected(connection, shared=True)
            return
        waiting = self._dialling.get(to)
        if waiting is not None:
            waiting.append(wish)
        elif self.dial is None:
            wish.session.msrp_unreachable("tcp", "no MSRP transport")
        elif len(self._dialling) >= MOST_DIALS:
            wish.session.msrp_unreachable("tcp", "too many connections are being made")
        else:
            self._dialling[to] = [wish]
            self.dial(to)

    def connected(self, to: HostPort, connection: MsrpConnection) -> None:
        """The host opened the connection it was asked for."""
        self._open[to] = connection
        self._opened_to[connection] = to
        for wish in self._dialling.pop(to, ()):
            wish.session.msrp_connected(connection)
        self.close_if_idle(connection)

    def dial_failed(self, to: HostPort, detail: str) -> None:
        """The host could not."""
        for wish in self._dialling.pop(to, ()):
            if wish.session.state is State.ENDED:
                continue
            if wish.others:
                self._connect(wish)
            else:
                wish.session.msrp_unreachable("tcp", f"{detail} ({to[0]}:{to[1]})")

    def lost(self, connection: MsrpConnection) -> None:
        """The connection is gone."""
        self._withdraw(connection)
        self.handle(connection.lost(self._gateway.wheel.now))

    def close_if_idle(self, connection: MsrpConnection) -> None:
        """Close it if no session needs it any more; from now on none gets it."""
        if not (connection.sessions or connection.guests) and connection.live and self.close is not None:
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
            elif isinstance(event, MessageReceived):
                receiver = event.session.user
                if isinstance(receiver, Session):
                    receiver.message_received(event.incoming)
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
            case SessionBound():
                owner.msrp_bound()
            case SessionLost():
                owner.msrp_lost(event.reason, event.code)
            case BindTimeout():
                owner.msrp_bind_timeout()
            case ReportReceived():
                owner.report_received(event)
            # MessageAborted needs nothing: nothing was promised.
