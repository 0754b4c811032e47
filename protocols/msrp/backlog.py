"""The big messages of one connection: cut into chunks as bytes are taken, in turn by session (RFC 4975 s5.1, s7.1.1).

A chunk stays open as long as nothing else waits, so a big message on a quiet connection is one chunk. It is closed as
soon as a response, a REPORT or a short message waits, when its session's turn is over, or, with '#', when the message
has its outcome before its end (RULEBOOK S23, S30). Within a session the order of sending is kept.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from protocols.msrp import writer
from protocols.msrp.ids import new_transaction_id

if TYPE_CHECKING:
    from protocols.msrp.connection import MsrpConnection
    from protocols.msrp.outgoing import OutgoingMessage
    from protocols.msrp.session import MsrpSession

_MIN_CHUNK = 2048  # RULEBOOK S23


class Backlog:
    """What waits on one connection for its turn, and the chunk that is open."""

    __slots__ = ("_chunk_bytes", "_connection", "_open", "_open_tid", "turns")

    def __init__(self, connection: MsrpConnection) -> None:
        self._connection = connection
        self.turns: deque[MsrpSession] = deque()
        """Sessions with something to send in chunks; the first is being served."""
        self._open: OutgoingMessage | None = None  # the message whose chunk has no end-line yet
        self._open_tid = ""
        self._chunk_bytes = 0

    @property
    def busy(self) -> bool:
        """True when there is anything left to hand out, be it an end-line."""
        return bool(self.turns) or self._open is not None

    def add(self, session: MsrpSession, outgoing: OutgoingMessage) -> None:
        """Let a message wait for its turn."""
        if session.backlog is None:
            session.backlog = deque()
        if not session.backlog:
            self.turns.append(session)
        session.backlog.append(outgoing)
        self._connection.waiting += len(outgoing.body)

    def drop(self, outgoing: OutgoingMessage) -> bool:
        """Send no more of a message that has its outcome; True when its open chunk must be ended."""
        session = outgoing.session
        if session.backlog and outgoing in session.backlog:
            self._connection.waiting -= len(outgoing.body) - outgoing.offset
            session.backlog.remove(outgoing)
            if not session.backlog and session in self.turns:
                self.turns.remove(session)
        return self._open is outgoing

    def leave(self, session: MsrpSession) -> bool:
        """Send no more for a session; True when an open chunk of it must be ended."""
        if session in self.turns:
            for outgoing in session.backlog or ():
                self._connection.waiting -= len(outgoing.body) - outgoing.offset
            self.turns.remove(session)
        session.backlog = None
        return self._open is not None and self._open.session is session

    def clear(self) -> None:
        """Forget everything: the connection is gone."""
        self.turns.clear()
        self._open = None

    def sending(self, session: MsrpSession, message_id: str) -> OutgoingMessage | None:
        """The message of this id that has begun to go out in chunks and has more to send."""
        if session.backlog:
            head = session.backlog[0]
            if head.message_id == message_id and head.offset:
                return head
        return None

    def produce(self, ready: list[bytes], writable: bool) -> list[bytes]:
        """``ready``, with the open chunk closed before it where need be, and more of the big messages after it."""
        parts: list[bytes] = []
        current = self._open
        if current is not None and (ready or current.done):
            self._close_chunk("#" if current.done else "+", parts)
        parts += ready
        limits = self._connection.endpoint.limits
        budget = max(limits.flush_budget, _MIN_CHUNK)
        fair = max(limits.fair_slice, _MIN_CHUNK)
        while writable and self.turns and budget > 0:
            session = self.turns[0]
            backlog = session.backlog
            if not backlog:
                self.turns.popleft()
                continue
            current = backlog[0]
            if self._open is None:
                if budget < _MIN_CHUNK and budget < len(current.body) - current.offset:
                    break
                self._open_chunk(session, current, parts)
            contended = len(self.turns) > 1
            room = min(budget, fair - self._chunk_bytes) if contended else budget
            cut = False
            if room > 0:
                taken, cut = self._slice(current, room)
                parts.append(current.body[current.offset : current.offset + taken])
                current.offset += taken
                budget -= taken
                self._chunk_bytes += taken
                self._connection.waiting -= taken
            if current.offset >= len(current.body):
                current.all_written = True
                self._close_chunk("$", parts)
                backlog.popleft()
                self.turns.popleft()
                if backlog:
                    self.turns.append(session)
            elif cut:
                self._close_chunk("+", parts)
            elif contended and self._chunk_bytes >= fair:
                self._close_chunk("+", parts)
                self.turns.rotate(-1)
        return parts

    def _open_chunk(self, session: MsrpSession, current: OutgoingMessage, parts: list[bytes]) -> None:
        self._open = current
        self._open_tid = tid = new_transaction_id()
        self._chunk_bytes = 0
        self._connection.chunk_opened(current, tid)
        parts.append(session.chunk_head(current, tid))

    def _close_chunk(self, flag: str, parts: list[bytes]) -> None:
        current, self._open = self._open, None
        if current is not None:
            parts.append(writer.end_line(self._open_tid, flag))
            self._connection.chunk_closed(current, self._open_tid)

    def _slice(self, current: OutgoingMessage, room: int) -> tuple[int, bool]:
        """How many of the next ``room`` bytes this chunk may carry, and whether it must end there (RULEBOOK S21)."""
        body, offset = current.body, current.offset
        marker = b"-------" + self._open_tid.encode()
        taken = min(room, len(body) - offset)
        found = body.find(marker, offset, offset + taken + len(marker) - 1)
        return (taken, False) if found < 0 else (found - offset + 1, True)
