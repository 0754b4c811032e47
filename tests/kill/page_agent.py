"""The far end that speaks SIP MESSAGE: many users at one UDP socket, each with conversations of its own.

A sender has one MESSAGE outstanding in a conversation and goes on to the next after the final answer (RFC 3428 s8). A
receiver knows a MESSAGE again by Call-ID, CSeq and From tag (RFC 3261 s8.2.2.2) and says again what it had said.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable

from tests.kill.ledger import ACCEPTED, DELIVERED, FAILED, SILENCE, Ledger
from tests.kill.pace import Pace
from tests.kill.schedule import TO_MSRP, TO_PAGE, Schedule
from tests.kill.sip_end import PATIENCE, SipEnd, SipText, user_of

HOST = "127.0.0.1"
NOTICE = b"Your message to "
"""How a notice about a message begins that was answered 202 and failed later."""
REASON = {200: "OK", 403: "Forbidden", 480: "Temporarily Unavailable", 486: "Busy Here", 603: "Decline"}


class PageAgent:
    """``session_uri(user)`` says where a user of the other far end is."""

    def __init__(self, schedule: Schedule, ledger: Ledger, gateway: tuple[str, int]) -> None:
        self.schedule = schedule
        self.ledger = ledger
        self.sip = SipEnd(gateway, self._requested)
        self.session_uri: Callable[[str], str] = str
        self._known: dict[str, int] = {}
        """Identities of messages that came, with what was answered; 0 until it is."""
        self._came: dict[str, float] = {}
        """When they came first."""

    def _strict(self, user: str) -> bool:
        return self.schedule.is_strict(int(user.removeprefix("alice-")))

    async def open(self) -> None:
        await self.sip.open(HOST)

    def close(self) -> None:
        self.sip.close()

    # ------------------------------------------------------------------------------ sending

    async def converse(self, conversation: int, pace: Pace) -> None:
        """Send the letters of one conversation until the pace is over."""
        people = self.schedule.people(TO_MSRP, conversation)
        sip = self.sip
        own, peer = sip.uri(f"alice-{people}"), self.session_uri(f"bob-{people}")
        call_id, tag = secrets.token_hex(10), secrets.token_hex(4)
        one_call_id = conversation % 4 == 0  # RFC 3428 leaves it to the user agent
        letters = self.schedule.letters(TO_MSRP, conversation)
        async for letter in pace.of(letters, self.schedule.pause(conversation)):
            if not one_call_id:
                call_id, tag = secrets.token_hex(10), secrets.token_hex(4)
            cseq = letter.number + 1
            request = sip.compose(
                "MESSAGE", peer, f"<{own}>;tag={tag}", f"<{peer}>", call_id, cseq, "Content-Type: text/plain",
                body=letter.body,
            )  # fmt: skip
            answer: asyncio.Future[SipText | None] = sip.loop.create_future()
            entry = self.ledger.sent(TO_MSRP, conversation, letter, call_id)
            entry.tries = sip.ask(request, answer.set_result).tries
            final = await answer
            code = final.status if final is not None else 0
            what = {0: SILENCE, 200: DELIVERED, 202: ACCEPTED}.get(code, FAILED)
            self.ledger.told(letter.key, what, code)

    # ---------------------------------------------------------------------------- receiving

    def _requested(self, request: SipText, source: tuple[str, int]) -> None:
        if request.method != "MESSAGE":
            code = 200 if request.method == "OPTIONS" else 405
            self.sip.respond(request, source, code, "Whatever", "page", "Allow: MESSAGE, OPTIONS")
            return
        key = request.body.partition(b" ")[0].decode("ascii", "replace")
        identity = f"{request.call_id} {request.cseq[0]} {request.from_tag}"
        way = key.partition("/")[0]
        known = self._known.get(identity)
        if way != TO_PAGE:
            if known is None:
                self._noticed(request)
            self._answer(request, source, identity, 200)
            return
        if known is not None:
            if known in (0, 200):
                self.ledger.seen(key, identity, repeat=True)
            if self._strict(user_of(request.ruri)) and self.sip.loop.time() < self._came[identity] + PATIENCE:
                self.ledger.merged(key)
                self.sip.respond(request, source, 482, "Merged Request", request.call_id[:8])
            elif known:
                self._answer(request, source, identity, known)
            else:  # its answer is on its way; this request gets the same then
                self.sip.loop.call_later(0.5, self._answer_as_known, request, source, identity)
            return
        self._check(key, request)
        self._came[identity] = self.sip.loop.time()
        treatment = self.schedule.treatment(key)
        if treatment.refusal is not None:
            self.ledger.refused(key, treatment.refusal)
            self._answer(request, source, identity, treatment.refusal)
            return
        self.ledger.seen(key, identity, repeat=False)
        if treatment.delay:
            self._known[identity] = 0
            self.sip.loop.call_later(treatment.delay, self._answer, request, source, identity, 200)
        else:
            self._answer(request, source, identity, 200)

    def _answer(self, request: SipText, source: tuple[str, int], identity: str, code: int) -> None:
        self._known[identity] = code
        self.sip.respond(request, source, code, REASON[code], request.call_id[:8])

    def _answer_as_known(self, request: SipText, source: tuple[str, int], identity: str) -> None:
        self._answer(request, source, identity, self._known[identity] or 200)

    def _noticed(self, request: SipText) -> None:
        """A notice in words: a message that had been answered 202 failed."""
        people = user_of(request.ruri).removeprefix("alice-")
        if request.body.startswith(NOTICE) and people.isdigit():
            self.ledger.noticed(TO_MSRP, int(people))  # who writes to MSRP has the number of the conversation
        else:
            self.ledger.anomaly(f"not a body of ours at the message side: {request.body[:60]!r}")

    def _check(self, key: str, request: SipText) -> None:
        """The message is in the right hands, from the right person."""
        conversation = key.split("/")[1]
        people = self.schedule.people(TO_PAGE, int(conversation)) if conversation.isdigit() else -1
        if user_of(request.ruri) != f"alice-{people}" or user_of(request.first("from")) != f"bob-{people}":
            self.ledger.anomaly(f"{key} came to {request.ruri} from {request.first('from')}")
