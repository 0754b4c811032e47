"""Are the next hops there? An OPTIONS to each, now and then; any final answer means that somebody is (RFC 3261 s11)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from protocols.sip.flow import Target
from protocols.sip.ids import new_call_id, new_tag
from protocols.sip.transaction_client import Failure, OutgoingRequest

if TYPE_CHECKING:
    from protocols.sip.message import Response
    from protocols.sip.transaction_client import ClientTransaction
    from sessions_app.gateway.gateway import Gateway


@dataclass(frozen=True, slots=True)
class Seen:
    """What an OPTIONS brought; ``code`` None where no answer came, ``seconds`` from the request to the answer.

    ``certificate_expires``: that of the peer, seconds since 1970; None without TLS.
    """

    target: str
    reachable: bool
    code: int | None
    seconds: float | None
    detail: str
    certificate_expires: float | None = None


def ping(gateway: Gateway, targets: Iterable[str], then: Callable[[Seen], object]) -> None:
    """Ask each of these SIP URIs; ``then`` is called once for each, at the latest after Timer F."""
    for uri in targets:
        _Ping(gateway, uri, then).start()


class _Ping:
    """One of them."""

    def __init__(self, gateway: Gateway, uri: str, then: Callable[[Seen], object]) -> None:
        self._gateway = gateway
        self._uri = uri
        self._then = then
        self._at = 0.0

    def start(self) -> None:
        self._gateway.agent.locator.locate(self._uri, self._located)

    def _located(self, found: Target | Failure) -> None:
        if isinstance(found, Failure):
            self._failed(None, found)
            return
        gateway = self._gateway
        self._at = gateway.wheel.now
        own = f"sip:{gateway.sip_listener}"
        request = OutgoingRequest(
            "OPTIONS",
            self._uri,
            [
                ("Max-Forwards", "70"),
                ("From", f"<{own}>;tag={new_tag()}"),
                ("To", f"<{self._uri}>"),
                ("Call-ID", new_call_id()),
                ("CSeq", "1 OPTIONS"),
                ("Contact", gateway.contact(secure=found.transport == "TLS")),
                ("Accept", "application/sdp"),
            ],
        )
        gateway.agent.layer.request(request, found, self._answered, self._failed)

    def _answered(self, transaction: ClientTransaction, response: Response) -> None:
        took = self._gateway.wheel.now - self._at
        flow = transaction.flow
        expires = flow.certificate_expires if flow is not None else None
        self._then(Seen(self._uri, True, response.status, took, f"{response.status} {response.reason}", expires))

    def _failed(self, _: ClientTransaction | None, failure: Failure) -> None:
        self._then(Seen(self._uri, False, None, None, f"{failure.layer}: {failure.detail}"))
