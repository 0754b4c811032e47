"""The errors of the MSRP engine: one family, so that a caller can catch all of it and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from protocols.msrp.frames import Frame

NOT_BOUND = "session has no connection"
CLOSED = "session is closed"
TYPE_NOT_ACCEPTED = "peer does not accept this type"
TOO_LARGE = "larger than the peer's max-size"
CONGESTED = "too much waits on this connection"
BAD_ARGUMENT = "not legal MSRP"


class MsrpError(Exception):
    """Any error of the MSRP engine."""


class MsrpUriError(MsrpError):
    """The text is not an MSRP URI (RFC 4975 s9)."""


class MsrpSendError(MsrpError):
    """A message was not accepted for sending; nothing of it was queued.

    ``cause`` is one of the constants of this module: NOT_BOUND, CLOSED, TYPE_NOT_ACCEPTED (RULEBOOK S8), TOO_LARGE
    (RULEBOOK S10), CONGESTED, BAD_ARGUMENT.
    """

    def __init__(self, cause: str, detail: str = "") -> None:
        super().__init__(f"{cause}: {detail}" if detail else cause)
        self.cause = cause


class MsrpFramingError(MsrpError):
    """The byte stream can no longer be cut into frames: the connection must be closed.

    ``frames`` holds the complete frames that stood before the fault in the same feed, in order.
    """

    def __init__(self, reason: str, frames: list[Frame] | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.frames: list[Frame] = frames if frames is not None else []
