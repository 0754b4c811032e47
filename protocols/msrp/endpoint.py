"""The endpoint: which session-id is which session, and every timer of the engine.

Each delay is a constant, so each kind of timer is one queue in order of insertion: O(1) to start and to stop, and
``expire`` looks only at what has expired.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from protocols.held import HeldOctets
from protocols.msrp.accept import ANY, AcceptTypes
from protocols.msrp.chunks import Assembly
from protocols.msrp.connection import MsrpConnection
from protocols.msrp.errors import MsrpError, MsrpUriError
from protocols.msrp.events import BindTimeout, ConnectionFault, Event, MessageAborted
from protocols.msrp.limits import Limits
from protocols.msrp.session import MsrpSession
from protocols.msrp.uri import MsrpUri


class MsrpEndpoint:
    """All MSRP sessions of one process. ``now`` is in seconds, from any clock that does not go back."""

    __slots__ = (
        "_bind_waits",
        "_by_text",
        "_idle_waits",
        "_sessions",
        "_silences",
        "assembly_bytes",
        "held",
        "limits",
        "now",
        "ready",
        "transactions",
    )

    def __init__(self, limits: Limits | None = None, held: HeldOctets | None = None) -> None:
        self.limits = limits or Limits()
        self.held = held or HeldOctets(self.limits.max_held_bytes)
        """Octets of frames and messages that are not whole yet, and whatever else shares the bound."""
        self.now = 0.0
        """The latest time the host told."""
        self.assembly_bytes = 0
        """Memory that incomplete messages keep alive, in bytes."""
        self.ready: list[Event] = []
        """Events that arose while bytes were handed out; the next ``expire`` tells them."""
        self.transactions: OrderedDict[str, tuple[float, MsrpConnection]] = OrderedDict()
        """Transaction id -> (deadline, connection) of requests that wait for a response."""
        self._sessions: dict[str, MsrpSession] = {}
        self._by_text: dict[str, MsrpSession] = {}
        self._bind_waits: OrderedDict[MsrpSession, float] = OrderedDict()
        self._idle_waits: OrderedDict[MsrpConnection, float] = OrderedDict()
        self._silences: OrderedDict[Assembly, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sessions)

    def create_session(
        self,
        local_uri: MsrpUri | str,
        *,
        accept_types: AcceptTypes | str | Iterable[str] = ANY,
        max_size: int | None = None,
    ) -> MsrpSession:
        """Register a session under ``local_uri``, whose session-id must be new (RULEBOOK S3).

        ``accept_types`` and ``max_size`` (octets) are what we told the peer, and what 415 and 413 hold it to.
        Raises MsrpUriError, or MsrpError when the session-id is taken or missing.
        """
        uri = MsrpUri.parse(local_uri) if isinstance(local_uri, str) else local_uri
        accept = accept_types if isinstance(accept_types, AcceptTypes) else AcceptTypes(accept_types)
        session = MsrpSession(self, uri, accept, self.limits.max_message_bytes if max_size is None else max_size)
        if session.session_id in self._sessions:
            raise MsrpError("session-id is in use")
        self._sessions[session.session_id] = session
        self._by_text[session.local_text] = session
        return session

    def create_connection(self, outbound: bool, now: float | None = None, remote: str = "") -> MsrpConnection:
        """The engine's half of a new connection; ``remote`` is the numeric address at its other end.

        When ``now`` is given for an accepted one it must carry a session within limits.bind_timeout, else it is
        reported with ConnectionFault.
        """
        connection = MsrpConnection(self, outbound, remote)
        if now is not None and not outbound:
            self._idle_waits[connection] = now + self.limits.bind_timeout
        return connection

    def find(self, to_path: str) -> MsrpSession | None:
        """The session that a To-Path names, which must be one URI and match ours (RFC 4975 s7.3; RULEBOOK S1)."""
        session = self._by_text.get(to_path)
        if session is None:
            try:
                uri = MsrpUri.parse(to_path.strip())
            except MsrpUriError:
                return None
            session = self._sessions.get(uri.session_id or "")
            if session is not None and session.local_uri != uri:
                return None
        return session

    def get(self, session_id: str) -> MsrpSession | None:
        """The session of this id."""
        return self._sessions.get(session_id)

    def forget(self, session: MsrpSession) -> None:
        """Unregister a closed session."""
        self._sessions.pop(session.session_id, None)
        self._by_text.pop(session.local_text, None)
        self._bind_waits.pop(session, None)

    def start_bind_wait(self, session: MsrpSession, now: float) -> None:
        """The session must be bound within limits.bind_timeout from ``now``."""
        self._bind_waits.pop(session, None)
        self._bind_waits[session] = now + self.limits.bind_timeout

    def bound(self, session: MsrpSession, connection: MsrpConnection) -> None:
        """Stop the waits that the binding of ``session`` to ``connection`` ends."""
        self._bind_waits.pop(session, None)
        self._idle_waits.pop(connection, None)

    def in_use(self, connection: MsrpConnection) -> None:
        """It has something to carry: stop the wait for its first session."""
        self._idle_waits.pop(connection, None)

    def start_idle_wait(self, connection: MsrpConnection) -> None:
        """It has nothing to carry any more, and so much time for something new."""
        self._idle_waits[connection] = self.now + self.limits.bind_timeout

    def gone(self, connection: MsrpConnection) -> None:
        """Stop the waits of a lost connection."""
        self._idle_waits.pop(connection, None)

    @property
    def assembly_count(self) -> int:
        """Incoming messages that are not complete."""
        return len(self._silences)

    def touch_assembly(self, assembly: Assembly, grown: int, now: float) -> None:
        """A chunk came for ``assembly``, which keeps ``grown`` more bytes alive."""
        self.assembly_bytes += grown
        self.held.add(grown)
        self._silences[assembly] = now + self.limits.assembly_timeout
        self._silences.move_to_end(assembly)

    def drop_assembly(self, assembly: Assembly) -> None:
        """``assembly`` is complete or given up."""
        if self._silences.pop(assembly, None) is not None:
            self.assembly_bytes -= assembly.held
            self.held.add(-assembly.held)

    def next_deadline(self) -> float | None:
        """When ``expire`` must be called next, None when nothing waits."""
        if self.ready:
            return self.now
        nearest: float | None = None
        if self.transactions:
            nearest = next(iter(self.transactions.values()))[0]
        for queue in (self._bind_waits, self._idle_waits, self._silences):
            if queue:
                deadline: float = next(iter(queue.values()))
                if nearest is None or deadline < nearest:
                    nearest = deadline
        return nearest

    def expire(self, now: float) -> list[Event]:
        """Everything that has run out by ``now``."""
        self.now = now
        events, self.ready = self.ready, []
        transactions = self.transactions
        while transactions and next(iter(transactions.values()))[0] <= now:
            tid, (_, connection) = transactions.popitem(last=False)
            connection.transaction_expired(tid, events)
        while self._bind_waits and next(iter(self._bind_waits.values())) <= now:
            session, _ = self._bind_waits.popitem(last=False)
            events.append(BindTimeout(session))
        while self._idle_waits and next(iter(self._idle_waits.values())) <= now:
            connection, _ = self._idle_waits.popitem(last=False)
            events.append(ConnectionFault(connection, "no session was bound in time"))
        while self._silences and next(iter(self._silences.values())) <= now:
            assembly = next(iter(self._silences))
            self.drop_assembly(assembly)
            owner = assembly.owner
            if isinstance(owner, MsrpSession) and owner.assemblies is not None:
                owner.assemblies.pop(assembly.message_id, None)
                events.append(MessageAborted(owner, assembly.message_id, "timeout"))
        return events
