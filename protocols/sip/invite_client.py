"""The caller's half of a session: one INVITE until it is answered, refused, given up or cancelled (RFC 3261 s13.2).

Every 2xx is acknowledged, also one that crossed our CANCEL and one from another branch of a fork; those two get a BYE
at once (s13.2.2.4, s9.1, RULEBOOK U4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from protocols.sip import timing
from protocols.sip.dialog import Dialog
from protocols.sip.flow import Target
from protocols.sip.transaction_client import (
    ClientTransaction,
    Failure,
    InviteClientTransaction,
    OutgoingRequest,
    State,
)

if TYPE_CHECKING:
    from protocols.sip.message import Response
    from protocols.sip.user_agent import UserAgent
    from protocols.timers import Timer


class Caller(Protocol):
    """Who wants to know. Exactly one of the three is called for an INVITE that was not cancelled."""

    def on_answered(self, invite: InviteClient, dialog: Dialog, response: Response) -> None:
        """A 2xx; it is acknowledged already."""

    def on_refused(self, invite: InviteClient, response: Response) -> None:
        """A final answer of 300 or more."""

    def on_unanswered(self, invite: InviteClient, failure: Failure) -> None:
        """No final answer: ring timeout, no transport, Timer B."""


class InviteClient:
    """One INVITE and what its answers ask for."""

    __slots__ = ("_acks", "_agent", "_caller", "_cancel_wanted", "_over", "_ring", "_ring_timeout", "_transaction",
                 "dialog", "request")  # fmt: skip

    def __init__(
        self, agent: UserAgent, request: OutgoingRequest, target: Target, caller: Caller, ring_timeout: float
    ) -> None:
        self._agent = agent
        self._caller = caller
        self._acks: dict[str, OutgoingRequest] = {}
        self._cancel_wanted = False
        self._over = False
        self._ring_timeout = ring_timeout
        self.dialog: Dialog | None = None
        self.request = request
        self._ring: Timer | None = agent.layer.wheel.start(ring_timeout, self._ring_timed_out)
        self._transaction: ClientTransaction | None = None
        transaction = agent.layer.request(request, target, self._on_response, self._on_failure)
        self._transaction = transaction

    def cancel(self) -> None:
        """Give it up; the caller hears no more of it. The CANCEL waits for a provisional answer (s9.1)."""
        if self._over:
            return
        self._finish()
        self._cancel_wanted = True
        transaction = self._transaction
        if isinstance(transaction, InviteClientTransaction) and transaction.state is State.PROCEEDING:
            transaction.cancel()

    def _finish(self) -> bool:
        if self._over:
            return False
        self._over = True
        if self._ring is not None:
            self._ring.cancel()
        return True

    def _ring_timed_out(self, _: object) -> None:
        if self._over:
            return
        self.cancel()
        self._caller.on_unanswered(self, Failure("timer", f"ring timeout ({self._ring_timeout:g} s)"))

    def _on_response(self, transaction: ClientTransaction, response: Response) -> None:
        if response.status < 200:
            if self._cancel_wanted and isinstance(transaction, InviteClientTransaction):
                self._cancel_wanted = False
                transaction.cancel()
        elif response.status < 300:
            self._on_2xx(response)
        elif self._finish():
            self._caller.on_refused(self, response)

    def _on_2xx(self, response: Response) -> None:
        tag = response.to.tag or ""
        ack = self._acks.get(tag)
        if ack is not None:
            self._agent.send_ack(ack, response)
            return
        dialog = Dialog.of_uac(self.request, response)
        ack = self._acks[tag] = dialog.request("ACK", cseq=dialog.local_cseq)
        self._agent.send_ack(ack, response)
        if self._finish():
            self.dialog = dialog
            self._caller.on_answered(self, dialog, response)
        else:  # it crossed our CANCEL, or another branch of a fork answered too
            self._agent.request_in_dialog(dialog, dialog.request("BYE"))

    def _on_failure(self, _: ClientTransaction, failure: Failure) -> None:
        if self._finish():
            self._caller.on_unanswered(self, failure)


RING_TIMEOUT_MOST = 64 * timing.T1 * 6
"""An INVITE that rings longer than the three minutes of Timer C has no proxy left on its way (s16.6 step 11)."""
