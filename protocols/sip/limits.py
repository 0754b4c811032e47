"""How much of a peer's message is looked at before it is refused with 513 (RFC 3261 s21.5.7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class SipLimits:
    """Sizes in octets, the start line and line ends counted in. RFC 3261 sets none but the datagram's (s18.1.1).

    ``max_message``: one whole message. ``max_head``: up to and with the empty line. ``max_headers``: header fields.
    ``max_header_length``: one header field, unfolded, in characters.
    """

    max_message: int = 1_048_576
    max_head: int = 65_535
    max_headers: int = 256
    max_header_length: int = 8_192


DEFAULT_LIMITS: Final = SipLimits()
