"""IMDNs that pass through or come for us (RFC 5438; RULEBOOK I1-I7).

One about a message of the far side's is relayed like a message, and noted in the row that it is about. One that we had
asked for ourselves, on behalf of a Success-Report, ends here: it is the success or failure REPORT. Which is which, the
Message-ID says: ours have a prefix.

IMDNs may be forged as easily as messages (RFC 5438 s14.1), so one is believed only if it comes from whom its message
went to: the recipient of an IM makes its IMDN (s7.2.1, s12.1.3.1). Any other one changes no row and makes no REPORT.
"""

from __future__ import annotations

import logging
import re
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from protocols.entropy import source
from protocols.payload import cpim, imdn
from sessions_app.cause import NO_CAUSE, Cause, Side
from sessions_app.gateway.content import Form
from sessions_app.gateway.duplicates import seen_as
from sessions_app.gateway.life import TRANSITIONS, Event, State
from sessions_app.gateway.to_page import DELIVERED
from sessions_app.store.confirmations import Confirmation

if TYPE_CHECKING:
    from sessions_app.gateway.gateway import Gateway
    from sessions_app.gateway.session import Session
    from sessions_app.gateway.to_page import ToPage

PREFIX: Final = "parley."
MOST_EXPECTED: Final = 20_000
"""Messages that were accepted and whose IMDN would become a REPORT; the oldest give way. Their rows still learn it."""
STATUS: Final = {"failed": 408, "forbidden": 403, "error": 400}
"""Status of an IMDN: the MSRP status of the failure REPORT that it becomes."""
BURST: Final = 2.0
"""Seconds' worth of notifications that a session may pass on at once."""

_AROUND: Final = re.compile(r"^[A-Za-z]+:|[;?].*$")
_PORT: Final = re.compile(r":[0-9]+$")
logger = logging.getLogger("parley.journal")

_token = source(24)


def new_imdn_id() -> str:
    """A Message-ID for IMDN headers of our own (RFC 5438 s6.3: 32 bits of randomness at least)."""
    return PREFIX + _token()


class Notifications:
    """All IMDNs of one gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._expected: OrderedDict[str, ToPage] = OrderedDict()

    def expect(self, message: ToPage) -> None:
        """A message was accepted, not delivered yet, and asked for an IMDN: that will be its REPORT."""
        self._expected[message.imdn_id] = message
        if len(self._expected) > MOST_EXPECTED:
            self._expected.popitem(last=False)

    def allows(self, session: Session) -> bool:
        """Whether one more may pass in this session now (a token bucket)."""
        rate = self._gateway.config.imdn_per_second
        now = self._gateway.wheel.now
        tokens, at = session.imdn_budget or (rate * BURST, now)
        tokens = min(rate * BURST, tokens + (now - at) * rate)
        if tokens < 1:
            session.imdn_budget = (tokens, now)
            self._gateway.count("imdn_over_limit")
            return False
        session.imdn_budget = (tokens - 1, now)
        return True

    def arrived(self, octets: bytes, direction: str, senders: tuple[str, ...]) -> bool:
        """One came in about a message that had gone ``direction``; True where it was for us and ends here.

        ``octets`` are its document, ``senders`` the URIs that its sender is known by. Raises PayloadError where it
        cannot be read.
        """
        document = imdn.parse(octets)
        self._gateway.count("imdn_received")
        event = _event(document.kind, document.status)
        about = self._expected.get(document.message_id) if event is not None else None
        names = tuple({bare(sender) for sender in senders})
        if about is not None and not _went_to(about).intersection(names):
            self._disbelieved(document, senders)
            return True
        if about is not None:
            del self._expected[document.message_id]
        self._note(document, direction, event, about, names, senders)
        if about is not None:
            self._report(about, document.status, event)
        return document.message_id.startswith(PREFIX)

    def _disbelieved(self, document: imdn.Imdn, senders: tuple[str, ...]) -> None:
        self._gateway.count("imdn_disbelieved")
        logger.warning(
            "imdn_disbelieved",
            extra={"imdn_id": document.message_id, "status": document.status, "from_uri": senders[0]},
        )

    def _note(
        self,
        document: imdn.Imdn,
        direction: str,
        event: Event | None,
        about: ToPage | None,
        names: tuple[str, ...],
        senders: tuple[str, ...],
    ) -> None:
        before = tuple(state.value for state, happens in TRANSITIONS if happens is event)
        state = State.FAILED if event is Event.DENIED else State.DELIVERED
        text = f"IMDN {document.status}"
        side = Side.MSRP if direction == "to_msrp" else Side.MESSAGE
        self._gateway.store.confirm(
            Confirmation(
                direction=direction,
                state=state.value,
                before=before,
                text=text,
                cause=Cause(side, "imdn", text) if event is Event.DENIED else NO_CAUSE,
                id=about.id if about is not None else None,
                imdn_id=document.message_id,
                senders=names if about is None else None,
                disbelieved=lambda _: self._disbelieved(document, senders),
            )
        )

    def _report(self, about: ToPage, status: str, event: Event | None) -> None:
        """The MSRP side asked by Success-Report, or by Failure-Report."""
        incoming = about.incoming
        if incoming is None:
            return
        if event is Event.CONFIRMED:
            self._gateway.seen.put(seen_as(about.session.key, about.message_id), DELIVERED)
            incoming.report(200)
        elif "negative-delivery" not in about.notify:  # else the sender gets the IMDN itself
            incoming.report(STATUS.get(status, 408))

    def relayed(self, form: Form, wrapped: bool) -> Form:
        """An IMDN as it goes on: less the route that brought it to us, which a wrapper has (RFC 5438 s8)."""
        return Form(form.type, cpim.without_route(form.body, self._gateway.uri)) if wrapped else form


def bare(uri: str) -> str:
    """User and host of a URI, as they are compared: an IMDN may come from another port than its message went to.

    ``store.confirmations`` makes the same of the address in a row.
    """
    return _PORT.sub("", _AROUND.sub("", uri)).lower()


def _went_to(message: ToPage) -> set[str]:
    page = message.session.page
    return {bare(page.to_uri), bare(page.ruri)}


def _event(kind: str, status: str) -> Event | None:
    """What an IMDN says about its message; None: nothing that decides (processed, stored, displaying failed)."""
    if kind == "delivery":
        return Event.CONFIRMED if status == "delivered" else Event.DENIED
    return Event.CONFIRMED if status == "displayed" else None
