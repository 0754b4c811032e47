"""What can be wrong with a payload, as the one exception of this package."""

from __future__ import annotations


class PayloadError(Exception):
    """A payload that cannot be read, or must not be written.

    ``code`` is the SIP status to answer with: 400 malformed, 413 too large, 415 of a kind that is not supported.
    ``reason`` is one line for people. No function of this package raises anything else, whatever the octets.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason
