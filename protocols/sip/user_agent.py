"""The user agent core: which request goes where (RFC 3261 s8.2, s12.2.2), and requests out by URI.

Out of a dialog it takes MESSAGE, INVITE and OPTIONS; in a dialog, what the dialog's usage takes. Anything else gets the
code the RFC names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from protocols.sip.dialog import Dialog
from protocols.sip.errors import SipError
from protocols.sip.flow import Target
from protocols.sip.invite_client import Caller, InviteClient
from protocols.sip.locate import Locator
from protocols.sip.message import Request
from protocols.sip.transaction_client import (
    ClientTransaction,
    Failure,
    OnFailure,
    OnResponse,
    OutgoingRequest,
    State,
)
from protocols.sip.transaction_layer import TransactionLayer
from protocols.sip.transaction_server import InviteServerTransaction, ServerTransaction
from protocols.sip.validate import METHODS

ALLOW: Final = "INVITE, ACK, CANCEL, BYE, MESSAGE, OPTIONS"


class Application(Protocol):
    """Who serves what begins a conversation."""

    accept: str
    """Content types it takes, for Accept."""

    def on_message(self, transaction: ServerTransaction) -> None:
        """A MESSAGE outside a dialog."""

    def on_invite(self, transaction: InviteServerTransaction) -> None:
        """An INVITE outside a dialog."""

    def on_cancelled(self, transaction: InviteServerTransaction) -> None:
        """The INVITE was cancelled, and is answered 487 already."""


class DialogUsage(Protocol):
    """Who serves the requests of one dialog."""

    dialog: Dialog

    def on_bye(self, transaction: ServerTransaction) -> None:
        """The peer ends the session. Answered 200 already."""

    def on_reinvite(self, transaction: InviteServerTransaction) -> None:
        """The peer renegotiates. Answer it."""

    def on_dialog_message(self, transaction: ServerTransaction) -> None:
        """A MESSAGE within the dialog (RULEBOOK M8). Answer it."""

    def on_ack(self, request: Request) -> None:
        """The ACK of a 2xx."""


class UserAgent:
    """Dispatches requests, knows the dialogs, sends requests to URIs."""

    __slots__ = ("_dialogs", "application", "layer", "locator")

    def __init__(self, layer: TransactionLayer, locator: Locator, application: Application) -> None:
        self.layer = layer
        layer.user = self
        self.locator = locator
        locator.usable = layer.transports.serves
        self.application = application
        self._dialogs: dict[tuple[str, str, str], DialogUsage] = {}

    # ------------------------------------------------------------------- dialogs

    def add_dialog(self, usage: DialogUsage) -> None:
        """Requests of this dialog now go to ``usage``."""
        if usage.dialog.identity not in self._dialogs:
            self.layer.far_ends.expect(usage.dialog.far_end)
        self._dialogs[usage.dialog.identity] = usage

    def remove_dialog(self, usage: DialogUsage) -> None:
        """The dialog is over; its requests get 481."""
        if self._dialogs.pop(usage.dialog.identity, None) is not None:
            self.layer.far_ends.expect_no_more(usage.dialog.far_end)

    # ---------------------------------------------------------------- requests in

    def is_far_end(self, request: Request, host: str) -> bool:
        """Whether a request belongs to a dialog whose other end is at ``host``: somebody whom we had called."""
        try:
            usage = self._dialogs.get((request.call_id, request.to.tag or "", request.from_.tag or ""))
        except SipError:
            return False
        return usage is not None and usage.dialog.far_end == host

    def on_request(self, transaction: ServerTransaction) -> None:
        """A new, valid request from the transaction layer."""
        request = transaction.request
        method = request.method
        if request.to.tag is not None:
            self._in_dialog(transaction)
        elif method == "MESSAGE":
            self.application.on_message(transaction)
        elif isinstance(transaction, InviteServerTransaction):
            self.application.on_invite(transaction)
        elif method == "OPTIONS":
            self._capabilities(transaction)
        elif method == "BYE":
            transaction.respond(481)
        else:
            self._refuse_method(transaction)

    def _capabilities(self, transaction: ServerTransaction) -> None:
        """The answer to OPTIONS (s11.2)."""
        transaction.respond(200, headers=[("Allow", ALLOW), ("Accept", f"application/sdp, {self.application.accept}")])

    def _refuse_method(self, transaction: ServerTransaction) -> None:
        if transaction.request.method in METHODS:
            transaction.respond(405, headers=[("Allow", ALLOW)])
        else:
            transaction.respond(501, headers=[("Allow", ALLOW)])

    def _in_dialog(self, transaction: ServerTransaction) -> None:
        request = transaction.request
        usage = self._dialogs.get((request.call_id, request.to.tag or "", request.from_.tag or ""))
        if usage is None:
            transaction.respond(481)
            return
        try:
            usage.dialog.accept(request)
        except SipError as error:
            transaction.respond(error.code, error.reason)
            return
        method = request.method
        if method == "BYE":
            transaction.respond(200)
            usage.on_bye(transaction)
        elif isinstance(transaction, InviteServerTransaction):
            usage.on_reinvite(transaction)
        elif method == "MESSAGE":
            usage.on_dialog_message(transaction)
        elif method == "OPTIONS":
            self._capabilities(transaction)
        else:
            self._refuse_method(transaction)

    def on_ack(self, request: Request) -> None:
        """The ACK of a 2xx, from the transaction layer; one for no dialog is nobody's."""
        try:
            identity = (request.call_id, request.to.tag or "", request.from_.tag or "")
        except SipError:
            return
        usage = self._dialogs.get(identity)
        if usage is not None:
            usage.on_ack(request)

    def on_cancel(self, transaction: InviteServerTransaction) -> None:
        """A pending INVITE is cancelled: 487 (s9.2)."""
        transaction.respond(487)
        self.application.on_cancelled(transaction)

    # --------------------------------------------------------------- requests out

    def invite(
        self, request: OutgoingRequest, target: Target, caller: Caller, ring_timeout: float, rule: str = ""
    ) -> InviteClient:
        """Send an INVITE; ``ring_timeout`` is seconds until it is cancelled, ``rule`` that of :class:`Dialog`."""
        return InviteClient(self, request, target, caller, ring_timeout, rule)

    def request_in_dialog(
        self,
        dialog: Dialog,
        request: OutgoingRequest,
        on_response: OnResponse | None = None,
        on_failure: OnFailure | None = None,
    ) -> None:
        """Send a request of a dialog to its next hop. Without callbacks its outcome interests nobody, as a BYE's."""

        def located(target: Target | Failure) -> None:
            if isinstance(target, Target):
                self.layer.request(request, target, on_response or _ignore, on_failure or _ignore)
            elif on_failure is not None:
                nowhere = ClientTransaction(self.layer, request, Target("UDP", "", 0), _ignore, on_failure, None)
                nowhere.state = State.TERMINATED
                on_failure(nowhere, target)

        self.locator.locate(dialog.next_hop(), located, dialog.origin)

    def send_ack(
        self,
        dialog: Dialog,
        ack: OutgoingRequest,
        branch: str,
        on_failure: Callable[[Failure], object] | None = None,
    ) -> None:
        """Send the ACK of a 2xx, which has no transaction and is the same each time the 2xx comes (s13.2.2.4).

        ``on_failure`` is called where there is nowhere to send it.
        """

        def located(target: Target | Failure) -> None:
            if isinstance(target, Target):
                self.layer.send(ack, target, _Ack(self.layer, ack, target, _ignore, _ignore, None, branch))
            elif on_failure is not None:
                on_failure(target)

        self.locator.locate(dialog.next_hop(), located, dialog.origin)


class _Ack(ClientTransaction):
    """The ACK of a 2xx: goes out like a request, is sent once per 2xx, expects nothing."""

    __slots__ = ()

    def _start(self) -> None:
        self.state = State.TERMINATED


def _ignore(*_: object) -> None:
    """The outcome interests nobody."""
