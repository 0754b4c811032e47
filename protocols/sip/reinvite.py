"""A new offer within a dialog: one re-INVITE by us until it is answered (RFC 3261 s14.1).

A 2xx is acknowledged each time it comes and refreshes the remote target (s12.2.1.2). 491 means that both sides offered
at once; it is tried again after the pause that s14.1 gives to whoever made the Call-ID, or to the other one.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from protocols.sip.dialog import Dialog, contact_of
from protocols.sip.errors import SipError
from protocols.sip.transaction_client import ClientTransaction, Failure, InviteClientTransaction, OutgoingRequest

if TYPE_CHECKING:
    from protocols.sip.message import Response
    from protocols.sip.user_agent import UserAgent
    from protocols.timers import Timer

MOST_GLARES: Final = 3
"""491s after which it is given up."""


class Reoffering(Protocol):
    """Who wants to know. Exactly one of the two is called, unless it is stopped."""

    def on_reanswered(self, response: Response) -> None:
        """A 2xx with the answer; it is acknowledged already."""

    def on_reoffer_failed(self, code: int | None, detail: str) -> None:
        """A refusal with its ``code``, or no final answer (None)."""


class ReInvite:
    """One such exchange. ``make`` gives the request anew for each try: its CSeq must rise (s14.1)."""

    __slots__ = ("_ack", "_agent", "_dialog", "_glares", "_make", "_owner", "_timer", "_transaction", "_user", "_wait")

    def __init__(
        self,
        agent: UserAgent,
        dialog: Dialog,
        make: Callable[[], OutgoingRequest],
        user: Reoffering,
        *,
        owner: bool,
        wait: float,
    ) -> None:
        """``owner``: whether the Call-ID is ours. ``wait``: seconds for a final answer."""
        self._agent = agent
        self._dialog = dialog
        self._make = make
        self._user: Reoffering | None = user
        self._owner = owner
        self._wait = wait
        self._glares = 0
        self._ack: tuple[Dialog, OutgoingRequest, str] | None = None
        self._transaction: ClientTransaction | None = None
        self._timer: Timer | None = None
        self._send(None)

    def stop(self) -> None:
        """Tell nobody any more, and take it back. A 2xx that still comes is acknowledged."""
        self._user = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if isinstance(self._transaction, InviteClientTransaction):
            self._transaction.cancel()

    def _send(self, _: object) -> None:
        wheel = self._agent.layer.wheel
        self._timer = wheel.start(self._wait, self._timed_out)
        self._agent.request_in_dialog(self._dialog, self._make(), self._on_response, self._on_failure)

    def _finish(self) -> Reoffering | None:
        user = self._user
        self.stop()
        return user

    def _timed_out(self, _: object) -> None:
        if (user := self._finish()) is not None:
            user.on_reoffer_failed(None, f"no answer to the re-INVITE in {self._wait:g} s")

    def _on_response(self, transaction: ClientTransaction, response: Response) -> None:
        self._transaction = transaction
        status = response.status
        if status < 200:
            if self._user is None:  # stopped before there was anything to take back (s9.1)
                self.stop()
            return
        if status < 300:
            self._on_2xx(response)
        elif status == 491 and self._user is not None and self._glares < MOST_GLARES:
            self._glares += 1
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._agent.layer.wheel.start(self._pause(), self._send)
        elif (user := self._finish()) is not None:
            user.on_reoffer_failed(status, f"{status} {response.reason}")

    def _pause(self) -> float:
        """Seconds until the next try after 491 (s14.1)."""
        tens = secrets.randbelow(190) if self._owner else secrets.randbelow(200)
        return (2.1 if self._owner else 0.0) + tens / 100

    def _on_2xx(self, response: Response) -> None:
        if self._ack is not None:
            self._agent.send_ack(*self._ack)
            return
        dialog = self._dialog
        try:
            dialog.remote_target = contact_of(response) or dialog.remote_target
        except SipError as error:
            if (user := self._finish()) is not None:
                user.on_reoffer_failed(None, f"answer {response.status}: {error.reason}")
            return
        ack = dialog.request("ACK", cseq=response.cseq.number)
        self._ack = (dialog, ack, self._agent.layer.branches.new())
        self._agent.send_ack(*self._ack)
        if (user := self._finish()) is not None:
            user.on_reanswered(response)

    def _on_failure(self, _: ClientTransaction, failure: Failure) -> None:
        if (user := self._finish()) is not None:
            user.on_reoffer_failed(None, f"{failure.layer}: {failure.detail}")
