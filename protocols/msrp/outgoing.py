"""A message on its way out, from send() to its one outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from protocols.msrp.session import MsrpSession


class OutgoingMessage:
    """One message handed to ``session.send``; its end is told by exactly one SendOutcome."""

    __slots__ = (
        "all_written",
        "body",
        "content_type",
        "context",
        "done",
        "failure_report",
        "message_id",
        "offset",
        "session",
        "success_report",
        "unanswered",
    )

    def __init__(
        self,
        session: MsrpSession,
        message_id: str,
        content_type: str,
        body: bytes,
        success_report: bool,
        failure_report: str,
        context: object,
    ) -> None:
        self.session = session
        self.message_id = message_id
        self.content_type = content_type
        self.body = body
        self.success_report = success_report
        self.failure_report = failure_report
        """'yes', 'no' or 'partial' (RULEBOOK S26)."""
        self.context = context
        """The caller's own pointer, never looked at here."""
        self.offset = 0
        """Octets of the body handed out so far."""
        self.unanswered = 0
        """Chunks whose response is still due."""
        self.all_written = False
        """True when the last chunk has been handed to the outbox."""
        self.done = False
        """True once the outcome is known: nothing more is sent of it. The outcome itself points here, not back."""
