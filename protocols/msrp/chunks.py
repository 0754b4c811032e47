"""One incoming message put together from its chunks (RFC 4975 s7.3.1; RULEBOOK S22, S24, D3).

Chunks may come in any order, with any allocation, and may overlap: the last one received wins. The length of a chunk
is that of its payload, never what its range-end claims. Nothing is allocated for bytes that have not arrived: memory
is proportional to what was received, and the number of loose pieces is bounded.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

MAX_PIECES = 4096
_SLACK = 64 * 1024

Piece = bytes | bytearray | memoryview


class Assembly:
    """The pieces of one message so far, in order of position and without overlap."""

    __slots__ = ("_held", "_pieces", "_starts", "covered", "headers", "message_id", "owner", "total")

    def __init__(self, message_id: str, owner: object = None) -> None:
        self.message_id = message_id
        self.owner = owner
        """Who holds this assembly; not used here."""
        self.headers: dict[str, str] = {}
        """Headers of the first chunk of the message, or of another until that one has come."""
        self.covered = 0
        """Octets of the message present."""
        self.total: int | None = None
        """Octets of the whole message, known once the chunk with '$' came."""
        self._starts: list[int] = []  # position of each piece, from 0
        self._pieces: list[Piece] = []
        self._held = 0  # octets kept alive by the pieces, overwritten ones included

    @property
    def held(self) -> int:
        """Octets of memory that this assembly keeps alive, about."""
        return self._held + 256 * len(self._pieces)

    @property
    def complete(self) -> bool:
        """True when the last chunk is known and nothing is missing before its end."""
        return self.total is not None and self.covered == self.total

    def add(self, start: int, data: bytes, last: bool) -> bool:
        """Put ``data`` at octet ``start`` (from 1); ``last`` when its flag was '$'. False: too many loose pieces."""
        begin = start - 1
        if last:
            self.total = begin + len(data)
            self._cut_after(self.total)
        elif self.total is not None and begin + len(data) > self.total:
            data = data[: max(0, self.total - begin)]  # '$' fixed the total: nothing lies behind it
        if data:
            self._place(begin, data)
        return len(self._pieces) <= MAX_PIECES

    def body(self) -> bytes:
        """The whole message; meaningful once complete."""
        return b"".join(self._pieces)

    def _place(self, begin: int, data: bytes) -> None:
        starts, pieces = self._starts, self._pieces
        end = begin + len(data)
        self._held += len(data)
        if not starts or begin >= starts[-1] + len(pieces[-1]):  # in order: the common case
            self.covered += len(data)
            tail = pieces[-1] if pieces else None
            if tail is not None and begin == starts[-1] + len(tail) and len(tail) + len(data) <= _SLACK:
                if isinstance(tail, bytearray):
                    tail += data
                else:
                    pieces[-1] = bytearray(tail) + data
                return
            starts.append(begin)
            pieces.append(data)
            return
        self._clear(begin, end)
        at = bisect_left(starts, begin)
        starts.insert(at, begin)
        pieces.insert(at, data)
        self.covered += len(data)
        if self._held > 2 * self.covered + _SLACK:  # overwritten octets are let go before they outweigh the message
            pieces[:] = [bytes(piece) for piece in pieces]
            self._held = self.covered

    def _clear(self, begin: int, end: int) -> None:
        """Forget what is present of [begin, end)."""
        starts, pieces = self._starts, self._pieces
        first = max(0, bisect_right(starts, begin) - 1)
        stop = bisect_left(starts, end)
        kept_starts: list[int] = []
        kept: list[Piece] = []
        for at in range(first, stop):
            start, piece = starts[at], pieces[at]
            finish = start + len(piece)
            if finish <= begin:
                kept_starts.append(start)
                kept.append(piece)
                continue
            self.covered -= min(finish, end) - max(start, begin)
            view = memoryview(bytes(piece) if isinstance(piece, bytearray) else piece)
            if start < begin:
                kept_starts.append(start)
                kept.append(view[: begin - start])
            if finish > end:
                kept_starts.append(end)
                kept.append(view[end - start :])
        starts[first:stop] = kept_starts
        pieces[first:stop] = kept

    def _cut_after(self, total: int) -> None:
        if self._starts and self._starts[-1] + len(self._pieces[-1]) > total:
            self._clear(total, self._starts[-1] + len(self._pieces[-1]))
