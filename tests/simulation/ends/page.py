"""A page user agent: says MESSAGEs, takes them, answers as its manners are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from protocols.payload import cpim, imdn
from protocols.sip.message import Request, Response
from tests.simulation.ends.sip_end import SipEnd
from tests.simulation.words import TO_MSRP, Word

MOST_REPLIES = 120
"""Answers of a machine in one run: two of them would never stop."""
COMPOSING = (
    b'<?xml version="1.0"?>\r\n<isComposing xmlns="urn:ietf:params:xml:ns:im-iscomposing">'
    b"<state>active</state></isComposing>"
)


@dataclass(frozen=True, slots=True)
class PageManners:
    """How it answers a MESSAGE."""

    answer: int = 200
    """0: never."""
    after: float = 0.0
    """Seconds."""
    again: int = 0
    """A second final answer, at once after the first; 0: none."""
    machine: bool = False
    """It says something new for each message that it took."""
    notifies: str = ""
    """The IMDN that it sends where one was asked for: ``delivered``, ``failed``, ``displayed``; empty: none."""


class PageEnd(SipEnd):
    """``manners`` are replaced as the schedule has it."""

    manners = PageManners()
    replies = 0

    def behave(self, **changes: Any) -> None:
        """Other manners from now on."""
        self.manners = replace(self.manners, **changes)

    def say(
        self,
        to: str,
        kind: str = "plain",
        *,
        expires: int | None = None,
        imdn_about: str = "",
        status: str = "delivered",
    ) -> Word:
        """A MESSAGE to a URI."""
        name = self.fresh("imdn") if kind in ("cpim", "wish") else ""
        wants = frozenset({"positive-delivery", "negative-delivery"}) if kind == "wish" else frozenset()
        word = self.ledger.word(
            TO_MSRP, self.uri, to, kind, imdn_id=name if wants else "", wants=wants, expires=expires is not None
        )
        content_type, body = content(word, name, imdn_about, status)
        extra = [] if expires is None else [("Expires", str(expires))]
        self.request(
            "MESSAGE",
            to,
            [
                ("Max-Forwards", "70"),
                ("From", f"<{self.uri}>;tag={self.fresh('f')}"),
                ("To", f"<{to}>"),
                ("Call-ID", self.fresh("c")),
                ("CSeq", "1 MESSAGE"),
                *extra,
                ("Content-Type", content_type),
            ],
            body,
            then=lambda response: self.answered(word, response),
        )
        return word

    def answered(self, word: Word, response: Response | None) -> None:
        """What became of a MESSAGE of its own."""

    # ----------------------------------------------------------------------------------- in

    def on_request(self, request: Request) -> None:
        """Take it."""
        if request.method != "MESSAGE":
            self.answer(request, 405)
            return
        manners = self.manners
        if manners.answer == 100:
            self.answer(request, 100)
        elif manners.answer:
            self.world.at(manners.after, self._take, request, manners)

    def _take(self, request: Request, manners: PageManners) -> None:
        word = self.ledger.word_in(request.body)
        if manners.answer == 200 and word is not None:
            self.ledger.arrived(word)
        data = self.answer(request, manners.answer)
        if manners.again and manners.again != manners.answer:
            self.answer(request, manners.again)
            self._answers[f"{request.via.branch}{request.method}"] = data
        if manners.answer < 300:
            self._react(request, manners)

    def _react(self, request: Request, manners: PageManners) -> None:
        sender = request.from_.uri
        if manners.notifies and b"positive-delivery" in request.body:
            held = cpim.parse(request.body)
            if held.imdn_message_id:
                self.say(sender, "imdn", imdn_about=held.imdn_message_id, status=manners.notifies)
        if manners.machine and self.replies < MOST_REPLIES and b"imdn+xml" not in request.body:
            self.replies += 1
            self.say(sender)


def content(word: Word, name: str, about: str, status: str) -> tuple[str, bytes]:
    """Content-Type and body of a word."""
    text = f"~{word.token}~ hello".encode()
    kind = word.kind
    if kind == "large":
        return "text/plain", text + b" and more" * 600
    if kind == "composing":
        return "application/im-iscomposing+xml", COMPOSING
    if kind in ("cpim", "wish"):
        body = cpim.wrap(
            text, "text/plain", from_uri=word.sender, to_uri=word.receiver, at=1_800_000_000.0, imdn_message_id=name,
            notify=sorted(word.wants),
        )  # fmt: skip
        return "message/cpim", body
    if kind in ("imdn", "forged imdn"):
        document = imdn.Imdn(about, "2027-01-15T08:00:00Z", "display" if status == "displayed" else "delivery", status)
        body = cpim.wrap(
            imdn.build(document), imdn.CONTENT_TYPE, from_uri=word.sender, to_uri=word.receiver, at=1_800_000_000.0,
            subject=f"~{word.token}~", imdn_message_id=f"n{word.token}", disposition="notification",
        )  # fmt: skip
        return "message/cpim", body
    return "text/plain", text
