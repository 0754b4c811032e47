"""Dialogs (RFC 3261 s12): the state two user agents share, and the requests made from it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from protocols.sip.address import NameAddr
from protocols.sip.errors import SipError
from protocols.sip.grammar import QUOTED
from protocols.sip.locate import Origin
from protocols.sip.message import Message, Request, Response
from protocols.sip.transaction_client import OutgoingRequest
from protocols.sip.uri import SipUri


@dataclass(slots=True)
class Dialog:
    """One dialog. ``local`` and ``remote`` are From/To values without tag, ``route_set`` raw Route values in order.

    ``remote_cseq`` is None until the peer sent a request (s12.1.2). ``far_end`` is the numeric address that the peer's
    half of it came from, whose word the remote target and the routes are; empty where it is not known. ``rule`` names
    the operator's rule that its INVITE took (:class:`protocols.sip.locate.Origin`).
    """

    call_id: str
    local: str
    local_tag: str
    remote: str
    remote_tag: str
    remote_target: str
    local_cseq: int
    remote_cseq: int | None = None
    route_set: list[str] = field(default_factory=list)
    far_end: str = ""
    rule: str = ""

    @property
    def origin(self) -> Origin:
        """Whose word the next hop is."""
        return Origin(self.far_end, self.rule)

    @classmethod
    def of_uas(cls, request: Request, local_tag: str, far_end: str = "") -> Dialog:
        """The dialog that a 2xx to ``request`` makes (s12.1.1).

        Raises SipError 400 where Contact is missing or names no SIP URI, or Record-Route cannot be read.
        """
        target = contact_of(request)
        if target is None:
            raise SipError(400, "Missing Contact header field")
        return cls(
            call_id=request.call_id,
            local=without_tag(request.first("to") or ""),
            local_tag=local_tag,
            remote=without_tag(request.first("from") or ""),
            remote_tag=request.from_.tag or "",
            remote_target=target,
            local_cseq=0,
            remote_cseq=request.cseq.number,
            route_set=_record_routes(request),
            far_end=far_end,
        )

    @classmethod
    def of_uac(cls, invite: OutgoingRequest, response: Response, far_end: str = "", rule: str = "") -> Dialog:
        """The dialog that a 2xx makes for the sender of ``invite`` (s12.1.2).

        Without Contact, which the answer owes us, the target stays where the INVITE went. Raises SipError where To,
        Contact or Record-Route cannot be read.
        """
        headers = dict(invite.headers)
        return cls(
            call_id=headers["Call-ID"],
            local=without_tag(headers["From"]),
            local_tag=NameAddr.parse(headers["From"]).tag or "",
            remote=without_tag(response.first("to") or ""),
            remote_tag=response.to.tag or "",
            remote_target=contact_of(response) or invite.uri,
            local_cseq=int(headers["CSeq"].partition(" ")[0]),
            route_set=_record_routes(response)[::-1],
            far_end=far_end,
            rule=rule,
        )

    @property
    def identity(self) -> tuple[str, str, str]:
        """Dialog ID: Call-ID, local tag, remote tag."""
        return self.call_id, self.local_tag, self.remote_tag

    def accept(self, request: Request) -> None:
        """An in-dialog request of the peer: its CSeq must rise, else 500 (s12.2.2); a Contact moves the target.

        It may rise by more than one. Where it stays the same the request is another copy, as every request takes a new
        number (s12.2.1.1), and its own transaction has the answer.
        """
        number = request.cseq.number
        if self.remote_cseq is not None and number <= self.remote_cseq:
            raise SipError(500, "CSeq out of order")
        self.remote_cseq = number
        if request.method == "INVITE":
            self.remote_target = contact_of(request) or self.remote_target

    def request(
        self, method: str, headers: Sequence[tuple[str, str]] = (), body: bytes = b"", *, cseq: int | None = None
    ) -> OutgoingRequest:
        """A request within the dialog (s12.2.1.1). ``cseq`` is given for ACK, which repeats its INVITE's."""
        if cseq is None:
            self.local_cseq += 1
            cseq = self.local_cseq
        uri = self.remote_target
        routes = self.route_set
        if routes and not is_loose(routes[0]):
            # A strict router: it wants to be the Request-URI, and the target last in Route.
            uri, routes = bare(routes[0]), [*routes[1:], f"<{uri}>"]
        return OutgoingRequest(
            method,
            uri,
            [
                *(("Route", route) for route in routes),
                ("Max-Forwards", "70"),
                ("From", with_tag(self.local, self.local_tag)),
                ("To", with_tag(self.remote, self.remote_tag)),
                ("Call-ID", self.call_id),
                ("CSeq", f"{cseq} {method}"),
                *headers,
            ],
            body,
        )

    def next_hop(self) -> str:
        """URI that the next request is sent to: the first route, else the remote target; ``origin`` wrote it."""
        return bare(self.route_set[0]) if self.route_set else self.remote_target

    def as_record(self) -> dict[str, Any]:
        """The dialog as plain values, to be stored."""
        return {
            "call_id": self.call_id,
            "local": self.local,
            "local_tag": self.local_tag,
            "remote": self.remote,
            "remote_tag": self.remote_tag,
            "remote_target": self.remote_target,
            "local_cseq": self.local_cseq,
            "remote_cseq": self.remote_cseq,
            "route_set": self.route_set,
            "far_end": self.far_end,
            "rule": self.rule,
        }

    @classmethod
    def of_record(cls, record: dict[str, Any]) -> Dialog:
        """The dialog from what :meth:`as_record` gave: it holds what a peer wrote, so it is read anew.

        Raises SipError 400 for what no request can be made from.
        """
        try:
            dialog = cls(**record)
            numbers = [dialog.local_cseq, 0 if dialog.remote_cseq is None else dialog.remote_cseq]
            texts = [dialog.call_id, dialog.local_tag, dialog.remote_tag, dialog.far_end, dialog.rule]
            if not all(type(each) is int for each in numbers) or not all(type(each) is str for each in texts):
                raise SipError(400, "Dialog with a value of another kind")
            for address in (dialog.local, dialog.remote):
                NameAddr.parse(address)
            for target in (dialog.remote_target, *map(bare, dialog.route_set)):
                SipUri.parse(target)
        except (TypeError, AttributeError):
            raise SipError(400, "Not the record of a dialog") from None
        return dialog


def contact_of(message: Message) -> str | None:
    """The target in Contact, None without one; less its headers, which no Request-URI may have (s19.1.1, table 1).

    Raises SipError 400 where it is no SIP URI.
    """
    contacts = message.contacts
    if not contacts:
        return None
    uri = contacts[0].uri
    try:
        headers = SipUri.parse(uri).headers
    except SipError:
        headers = None
    if headers is None or not uri[:4].lower().startswith(("sip:", "sips")):
        raise SipError(400, "Contact is no SIP URI")  # s12.1.1, s12.1.2
    return uri[: -len(headers) - 1] if headers else uri


def _record_routes(message: Message) -> list[str]:
    """Raw values of Record-Route, each of which can be read. Raises SipError 400."""
    for route in message.record_routes:
        try:
            SipUri.parse(route.uri)
        except SipError:
            raise SipError(400, "Malformed Record-Route header field") from None
    return message.values("record-route")


def bare(value: str) -> str:
    """The URI of a name-addr or addr-spec. Raises SipError 400."""
    return NameAddr.parse(value).uri


def is_loose(route: str) -> bool:
    """Whether a route's URI has ``lr`` (s16.12)."""
    return "lr" in SipUri.parse(bare(route)).params


def without_tag(value: str) -> str:
    """A From or To value less its tag parameter; the rest stays to the letter."""
    return _tag_or_opaque(lambda found: found[1] or "", value)


def with_tag(value: str, tag: str) -> str:
    """A From or To value with a tag parameter, none where ``tag`` is empty (RFC 2543 peers)."""
    return f"{value};tag={tag}" if tag else value


# What may hold a semicolon that begins no header parameter is passed over: a quote or bracket that is never closed
# holds all the rest. Blanks are passed over too, for a search that begins anew at each of them takes quadratic time.
_tag_or_opaque = re.compile(
    rf"[ \t]*+;[ \t]*+tag[ \t]*+(?:=[ \t]*+(?:{QUOTED}|[^; \t]*+)[ \t]*+)?(?=;|\Z)"
    r'|("[^"\\]*+(?:\\.[^"\\]*+)*+"?+|<[^>]*+>?+|[ \t]++;?+)',
    re.IGNORECASE | re.DOTALL,
).sub
