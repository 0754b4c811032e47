"""Requests of those who are no peers: refused without a trace in memory, and with no more octets than they sent.

A source address over UDP is easily forged, so what is said to a stranger may reach anybody. Therefore no
transaction is made, which would repeat the answer (RFC 3261 s17.2.1), and the answer is never longer than the request:
there is nothing to be had from sending us somebody else's address. The same request gets the same answer, as of a
stateless server (s8.2.7).
"""

from __future__ import annotations

import re
from typing import Final

from protocols.sip.builder import build_response
from protocols.sip.errors import SipError
from protocols.sip.flow import Flow
from protocols.sip.ids import StatelessTags
from protocols.sip.limits import SipLimits
from protocols.sip.salvage import salvage

_COMPACT: Final = {
    b"\r\n%b: " % name.encode(): b"\r\n%b:" % short.encode()
    for name, short in (("Via", "v"), ("From", "f"), ("To", "t"), ("Call-ID", "i"), ("Content-Length", "l"))
}
_long_names = re.compile(b"|".join(_COMPACT)).sub

LIMITS: Final = SipLimits(max_message=65_535, max_head=16_384, max_headers=64, max_header_length=2_048)
"""What of a stranger's message is looked at."""


def is_head(data: bytes | bytearray) -> bool:
    """Whether these octets of a stream, from its beginning, are enough to be refused: a whole head, or too much."""
    return len(data) > LIMITS.max_head or b"\r\n\r\n" in data.lstrip(b"\r\n")


def _shortened(answer: bytes) -> bytes:
    """The same answer with compact header names (s7.3.3) and no reason phrase."""
    start, end, rest = answer.partition(b"\r\n")
    return start[: len(b"SIP/2.0 403 ")] + _long_names(lambda found: _COMPACT[found[0]], end + rest)


class Strangers:
    """Refuses. ``silent``: says nothing at all."""

    __slots__ = ("_tags", "refused", "silent", "unanswered")

    def __init__(self, *, silent: bool = False) -> None:
        self.silent = silent
        self.refused = 0
        """Requests that were answered 403."""
        self.unanswered = 0
        """What was dropped: no request, or one whose answer would be longer."""
        self._tags = StatelessTags()

    def refuse(self, data: bytes, source: tuple[str, int], flow: Flow) -> None:
        """Answer what ``source`` sent, a datagram or the head of a message on a connection, or drop it."""
        found = None if self.silent else self._answer(data, source)
        if found is None:
            self.unanswered += 1
            return
        answer, to = found
        if not flow.reliable and len(answer) > len(data):
            answer = _shortened(answer)
            if len(answer) > len(data):
                self.unanswered += 1
                return
        self.refused += 1
        flow.send(answer, to)

    def _answer(self, data: bytes, source: tuple[str, int]) -> tuple[bytes, tuple[str, int]] | None:
        request = salvage(data, LIMITS)
        if request is None or request.method == "ACK":
            return None
        try:
            request.stamp(*source)
            return build_response(request, 403, to_tag=self._tags.of(request, source)), request.reply_to(source)
        except SipError:
            return None
