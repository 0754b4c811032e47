"""The callee's half of a session: a 2xx is repeated until its ACK comes, or the session is given up (s13.3.1.4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from protocols.sip import timing
from protocols.sip.dialog import Dialog
from protocols.sip.ids import new_tag
from protocols.sip.transaction_server import InviteServerTransaction

if TYPE_CHECKING:
    from protocols.sip.message import Request
    from protocols.timers import Timer


class InviteServer:
    """One accepted INVITE. ``on_no_ack`` is called once if no ACK came in 64*T1; the session is to be ended by BYE."""

    __slots__ = ("_deadline", "_interval", "_number", "_on_no_ack", "_then", "_timer", "acknowledged", "dialog",
                 "transaction")  # fmt: skip

    def __init__(
        self,
        transaction: InviteServerTransaction,
        dialog: Dialog,
        on_no_ack: Callable[[InviteServer], object],
        headers: Sequence[tuple[str, str]],
        body: bytes,
    ) -> None:
        """Answers 200 with ``headers`` (Contact among them) and ``body``."""
        self.transaction = transaction
        self.dialog = dialog
        self.acknowledged = False
        self._on_no_ack: Callable[[InviteServer], object] | None = on_no_ack
        self._then: Callable[[], object] | None = None
        self._number = transaction.request.cseq.number
        wheel = transaction.layer.wheel
        self._interval = timing.T1
        self._deadline = wheel.now + 64 * timing.T1
        transaction.respond(200, headers=headers, body=body)
        self._timer: Timer | None = wheel.start(self._interval, self._repeat)

    def ack(self, request: Request | None = None) -> bool:
        """An ACK came. Whether it is this 2xx's first, which ``request`` tells from one of an earlier INVITE."""
        if self.acknowledged or (request is not None and request.cseq.number != self._number):
            return False
        self.acknowledged = True
        self.transaction.layer.acknowledged(self.transaction)
        then = self._then
        self.stop()
        if then is not None:
            then()
        return True

    def before_bye(self, then: Callable[[], object]) -> None:
        """Call ``then`` once a BYE may be sent: at once if the ACK came, else with it or after 64*T1 (s15).

        Until then the 2xx is repeated: a peer that lost it knows no dialog that a BYE could end. Of a missing ACK
        nobody else is told.
        """
        if self._timer is None:
            then()
        else:
            self._then = then

    def stop(self) -> None:
        """Repeat no more, tell nobody."""
        self._on_no_ack = self._then = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _repeat(self, _: object) -> None:
        wheel = self.transaction.layer.wheel
        self._timer = None
        if wheel.now >= self._deadline:
            on_no_ack, then = self._on_no_ack, self._then
            self.stop()
            if then is not None:
                then()
            elif on_no_ack is not None:
                on_no_ack(self)
            return
        self.transaction.repeat_2xx()
        self._interval = min(2 * self._interval, timing.T2)
        self._timer = wheel.start(min(self._interval, self._deadline - wheel.now), self._repeat)


def uas_dialog(transaction: InviteServerTransaction) -> Dialog:
    """The dialog that answering ``transaction`` 2xx will make. Raises SipError 400 as :meth:`Dialog.of_uas` does."""
    if transaction.to_tag is None:
        transaction.to_tag = new_tag()
    return Dialog.of_uas(transaction.request, transaction.to_tag, transaction.source[0])
