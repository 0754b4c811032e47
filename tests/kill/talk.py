"""What two people say to each other, at the MSRP far end: their sessions, and the messages that are not confirmed yet.

What was sent and not answered when its session was lost goes out again on the next session, in order and with the same
Message-ID (RFC 4975 s5.4), and what comes a second time is known by its Message-ID.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from typing import TYPE_CHECKING

from tests.kill.ledger import ACCEPTED, DELIVERED, FAILED
from tests.kill.leg import Leg
from tests.kill.msrp_stream import Frame, MsrpStream
from tests.kill.schedule import TO_MSRP, TO_PAGE
from tests.kill.sip_end import Asking, SipText

if TYPE_CHECKING:
    from tests.kill.pace import Pace
    from tests.kill.session_agent import SessionAgent

CALL_AGAIN = 0.5
"""Seconds after a call that failed."""
RESPONSE_WAIT = 30.0
"""Seconds for the response to a SEND (RFC 4975 s7.1.4)."""
SESSION_GONE = (481, 506)
"""Statuses that say that the session is lost, and nothing of the message."""


class Outgoing:
    """A message of ours without a response yet."""

    __slots__ = ("body", "key", "leg", "message_id", "tid", "timer")

    def __init__(self, key: str, body: bytes) -> None:
        self.key = key
        self.body = body
        self.message_id = secrets.token_hex(10)
        self.leg: Leg | None = None
        """Where it is under way."""
        self.tid = ""
        self.timer: asyncio.TimerHandle | None = None


class Talk:
    """``own`` and ``peer`` are the two SIP URIs."""

    def __init__(self, agent: SessionAgent, own: str, peer: str, window: int) -> None:
        self.agent = agent
        self.own = own
        self.peer = peer
        self.legs: list[Leg] = []
        """Usable or in set-up, oldest first."""
        self.conversations: list[tuple[str, int]] = []
        self._window = window
        self._unconfirmed: deque[Outgoing] = deque()
        self._room = asyncio.Event()
        self._call: Asking | None = None
        self._call_id = ""
        self._offered_path = ""
        self._known: dict[str, int] = {}
        self._by_message_id: dict[str, str] = {}

    # -------------------------------------------------------------------------------- sending

    async def converse(self, conversation: int, pace: Pace) -> None:
        """Send the letters of one conversation until the pace is over."""
        agent = self.agent
        letters = agent.schedule.letters(TO_PAGE, conversation)
        async for letter in pace.of(letters, agent.schedule.pause(conversation)):
            while len(self._unconfirmed) >= self._window:
                self._room.clear()
                await self._room.wait()
            message = Outgoing(letter.key, letter.body)
            self._by_message_id[message.message_id] = letter.key
            self._unconfirmed.append(message)
            agent.ledger.sent(TO_PAGE, conversation, letter, message.message_id)
            self._push()

    def _push(self) -> None:
        """Send what is not under way, on the session where the rest is, so that order is kept."""
        waiting = [message for message in self._unconfirmed if message.leg is None]
        if not waiting:
            return
        leg = next((message.leg for message in self._unconfirmed if message.leg is not None), None)
        if leg is None:
            leg = next((each for each in reversed(self.legs) if each.usable), None)
        if leg is None:
            self._invite()
            return
        for message in waiting:
            self._send(leg, message)

    def _send(self, leg: Leg, message: Outgoing) -> None:
        message.leg = leg
        message.tid = secrets.token_hex(8)
        size = len(message.body)
        self.agent.awaiting[message.tid] = (self, message)
        message.timer = self.agent.sip.loop.call_later(RESPONSE_WAIT, self._no_response, leg)
        assert leg.stream is not None
        leg.stream.request(
            message.tid, "SEND", leg.peer_path, leg.own_path,
            f"Message-ID: {message.message_id}",
            "Success-Report: yes",
            "Failure-Report: yes",
            f"Byte-Range: 1-{size}/{size}",
            "Content-Type: text/plain",
            body=message.body,
        )  # fmt: skip

    def answered(self, message: Outgoing, code: int) -> None:
        """The response to a SEND."""
        if message.timer is not None:
            message.timer.cancel()
        leg = message.leg
        if code in SESSION_GONE:
            if leg is not None:
                self.drop(leg, f"its peer answered a SEND {code}", bye=True)
            return
        self._unconfirmed.remove(message)
        self._room.set()
        self.agent.ledger.told(message.key, ACCEPTED if code == 200 else FAILED, code)

    def reported(self, message_id: str, code: int) -> None:
        """A REPORT on a message of ours."""
        key = self._by_message_id.get(message_id)
        if key is None:
            self.agent.ledger.anomaly(f"a REPORT on Message-ID {message_id}, which is none of ours")
            return
        self.agent.ledger.told(key, DELIVERED if code == 200 else FAILED, code)

    def _no_response(self, leg: Leg) -> None:
        self.agent.ledger.counts["sends without a response in 30 s"] += 1
        self.drop(leg, "no response to a SEND", bye=True)

    # -------------------------------------------------------------------------------- sessions

    def _invite(self) -> None:
        if self._call is not None:
            return
        agent = self.agent
        self._offered_path = agent.new_path()
        self._call_id = secrets.token_hex(10)
        composed = agent.sip.compose(
            "INVITE", self.peer, f"<{self.own}>;tag={secrets.token_hex(4)}", f"<{self.peer}>", self._call_id, 1,
            f"Contact: <{self.own}>", "Content-Type: application/sdp",
            body=agent.description(self._offered_path, "active"),
        )  # fmt: skip
        agent.ledger.counts["calls to the gateway"] += 1
        agent.ledger.step(self.conversations, f"INVITE {self._call_id[:6]}")
        self._call = agent.sip.ask(composed, self._call_answered, invite=True)

    def _call_answered(self, answer: SipText | None) -> None:
        call, self._call = self._call, None
        agent = self.agent
        said = "given up" if answer is None else str(answer.status)
        agent.ledger.step(self.conversations, f"INVITE {self._call_id[:6]} {said}")
        if answer is None or answer.status >= 300:
            if answer is not None and call is not None:
                agent.ledger.counts[f"calls answered {answer.status}"] += 1
                agent.ack_refusal(answer, call.branch, self.peer)
            agent.sip.loop.call_later(CALL_AGAIN, self._push)
            return
        leg = Leg.calling(self, answer)
        agent.sip.write(leg.request("ACK", answer.cseq[0])[0])
        leg.own_path, leg.peer_path = self._offered_path, agent.path_in(answer.body)
        self.add(leg)
        agent.connect(leg)

    def add(self, leg: Leg) -> None:
        """One more session, in set-up."""
        self.legs.append(leg)
        self.agent.add(leg)

    def ready(self, leg: Leg) -> None:
        """Its MSRP session is bound."""
        leg.bound = True
        self.agent.ledger.step(self.conversations, f"bound: {leg}")
        self._push()

    def drop(self, leg: Leg, why: str, *, bye: bool) -> None:
        """It is over, or its connection is lost; what it had under way goes out again on another one."""
        if leg in self.legs:
            self.legs.remove(leg)
            self.agent.ledger.session_over(self.conversations, f"{why}: {leg}")
        leg.bound, leg.stream = False, None
        if bye:
            self.agent.bye(leg)
        for message in self._unconfirmed:
            if message.leg is leg:
                message.leg = None
                self.agent.awaiting.pop(message.tid, None)
                if message.timer is not None:
                    message.timer.cancel()
        self._push()

    # -------------------------------------------------------------------------------- receiving

    def received(self, leg: Leg, stream: MsrpStream, frame: Frame) -> None:
        """A SEND of the gateway's."""
        if frame.body is None:
            stream.respond(frame, 200, "OK")
            return
        agent = self.agent
        key = frame.body.partition(b" ")[0].decode("ascii", "replace")
        message_id = frame.get("message-id")
        self._check(key, frame)
        known = self._known.get(message_id)
        if known is not None:
            if known in (0, 200):
                agent.ledger.seen(key, message_id, repeat=True)
            self._answer(stream, frame, known or 200)
            return
        treatment = agent.schedule.treatment(key)
        if treatment.refusal is not None:
            agent.ledger.refused(key, treatment.refusal)
            self._answer(stream, frame, treatment.refusal)
            return
        agent.ledger.seen(key, message_id, repeat=False)
        self._known[message_id] = 0
        if treatment.delay:
            agent.sip.loop.call_later(treatment.delay, self._answer, stream, frame, 200)
        else:
            self._answer(stream, frame, 200)

    def _answer(self, stream: MsrpStream, frame: Frame, code: int) -> None:
        message_id = frame.get("message-id")
        self._known[message_id] = code
        stream.respond(frame, code, "OK" if code == 200 else "Refused")
        if code == 200 and frame.get("success-report") == "yes":
            size = len(frame.body or b"")
            stream.request(
                secrets.token_hex(8), "REPORT", frame.get("from-path"), frame.get("to-path"),
                f"Message-ID: {message_id}", f"Byte-Range: 1-{size}/{size}", "Status: 000 200 OK",
            )  # fmt: skip

    def _check(self, key: str, frame: Frame) -> None:
        """The message is whole, in the right hands, and on the right session."""
        way, _, rest = key.partition("/")
        number = rest.partition("/")[0]
        ledger = self.agent.ledger
        if way != TO_MSRP or not number.isdigit() or (way, int(number)) not in self.conversations:
            ledger.anomaly(f"{key[:80]!r} came to {self.own} over MSRP")
        if frame.flag != "$":
            ledger.anomaly(f"{key} came in chunks")
