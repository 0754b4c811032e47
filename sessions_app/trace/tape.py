"""The tape: octets as sockets gave and took them, the newest first to go into a ring of the tracer's.

The event loop's part is one append for each event of a socket, which may hold 64 datagrams: nothing is parsed, copied
or looked up here. The tracer (:mod:`sessions_app.trace.tracer`) takes the entries away four times a second.
"""

from __future__ import annotations

import time
from typing import Any, Final, NamedTuple

MOST: Final = 200_000
"""Entries that may wait for the tracer; more are not kept."""

End = tuple[str, int]


class Link(NamedTuple):
    """A socket: ``sip`` or ``msrp``; ``udp`` or ``tcp``; our end; the peer's, None where every datagram has its own."""

    protocol: str
    transport: str
    local: End
    remote: End | None


class Tape:
    """``on``: whether anybody wants entries: (seconds since 1970, link, whether it went out, octets or datagrams)."""

    __slots__ = ("_entries", "lost", "on")

    def __init__(self, *, on: bool) -> None:
        self.on = on
        self.lost = 0
        """Entries for which there was no room."""
        self._entries: list[tuple[float, Link, bool, Any]] = []

    def note(self, link: Link, out: bool, data: Any) -> None:
        """Octets of a stream, or a list of datagrams with their addresses; called on the event loop if ``on``."""
        entries = self._entries
        if len(entries) < MOST:
            entries.append((time.time(), link, out, data))
        else:
            self.lost += 1

    def take(self) -> list[tuple[float, Link, bool, Any]]:
        """All there is; called by the tracer's thread."""
        taken, self._entries = self._entries, []
        return taken
