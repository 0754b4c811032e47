"""SIP on a stream: cuts it into messages by Content-Length, answers keep-alives (RFC 3261 s18.3, RFC 5626 s3.5.1)."""

from __future__ import annotations

import re
from typing import Final

from protocols.held import HeldOctets, Holding
from protocols.sip.limits import DEFAULT_LIMITS, SipLimits
from protocols.sip.parse_error import SipParseError
from protocols.sip.parser import head_length
from protocols.sip.salvage import salvage

PING: Final = b"\r\n\r\n"
PONG: Final = b"\r\n"

_HEAD_END: Final = b"\r\n\r\n"
_blank = re.compile(rb"[\r\n]++").match


class SipStream:
    """One TCP connection's bytes. Work is linear in them however they are cut, memory bounded by the limits."""

    __slots__ = ("_broken", "_buffer", "_holding", "_limits", "_searched", "_start_line", "_wanted")

    def __init__(self, limits: SipLimits = DEFAULT_LIMITS, held: HeldOctets | None = None) -> None:
        """``held``: the bound on what all streams of a process hold together."""
        self._holding = Holding(held or HeldOctets(limits.max_message))
        self._buffer = bytearray()
        self._limits = limits
        self._broken = False
        self._wanted = 0  # octets of the message at the front, once its head is whole
        self._searched = 0  # octets of it in which its head does not end
        self._start_line = False  # whether its start line is whole and was looked at

    def feed(self, data: bytes) -> tuple[list[bytes], int, SipParseError | None]:
        """Whole messages, in order, and the number of pings (double CRLF) that want :data:`PONG`.

        The error is set where the stream can no longer be cut: answer it after the messages, then close. What comes
        after it is not looked at.
        """
        messages: list[bytes] = []
        pings = 0
        if self._broken:
            return messages, pings, None
        buffer = self._buffer
        buffer += data
        while buffer:
            if not self._searched and buffer[0] in b"\r\n":
                pings += self._skip_blank()
                if buffer and buffer[0] in b"\r\n":
                    break  # half a ping, or the start of a message that some clients precede with CRLF
                continue
            try:
                whole = self._whole()
            except SipParseError as error:
                self._give_up()
                return messages, pings, error
            if not whole:
                break
            messages.append(bytes(buffer[: self._wanted]))
            del buffer[: self._wanted]
            self._wanted = self._searched = 0
            self._start_line = False
        if not self._holding.is_now(len(buffer)):
            partial = salvage(bytes(buffer), self._limits)
            no_room = SipParseError(503, "Too much is incomplete", partial, (("Retry-After", "5"),))
            self._give_up()
            return messages, pings, no_room
        return messages, pings, None

    def _give_up(self) -> None:
        self._broken = True
        self.close()

    def close(self) -> None:
        """Hold nothing any more: the connection has ended."""
        self._buffer.clear()
        self._holding.is_now(0)

    def _skip_blank(self) -> int:
        """Drop the line ends at the front but for what may become a ping; the number of whole pings among them."""
        buffer = self._buffer
        found = _blank(buffer)
        assert found is not None
        blank = found[0]
        *pings, rest = blank.split(PING)
        keep = 0
        if len(blank) == len(buffer):
            keep = next((size for size in (3, 2, 1) if rest.endswith(PING[:size])), 0)
        del buffer[: len(blank) - keep]
        return len(pings)

    def _whole(self) -> bool:
        """Whether the message at the front is."""
        if not self._wanted and self._news():
            found = head_length(self._buffer, self._limits)
            if found is not None:
                self._wanted = sum(found)
        return 0 < self._wanted <= len(self._buffer)

    def _news(self) -> bool:
        """Whether the octets that were not there at the last look tell the parser anything.

        It wants to see the first of a message, the end of its start line, the end of its head, and too many.
        """
        buffer = self._buffer
        seen = self._searched
        self._searched = len(buffer)
        if not self._start_line and buffer.find(b"\n", seen) >= 0:
            self._start_line = True
            return True
        return not seen or buffer.find(_HEAD_END, max(seen - 3, 0)) >= 0 or len(buffer) > self._limits.max_head

    @property
    def waiting(self) -> int:
        """Octets of a message that is not whole yet."""
        return len(self._buffer)
