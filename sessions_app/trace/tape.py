"""The tape: octets as sockets gave and took them, the newest first to go into a ring of the tracer's.

The event loop's part is one append for each event of a socket, which may hold 64 datagrams: nothing is parsed, copied
or looked up here. The tracer (:mod:`sessions_app.trace.tracer`) takes the entries away four times a second.
"""

from __future__ import annotations

import time
from operator import itemgetter
from typing import Any, Final, NamedTuple

_octets: Final = itemgetter(0)

End = tuple[str, int]


class Link(NamedTuple):
    """A socket: ``sip`` or ``msrp``; ``udp`` or ``tcp``; our end; the peer's, None where every datagram has its own."""

    protocol: str
    transport: str
    local: End
    remote: End | None


class Stretch:
    """What was noted between two looks of the tracer.

    ``entries``: (seconds since 1970, link, whether it went out, octets or datagrams); ``size``: octets of all.
    """

    __slots__ = ("entries", "size")

    def __init__(self) -> None:
        self.entries: list[tuple[float, Link, bool, Any]] = []
        self.size = 0


class Tape:
    """``on``: whether anybody wants entries. ``most``: octets that may wait for the tracer; more are not kept."""

    __slots__ = ("_most", "_stretch", "lost", "on")

    def __init__(self, *, on: bool, most: int) -> None:
        self.on = on
        self.lost = 0
        """Entries for which there was no room."""
        self._most = most
        self._stretch = Stretch()

    def note(self, link: Link, out: bool, data: Any) -> None:
        """Octets of a stream, or a list of datagrams with their addresses; called on the event loop if ``on``."""
        stretch = self._stretch
        if stretch.size > self._most:
            self.lost += 1
            return
        # Added up here and not by the tracer: its thread would hold the interpreter from the loop for it.
        stretch.size += len(data) if link.remote is not None else sum(map(len, map(_octets, data)))
        stretch.entries.append((time.time(), link, out, data))

    def take(self) -> Stretch:
        """All there is; called by the tracer's thread."""
        taken, self._stretch = self._stretch, Stretch()
        return taken
