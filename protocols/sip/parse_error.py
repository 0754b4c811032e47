"""The fault of bytes that are no SIP message, with what of them can be answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.sip.errors import SipError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from protocols.sip.message import Request


class SipParseError(SipError):
    """Bytes that are no SIP message.

    ``partial`` is the request as far as an answer needs it, None where none can be sent: the bytes are a response, or
    not even the topmost Via can be read. Its ``via`` and ``headers`` may be used, what else it lacks raises SipError.
    """

    def __init__(
        self, code: int, reason: str, partial: Request | None = None, headers: Sequence[tuple[str, str]] = ()
    ) -> None:
        super().__init__(code, reason, headers)
        self.partial = partial
