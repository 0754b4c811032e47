"""SIP on a stream: cuts it into messages by Content-Length, answers keep-alives (RFC 3261 s18.3, RFC 5626 s3.5.1)."""

from __future__ import annotations

from typing import Final

from protocols.sip.errors import SipParseError
from protocols.sip.limits import DEFAULT_LIMITS, SipLimits
from protocols.sip.parser import head_length

PONG: Final = b"\r\n"


class SipStream:
    """One TCP connection's bytes. Work is linear in them, memory bounded by the limits."""

    __slots__ = ("_buffer", "_limits", "_wanted")

    def __init__(self, limits: SipLimits = DEFAULT_LIMITS) -> None:
        self._buffer = bytearray()
        self._limits = limits
        self._wanted = 0

    def feed(self, data: bytes) -> tuple[list[bytes], int, SipParseError | None]:
        """Whole messages, in order, and the number of pings (double CRLF) that want :data:`PONG`.

        The error is set where the stream can no longer be cut: answer it after the messages, then close.
        """
        buffer = self._buffer
        buffer += data
        messages: list[bytes] = []
        pings = 0
        while buffer:
            if len(buffer) < self._wanted:
                break
            if buffer[0] in b"\r\n":
                blank = len(buffer) - len(buffer.lstrip(b"\r\n"))
                if blank < 4 and blank == len(buffer):
                    break  # half a ping, or the start of a message that some clients precede with CRLF
                pings += buffer[:blank].count(b"\r\n\r\n")
                del buffer[:blank]
                self._wanted = 0
                continue
            try:
                found = head_length(buffer, self._limits)
            except SipParseError as error:
                return messages, pings, error
            if found is None:
                break
            self._wanted = sum(found)
            if len(buffer) < self._wanted:
                break
            messages.append(bytes(buffer[: self._wanted]))
            del buffer[: self._wanted]
            self._wanted = 0
        return messages, pings, None

    @property
    def waiting(self) -> int:
        """Octets of a message that is not whole yet."""
        return len(self._buffer)
