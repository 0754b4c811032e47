"""REPORTs of the MSRP peer about what we sent it (RFC 4975 s7.1.2, s7.3.2; RULEBOOK S27, S28, S30).

A success REPORT counts once the ranges it names cover the whole message. Behind a relay it decides; else it is what the
sender's request for a delivery notification is answered with. A failure REPORT after the 200 takes the outcome back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sessions_app.cause import Cause, Side, remark
from sessions_app.gateway import telling
from sessions_app.gateway.life import TRANSITIONS, Event
from sessions_app.gateway.outcomes import send_refused
from sessions_app.store.confirmations import Confirmation, Confirmed

if TYPE_CHECKING:
    from protocols.msrp.events import ReportReceived
    from protocols.timers import Timer
    from sessions_app.gateway.session import Session
    from sessions_app.gateway.to_msrp import ToMsrp

MOST: Final = 1000
"""Messages of one session that wait for a REPORT; the oldest are given up."""
MOST_RANGES: Final = 64
"""Separate ranges remembered of one message; a peer that names more has its first ones forgotten."""
ENDS_SESSION: Final = frozenset({408, 481, 506})
"""Codes of a failure REPORT that say that bytes did not arrive, so that the session has failed (RFC 4975 s7.3.2). The
others are read as the response of that code, which refuses the message only."""


class _Expected:
    """One message, with what has been reported of it."""

    __slots__ = ("_ranges", "decides", "message", "size", "taken", "timer")

    def __init__(self, message: ToMsrp, size: int, decides: bool) -> None:
        self.message = message
        self.size = size
        self.decides = decides
        """Whether the REPORT is the outcome, and not the SEND's 200."""
        self.taken = False
        """Whether the 200 has come."""
        self.timer: Timer | None = None
        self._ranges: list[tuple[int, int]] = []

    def covers(self, start: int, end: int | None) -> bool:
        """Whether all octets have been reported, those from ``start`` to ``end`` (1-based, None: the last) included."""
        reached = 0
        ranges = sorted([*self._ranges[-MOST_RANGES:], (start, self.size if end is None else end)])
        for first, last in ranges:
            if first > reached + 1:
                break
            reached = max(reached, last)
        self._ranges = ranges
        return reached >= self.size


class Reports:
    """Those that one session waits for."""

    __slots__ = ("_expected", "_session")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._expected: dict[str, _Expected] = {}

    def expect(self, message: ToMsrp, size: int, *, decides: bool) -> None:
        """``message``, of which ``size`` octets go out, asks for a success REPORT."""
        if len(self._expected) >= MOST:
            self._give_up(next(iter(self._expected)), "too many wait for their REPORT")
        self._expected[message.message_id] = _Expected(message, size, decides)

    def forget(self, message: ToMsrp) -> None:
        """It failed, or waits for another connection."""
        expected = self._expected.pop(message.message_id, None)
        if expected is not None and expected.timer is not None:
            expected.timer.cancel()

    def waits_for(self, message: ToMsrp) -> bool:
        """The SEND was answered 200: whether its outcome is still to come."""
        expected = self._expected.get(message.message_id)
        if expected is None:
            return False
        if not expected.taken:
            expected.taken = True
            gateway = self._session.gateway
            wait = gateway.config.report_wait
            expected.timer = gateway.wheel.start(
                wait, lambda _: self._give_up(message.message_id, f"a relay took it, no REPORT in {wait:g} s")
            )
        return expected.decides

    def received(self, event: ReportReceived) -> None:
        """A REPORT; one about an unknown message is nobody's (RULEBOOK S28)."""
        expected = self._expected.get(event.message_id)
        if event.code != 200:
            self._failure(event, expected)
        elif expected is not None and expected.covers(event.byte_range[0], event.byte_range[1]):
            self._success(expected)

    def give_up(self) -> None:
        """The session is over."""
        for name in list(self._expected):
            self._give_up(name, "a relay took it, the session ended before its REPORT")

    def _give_up(self, message_id: str, detail: str) -> None:
        expected = self._expected.get(message_id)
        if expected is not None:
            self.forget(expected.message)
            if expected.decides and expected.taken:
                expected.message.passed_on(remark(detail))

    def _success(self, expected: _Expected) -> None:
        message = expected.message
        self.forget(message)
        if not message.is_settled:
            self._session.withdraw(message)
            message.delivered()
        self._note(message.id, "REPORT 200")
        if "positive-delivery" in message.notify and not message.whole and message.imdn_id:
            telling.delivered_to_msrp(message)

    def _note(self, identity: str, text: str) -> None:
        self._session.gateway.store.confirm(
            Confirmation(direction="to_msrp", state="delivered", before=(), text=text, id=identity)
        )

    def _failure(self, event: ReportReceived, expected: _Expected | None) -> None:
        session = self._session
        cause = Cause(Side.MSRP, "report", f"REPORT {event.code} {event.comment}".rstrip(), event.code)
        message = expected.message if expected is not None else self._under_way(event.message_id)
        if message is not None:
            self.forget(message)
            if not message.is_settled:
                session.withdraw(message)
                message.failed(send_refused(event.code), event.code, cause)
                self._consequences(event.code, cause)
                return

        def found(rows: list[Confirmed]) -> None:
            for row in rows:
                if row.changed:
                    session.undelivered += 1
                    session.touch()
                    telling.denied(session, row, cause)
                    self._consequences(event.code, cause)

        session.gateway.store.confirm(
            Confirmation(
                direction="to_msrp",
                state="failed",
                before=tuple(state for state, happens in TRANSITIONS if happens is Event.DENIED),
                text=cause.text,
                cause=cause,
                session=session.id,
                message_id=event.message_id,
                then=found,
            )
        )

    def _under_way(self, message_id: str) -> ToMsrp | None:
        """The message of that name whose SEND has no answer yet: a REPORT may be faster (RFC 4975 s7.1.2)."""
        msrp = self._session.msrp
        for outgoing in msrp.pending if msrp is not None else ():
            if outgoing.message_id == message_id:
                return outgoing.context  # type: ignore[return-value]  # a ToMsrp, see MsrpEnd.send, or None
        return None

    def _consequences(self, code: int, cause: Cause) -> None:
        self._session.event("failure_report", cause.text)
        if code in ENDS_SESSION:
            self._session.end(cause)
