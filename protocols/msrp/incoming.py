"""A whole message that came in, and the two ways to speak about it: the response and the REPORT."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.msrp import writer

if TYPE_CHECKING:
    from protocols.msrp.connection import MsrpConnection
    from protocols.msrp.session import MsrpSession


class IncomingMessage:
    """One whole message; the transaction that completed it waits for ``respond``."""

    __slots__ = (
        "_answered",
        "_connection",
        "_from_path",
        "_reported",
        "_tid",
        "body",
        "content_type",
        "duplicate",
        "failure_report",
        "headers",
        "message_id",
        "session",
        "success_report",
    )

    def __init__(
        self,
        session: MsrpSession,
        connection: MsrpConnection,
        tid: str,
        from_path: str,
        message_id: str,
        content_type: str,
        body: bytes,
        headers: dict[str, str],
        success_report: bool,
        failure_report: str,
        duplicate: bool,
    ) -> None:
        self.session = session
        self.message_id = message_id
        """Message-ID as received."""
        self.content_type = content_type
        """Content-Type as received, parameters included."""
        self.body = body
        """The whole message, in octets."""
        self.headers = headers
        """Headers of the message's first chunk, names in lower case, with Content-Disposition (RULEBOOK S25)."""
        self.success_report = success_report
        """True when the sender asked for a success REPORT."""
        self.failure_report = failure_report
        """'yes', 'no' or 'partial' (RULEBOOK S26)."""
        self.duplicate = duplicate
        """True when this session saw the Message-ID before: answer it, do not deliver it again (RULEBOOK S18)."""
        self._connection = connection
        self._tid = tid
        self._from_path = from_path
        self._answered = False
        self._reported = False

    def respond(self, code: int, comment: str | None = None, now: float = 0.0) -> bool:
        """Answer the transaction that completed the message; False when nothing was to be written.

        Failure-Report decides: 'no' means no response at all, 'partial' none that is 200 (RULEBOOK S26, D33). The
        second call and a dead connection write nothing. ``now`` is not needed and is taken for symmetry.
        """
        if self._answered:
            return False
        self._answered = True
        wish = self.failure_report
        if wish == "no" or (code == 200 and wish == "partial"):
            return False
        return self._connection.queue(
            writer.response(
                self._tid, code, comment, self._from_path.partition(" ")[0], self.session.local_text
            )  # RULEBOOK S29
        )

    def report(self, code: int, comment: str | None = None, now: float = 0.0) -> bool:
        """Send a REPORT on the whole message; False when none may be sent.

        200 only to who asked Success-Report: yes, a failure only to who did not say Failure-Report: no; never for a
        session that has ended or lost its connection; once only (RULEBOOK S28, D38).
        """
        if self._reported or not (self.success_report if code == 200 else self.failure_report != "no"):
            return False
        connection = self.session.connection
        if connection is None or self.session.closed:
            return False
        self._reported = True
        size = len(self.body)
        head = writer.paths(self._from_path, self.session.local_text)
        return connection.queue(writer.report(head, self.message_id, code, comment, size, size))
