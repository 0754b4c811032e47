"""What both ends of the gateway have seen, and what it owes them for it: the invariants of the whole engine.

It knows nothing of the gateway but octets and, at the end, the rows of its records.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from protocols.msrp.errors import MsrpFramingError
from protocols.msrp.frames import MsrpRequest, MsrpResponse
from protocols.msrp.ids import derived_message_id
from protocols.msrp.parser import FrameParser
from protocols.sip.errors import SipError
from protocols.sip.matching import merge_identity
from protocols.sip.message import Message, Request, Response
from protocols.sip.parse_error import SipParseError
from protocols.sip.parser import parse_message
from tests.fuzz.engine_adapter import Engine, Where
from tests.fuzz.invariant import holds

TIMER_J: Final = 32.0
"""Seconds after its answer in which a request that comes again is the same one (RFC 3261 s17.2.2)."""
NO_CONTENT: Final = ("application/im-iscomposing+xml", "message/imdn+xml", "message/cpim")
"""Types that may be taken without going anywhere, or carry such."""
_path: Final = re.compile(rb"a=path:([^\r\n]+)").search
NOT_REMEMBERED: Final = frozenset({503})
"""Answers that are given without a transaction, so that the request is judged anew when it comes again (s8.2.7)."""
_MOST_A_STEP: Final = 40_000
_MOST_AN_OCTET: Final = 60


@dataclass(slots=True)
class Asked:
    """A request that the gateway was sent, until the answer to it is forgotten."""

    request: Request
    at: float
    excused: bool
    """Whether it may stay without an answer."""
    finals: set[int] = field(default_factory=set)
    answered_at: float | None = None


@dataclass(slots=True)
class Sent:
    """A SEND of the gateway's: its message, and whether that was its end."""

    message_id: str
    last: bool


class _Wire:
    """Both ways of an MSRP connection, read by a parser of our own."""

    def __init__(self) -> None:
        self.inwards = FrameParser()
        self.outwards = FrameParser()
        self.sent: dict[str, Sent] = {}
        self.asked: dict[str, MsrpRequest] = {}


class Ledger:
    """Told of everything that goes in and comes out; raises Broken where that cannot be right."""

    def __init__(self) -> None:
        self.now = 0.0
        self.excused = False
        """Whether what comes now may stay without an answer: the database is away."""
        self.asked: dict[str, list[Asked]] = {}
        self.spoiled: set[str] = set()
        """Keys that requests of strangers and malformed ones had too, which are answered by themselves."""
        self.wires: dict[int, _Wire] = {}
        self.delivered: set[str] = set()
        """Message-IDs of SENDs that the chat side took whole, or reported on."""
        self.delivered_to_page: set[str] = set()
        """Call-IDs of MESSAGEs that the page side took with 200."""
        self.passed_to_page: set[str] = set()
        """The same with any 2xx."""
        self.acknowledged: list[tuple[str, str, str]] = []
        """Message-ID, Content-Type and To-Path of SENDs that were answered 200."""
        self.reported: set[str] = set()
        """Message-IDs that success was reported of."""
        self.requests: list[Request] = []
        """Those of the gateway's, each as it was first sent."""
        self.paths: list[str] = []
        """MSRP paths that the gateway has said are its own."""
        self._seen: set[bytes] = set()
        self._finals: dict[bytes, Response] = {}

    # -------------------------------------------------------------------- SIP

    def sip_received(self, data: bytes, source: Where, *, stream: bool) -> None:
        """Octets that the gateway is about to get as one SIP message."""
        excused = self.excused or stream  # the connection may be gone when there is an answer
        try:
            message = parse_message(data)
        except SipParseError as error:
            if error.partial is not None:
                with suppress(SipError):
                    self.spoiled.add(_key(error.partial))
            return
        if isinstance(message, Response):
            self._answered(message)
        elif message.method != "ACK":
            with suppress(SipError):
                if source[0].startswith("127."):
                    self._ask(message, excused)
                else:  # a stranger is refused without being remembered, whoever else sends the same
                    self.spoiled.add(_key(message))

    def _ask(self, request: Request, excused: bool) -> None:
        if request.method != request.cseq.method:
            self.spoiled.add(_key(request))
            return
        known = self.asked.setdefault(_key(request), [])
        before = known[-1] if known else None
        if before is None or (before.answered_at is not None and self.now > before.answered_at + TIMER_J):
            known.append(Asked(request, self.now, excused))

    def _answered(self, response: Response) -> None:
        """The page or chat side answers a request of the gateway's."""
        with suppress(SipError):
            if response.cseq.method == "MESSAGE" and 200 <= response.status < 300:
                branches = {request.via.branch for request in self.requests}
                if response.via.branch in branches:
                    self.passed_to_page.add(response.call_id)
                    if response.status == 200:
                        self.delivered_to_page.add(response.call_id)

    def sip_sent(self, data: bytes, to: Where) -> None:
        """Octets of the gateway's."""
        if data in self._seen:  # a repeat, of whatever
            if (again := self._finals.get(data)) is not None:
                self._final(again, data)
            return
        self._seen.add(data)
        if (found := _path(data)) is not None:
            path = found[1].decode()
            if path not in self.paths:
                self.paths.append(path)
        try:
            message = parse_message(data)
        except SipParseError as error:
            holds(not data.startswith(b"SIP/2.0 2"), "the gateway says what cannot be read", data, error)
            holds(data.startswith((b"SIP/2.0 ", b"\r\n")), "a request of the gateway's cannot be read", data, error)
            return
        if isinstance(message, Request):
            self.requests.append(message)
        elif message.status >= 200:
            self._finals[data] = message
            self._final(message, data)

    def _final(self, response: Response, data: bytes) -> None:
        try:
            key = _key(response)
        except SipError:
            return
        known = self.asked.get(key)
        if key in self.spoiled:
            return
        if not known:
            holds(response.status != 200 or response.cseq.method == "CANCEL", "a 200 that nobody asked for", data)
            return
        asked = known[-1]
        asked.finals.add(response.status)
        asked.answered_at = self.now if asked.answered_at is None else asked.answered_at
        holds(
            len(asked.finals - NOT_REMEMBERED) <= 1, "two answers to one request", asked.finals, asked.request.headers
        )
        if asked.request.method == "MESSAGE" and response.status == 200:
            self._taken(asked.request)

    def _taken(self, request: Request) -> None:
        """A MESSAGE got 200: its SEND must have."""
        if not _is_content(request):
            return
        message_id = derived_message_id(merge_identity(request))
        holds(message_id in self.delivered, "200 to a MESSAGE that nobody has taken", request.headers)

    # -------------------------------------------------------------------- MSRP

    def msrp_began(self, connection: int) -> None:
        """A connection is there."""
        self.wires[connection] = _Wire()

    def msrp_ended(self, connection: int) -> None:
        """It is gone."""

    def msrp_received(self, connection: int, data: bytes) -> None:
        """Octets that the gateway is about to get."""
        wire = self.wires[connection]
        try:
            frames = wire.inwards.feed(data)
        except MsrpFramingError as error:
            frames = error.frames
        for frame in frames:
            if isinstance(frame, MsrpRequest):
                wire.asked[frame.tid] = frame
                if frame.method == "REPORT" and frame.headers.get("status", "").split()[:2] == ["000", "200"]:
                    self.delivered.add(frame.headers.get("message-id", ""))
            elif frame.code == 200 and frame.tid in wire.sent and wire.sent[frame.tid].last:
                self.delivered.add(wire.sent[frame.tid].message_id)

    def msrp_sent(self, connection: int, data: bytes) -> None:
        """Octets of the gateway's."""
        wire = self.wires[connection]
        for frame in wire.outwards.feed(data):
            if isinstance(frame, MsrpRequest):
                holds(frame.fault is None, "a request of the gateway's is malformed", frame)
                if frame.method == "SEND":
                    wire.sent[frame.tid] = Sent(frame.headers["message-id"], frame.flag == "$")
                elif (
                    frame.headers.get("status", "").startswith("000 200") and frame.headers.get("byte-range") != "1-0/0"
                ):
                    self.reported.add(frame.headers["message-id"])
            else:
                self._responded(wire, frame)

    def _responded(self, wire: _Wire, response: MsrpResponse) -> None:
        request = wire.asked.get(response.tid)
        holds(request is not None, "an answer that nobody asked for", response)
        assert request is not None
        holds(request.method != "REPORT", "an answer to a REPORT", response)
        headers = request.headers
        begins = headers.get("byte-range", "1-").startswith("1-")  # else it may be the end of what never came whole
        if response.code == 200 and request.method == "SEND" and request.body and request.flag == "$" and begins:
            self.acknowledged.append((headers["message-id"], headers.get("content-type", ""), request.to_path))

    # --------------------------------------------------------------------- the end

    def judge(self, engine: Engine, steps: int) -> None:
        """All is over: is there anything that was promised and not done?"""
        self._judge_answers()
        rows = list(engine.records.rows.values())
        to_msrp = {row.message_id: row for row in rows if not row.to_page}
        to_page: dict[str, list[str]] = {}
        for row in rows:
            if row.to_page:
                states = to_page.setdefault(row.message_id, [])
                states.append("kept" if row.kept else row.state)
        self._judge_accepted(to_msrp)
        for message_id, content_type, _ in self.acknowledged:
            if content_type.partition(";")[0].strip().lower() not in NO_CONTENT:
                states = to_page.get(message_id, [])
                good = any(state in {"kept", "delivered", "accepted"} for state in states)
                holds(good, "200 to a SEND whose message is nowhere", message_id, states)
        self._judge_reports(rows)
        holds(not engine.records.refused, "two rows of one message", engine.records.refused)
        for row in rows:
            holds(len(row.outcomes) <= 1 or row.outcomes[0] == "accepted", "two outcomes", row.line, row.outcomes)
            holds(not row.kept or row.outcomes or row.state == "pending", "kept and lost", row.line)
        most = _MOST_AN_OCTET * engine.octets_in + _MOST_A_STEP * (steps + 1)
        holds(engine.octets_out <= most, "more goes out than came in", engine.octets_out, engine.octets_in)
        left = engine.left_over()
        holds(not left, "tables that are never emptied", left)

    def _judge_answers(self) -> None:
        for known in self.asked.values():
            for asked in known:
                excused = asked.excused or _key(asked.request) in self.spoiled
                holds(asked.finals or excused, "a request that was never answered", asked.request.headers)

    def _judge_accepted(self, to_msrp: dict[str, object]) -> None:
        for known in self.asked.values():
            for asked in known:
                request = asked.request
                if request.method == "MESSAGE" and asked.finals == {202} and _is_content(request):
                    message_id = derived_message_id(merge_identity(request))
                    row = to_msrp.get(message_id)
                    holds(row is not None, "202 to a MESSAGE that nobody has kept", request.headers)

    def _judge_reports(self, rows: list[object]) -> None:
        from tests.fuzz.engine_adapter import Row

        calls: dict[str, set[str]] = {}
        for row in rows:
            assert isinstance(row, Row)
            if row.to_page:
                calls.setdefault(row.message_id, set()).add(row.call_id)
        for message_id in self.reported:
            named = calls.get(message_id, set())
            good = any(sent.partition("-")[0] in named for sent in self.passed_to_page)
            holds(good, "success is reported of what nobody has taken", message_id)


def _is_content(request: Request) -> bool:
    """Whether a MESSAGE is sure to be one that a user would see."""
    content_type = request.content_type
    return request.to.tag is None and content_type is not None and content_type.essence not in NO_CONTENT


def _key(message: Message) -> str:
    """What a request and its answer have in common."""
    via = message.via
    return (
        f"{via.branch} {via.sent_by} {message.cseq.number} {message.cseq.method} {message.call_id} {message.from_.tag}"
    )
