"""The caller's half of a session: one INVITE until it is answered, refused, given up or cancelled (RFC 3261 s13.2).

Every 2xx is acknowledged, also one that crossed our CANCEL and one from another branch of a fork; those two get a BYE
at once (s13.2.2.4, s9.1, RULEBOOK U4).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from protocols.sip.dialog import Dialog
from protocols.sip.errors import SipError
from protocols.sip.flow import Target
from protocols.sip.transaction_client import ClientTransaction, Failure, InviteClientTransaction, OutgoingRequest

if TYPE_CHECKING:
    from protocols.sip.message import Response
    from protocols.sip.transaction_layer import TransactionLayer
    from protocols.timers import Timer

MOST_FORKS: Final = 32
"""Dialogs that one INVITE may make; each costs an ACK and a BYE with its repeats, and the answering side names them."""


class Caller(Protocol):
    """Who wants to know. Exactly one of the three is called for an INVITE that was not cancelled."""

    def on_answered(self, invite: InviteClient, dialog: Dialog, response: Response) -> None:
        """A 2xx; it is acknowledged already."""

    def on_refused(self, invite: InviteClient, response: Response) -> None:
        """A final answer of 300 or more."""

    def on_unanswered(self, invite: InviteClient, failure: Failure) -> None:
        """No final answer, or a 2xx that cannot be read: ring timeout, no transport, Timer B."""


class Agent(Protocol):
    """What it needs of the user agent that made it (:class:`protocols.sip.user_agent.UserAgent`)."""

    layer: TransactionLayer

    def send_ack(
        self,
        dialog: Dialog,
        ack: OutgoingRequest,
        branch: str,
        on_failure: Callable[[Failure], object] | None = None,
    ) -> None:
        """Send the ACK of a 2xx; ``on_failure`` is called where there is nowhere to send it."""

    def request_in_dialog(self, dialog: Dialog, request: OutgoingRequest) -> None:
        """Send a request whose outcome interests nobody."""


class InviteClient:
    """One INVITE and what its answers ask for."""

    __slots__ = ("_acks", "_agent", "_caller", "_ring", "_ring_timeout", "_rule", "_transaction", "dialog", "request")

    def __init__(
        self,
        agent: Agent,
        request: OutgoingRequest,
        target: Target,
        caller: Caller,
        ring_timeout: float,
        rule: str = "",
    ) -> None:
        self._agent = agent
        self._caller: Caller | None = caller  # until it has heard what it wants to know
        self._acks: dict[str, tuple[Dialog, OutgoingRequest, str]] = {}
        self._ring_timeout = ring_timeout
        self._rule = rule
        self.dialog: Dialog | None = None
        self.request = request
        self._ring: Timer = agent.layer.wheel.start(ring_timeout, self._ring_timed_out)
        self._transaction = agent.layer.request(request, target, self._on_response, self._on_failure)

    def cancel(self) -> None:
        """Give it up; the caller hears no more of it."""
        if self._finish() is not None and isinstance(self._transaction, InviteClientTransaction):
            self._transaction.cancel()

    def _finish(self) -> Caller | None:
        caller, self._caller = self._caller, None
        self._ring.cancel()
        return caller

    def _ring_timed_out(self, _: object) -> None:
        caller = self._caller
        self.cancel()
        if caller is not None:
            caller.on_unanswered(self, Failure("timer", f"ring timeout ({self._ring_timeout:g} s)"))

    def _on_response(self, _: ClientTransaction, response: Response) -> None:
        if response.status < 200:
            return
        if response.status < 300:
            self._on_2xx(response)
        elif (caller := self._finish()) is not None:
            caller.on_refused(self, response)

    def _on_2xx(self, response: Response) -> None:
        try:
            tag = response.to.tag or ""
            again = self._acks.get(tag)
            if again is not None:
                self._agent.send_ack(*again)
                return
            dialog = Dialog.of_uac(self.request, response, self._transaction.target.host, self._rule)
        except SipError as error:
            # Nobody can be acknowledged. It is repeated for 32 s and then given up by those who sent it.
            self._agent.layer.counts["dropped"] += 1
            if (caller := self._finish()) is not None:
                caller.on_unanswered(self, Failure("sip", f"answer {response.status}: {error.reason}"))
            return
        if len(self._acks) >= MOST_FORKS:
            self._agent.layer.counts["dropped"] += 1
            return
        ack = dialog.request("ACK", cseq=dialog.local_cseq)
        self._acks[tag] = (dialog, ack, branch := self._agent.layer.branches.new())
        nowhere: list[Failure] = []
        self._agent.send_ack(dialog, ack, branch, nowhere.append)
        if (caller := self._finish()) is not None and nowhere:
            caller.on_unanswered(self, nowhere[0])
        elif caller is not None:
            self.dialog = dialog
            caller.on_answered(self, dialog, response)
        else:  # it crossed our CANCEL, or another branch of a fork answered too
            self._agent.request_in_dialog(dialog, dialog.request("BYE"))

    def _on_failure(self, _: ClientTransaction, failure: Failure) -> None:
        if (caller := self._finish()) is not None:
            caller.on_unanswered(self, failure)
