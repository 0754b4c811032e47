"""What can be wrong with a SIP message, as one exception family that carries the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class SipError(Exception):
    """A fault of the peer's. ``code`` is the status to answer with, ``reason`` the phrase that names the fault.

    ``headers`` are what the answer must carry beside, such as Unsupported with 420 (RFC 3261 s8.2.2.3).
    """

    def __init__(self, code: int, reason: str, headers: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason
        self.headers = headers


class SipBuildError(SipError, ValueError):
    """A message that must not be written: a header with a line break in it. The caller's fault, hence 500."""

    def __init__(self, reason: str) -> None:
        super().__init__(500, reason)
