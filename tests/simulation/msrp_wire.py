"""The MSRP half of the ledger: frames on the gateway's connections, put to the words that they carry or are about."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from protocols.msrp.byte_range import parse_byte_range, parse_status
from protocols.msrp.errors import MsrpFramingError
from protocols.msrp.frames import MsrpRequest, MsrpResponse
from protocols.msrp.parser import FrameParser
from tests.simulation.words import TO_PAGE, Talk, Word
from tests.simulation.world import Address

if TYPE_CHECKING:
    from tests.simulation.ledger import Ledger


@dataclass(slots=True, eq=False)
class Sent:
    """A message that the gateway sends on a connection."""

    message_id: str
    word: Word | None
    talk: Talk | None
    session: str
    size: int = 0
    waiting: set[str] = field(default_factory=set)
    whole: bool = False
    done: bool = False
    relayed: bool = False
    """Whether a relay answers for its receiver, whose REPORT then decides (RFC 4975 s5.3)."""
    reported: list[tuple[int, int]] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Link:
    """One connection."""

    name: str
    remote: Address
    outbound: bool
    incoming: FrameParser | None = field(default_factory=FrameParser)
    outgoing: FrameParser = field(default_factory=FrameParser)
    talks: list[Talk] = field(default_factory=list)
    sent: dict[str, Sent] = field(default_factory=dict)
    """By Message-ID."""
    asked: dict[str, tuple[str, str, Word | None, float]] = field(default_factory=dict)
    """SENDs that came, by transaction: flag, Failure-Report, word, when."""
    answered: dict[str, int] = field(default_factory=dict)
    late: set[str] = field(default_factory=set)
    """Transactions that had no answer in time."""
    peer_sent: set[str] = field(default_factory=set)
    """Session-ids under which the peer sent a SEND here."""
    closed: bool = False


class MsrpWire:
    """All connections of one process of the gateway."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.links: dict[str, Link] = {}
        self._count = 0
        self._named: dict[str, Word] = {}
        """Words by the Message-IDs of their SENDs."""

    def dialled(self, to: Address) -> None:
        """The gateway opens a connection."""
        self._ledger.note(f"        {to[0]} < opens a connection to port {to[1]}")
        self._ledger.judge.dialled(to)

    def refused(self, to: Address) -> None:
        """It could not."""
        self._ledger.note(f"{to[0]} > no connection to port {to[1]}")
        for talk in self._ledger.talks.values():
            if to in talk.paths:
                self._ledger.fault(talk, "no connection")

    def forget(self) -> None:
        """A new process has none."""
        self.links = {}

    def opened(self, remote: Address, *, outbound: bool) -> str:
        """A connection of the gateway's is there; its name."""
        self._count += 1
        name = f"#{self._count}"
        self.links[name] = Link(name, remote, outbound)
        self._ledger.note(f"{remote[0]} {'<' if outbound else '>'} {name} is open")
        return name

    def closed(self, name: str, *, by_peer: bool) -> None:
        """It is gone."""
        link = self.links[name]
        link.closed = True
        self._ledger.note(f"{link.remote[0]} {'>' if by_peer else '<'} {name} is closed")
        if by_peer:
            talks = [talk for talk in self._ledger.talks.values() if link.remote in talk.paths]
            for talk in [*link.talks, *talks]:
                self._ledger.fault(talk, "connection lost")

    def taken_back(self, sessions: set[str]) -> None:
        """These moved to another path: answers to what was sent on the old one interest nobody."""
        for link in self.links.values():
            for sent in link.sent.values():
                if sent.session in sessions:
                    sent.done = True

    # ----------------------------------------------------------------------------------- in

    def came(self, name: str, data: bytes) -> None:
        """Octets came to the gateway."""
        link = self.links[name]
        if link.incoming is None:
            return
        try:
            frames = link.incoming.feed(data)
        except MsrpFramingError as error:
            frames, link.incoming = error.frames, None
            for talk in link.talks:
                self._ledger.fault(talk, "broken framing")
        for frame in frames:
            if isinstance(frame, MsrpResponse):
                self._response_in(link, frame)
            elif frame.fault is None:
                self._request_in(link, frame)

    def _talk(self, link: Link, own_path: str) -> Talk | None:
        talk = self._ledger.session_ids.get(_session(own_path))
        if talk is not None and talk not in link.talks:
            link.talks.append(talk)
        return talk

    def _request_in(self, link: Link, frame: MsrpRequest) -> None:
        ledger = self._ledger
        body = frame.body or b""
        word = ledger.word_in(body) or self._named.get(frame.headers.get("message-id", ""))
        note = f"~{word.token}~" if word else frame.headers.get("status", "")
        ledger.note(f"{link.remote[0]} > {link.name} {frame.method} {note} {frame.flag}")
        talk = self._talk(link, frame.to_path)
        if frame.method == "SEND":
            if talk is not None:
                if frame.from_path.rpartition(" ")[2] in talk.uris:
                    talk.joined = ledger.world.now
                link.peer_sent.add(_session(frame.to_path))
            self._send_in(link, frame, word, talk)
        elif frame.method == "REPORT":
            self._report_in(link, frame, talk)

    def _send_in(self, link: Link, frame: MsrpRequest, word: Word | None, talk: Talk | None) -> None:
        ledger, headers = self._ledger, frame.headers
        failure_report = headers.get("failure-report", "yes").lower()
        if word is not None and word.way == TO_PAGE:
            self._named[headers.get("message-id", "")] = word
            word.success_report = headers.get("success-report", "").lower() == "yes"
            word.failure_report = failure_report
            word.link, word.session = link.name, _session(frame.to_path)
            if word.told_failed is not None:
                word.begin_again()
            if frame.flag == "$":
                ledger.take_turn(word)
        if talk is not None:
            ledger.imdn_in(frame.body or b"", talk.parties)
        link.asked[frame.tid] = (frame.flag, failure_report, word, ledger.world.now)

    def _report_in(self, link: Link, frame: MsrpRequest, talk: Talk | None) -> None:
        status = parse_status(frame.headers.get("status", ""))
        sent = link.sent.get(frame.headers.get("message-id", ""))
        if status is None or status[0] != "000":
            return
        now = self._ledger.world.now
        if status[1] != 200:
            self._ledger.fault(talk, f"REPORT {status[1]}")
            if sent is not None and sent.word is not None:
                sent.word.denied = sent.word.denied or now
        elif sent is not None and sent.word is not None:
            first, last, _ = parse_byte_range(frame.headers.get("byte-range", "")) or (1, None, None)
            sent.reported.append((first, sent.size if last is None else last))
            reached = 0
            for start, end in sorted(sent.reported):
                if start <= reached + 1:
                    reached = max(reached, end)
            if reached >= sent.size:
                sent.word.confirmed = sent.word.confirmed or now
                if sent.relayed:
                    self._ledger.taken(sent.word)

    def _response_in(self, link: Link, frame: MsrpResponse) -> None:
        ledger, now = self._ledger, self._ledger.world.now
        ledger.note(f"{link.remote[0]} > {link.name} {frame.code}")
        for sent in link.sent.values():
            if frame.tid not in sent.waiting:
                continue
            sent.waiting.discard(frame.tid)
            talk, word = sent.talk, sent.word
            if frame.code != 200:
                ledger.fault(talk, f"{frame.code} to a SEND")
                sent.done = True
            else:
                if talk is not None:
                    talk.joined = now
                if sent.whole and not sent.waiting and not sent.done:
                    sent.done = True
                    if word is None or sent.session in ledger.sip.over:
                        continue
                    if sent.relayed:
                        word.accepted = word.accepted or now
                    else:
                        ledger.taken(word)
            return

    # ---------------------------------------------------------------------------------- out

    def went(self, name: str, data: bytes) -> None:
        """Octets left it."""
        link = self.links[name]
        for frame in link.outgoing.feed(data):
            if isinstance(frame, MsrpResponse):
                self._response_out(link, frame)
            elif frame.method == "SEND":
                self._send_out(link, frame)
            elif frame.method == "REPORT":
                self._report_out(link, frame)

    def _send_out(self, link: Link, frame: MsrpRequest) -> None:
        ledger = self._ledger
        message_id = frame.headers.get("message-id", "")
        talk = self._talk(link, frame.from_path)
        body = frame.body or b""
        sent = link.sent.get(message_id)
        again = sent is not None and sent.whole
        if sent is None or again:
            sent = link.sent[message_id] = Sent(message_id, ledger.word_in(body), talk, _session(frame.from_path))
            sent.relayed = " " in frame.to_path
            found = parse_byte_range(frame.headers.get("byte-range", ""))
            sent.size = found[2] or 0 if found is not None else len(body)
            if sent.word is not None:
                ledger.copy(sent.word, (message_id,), link.name)
            else:
                ledger.said_by_gateway(body, (message_id,), None)
        named = f"~{sent.word.token}~" if sent.word is not None else f"{len(body)} octets"
        ledger.note(f"        {link.remote[0]} < {link.name} SEND {named} {frame.flag}")
        sent.waiting.add(frame.tid)
        sent.whole = frame.flag == "$"
        ledger.judge.send_out(link, frame, sent)

    def _response_out(self, link: Link, frame: MsrpResponse) -> None:
        ledger = self._ledger
        ledger.note(f"        {link.remote[0]} < {link.name} {frame.code}")
        asked = link.asked.get(frame.tid)
        before = link.answered.get(frame.tid)
        ledger.judge.response_out(link, frame, asked, before)
        link.answered.setdefault(frame.tid, frame.code)
        if asked is None or before is not None:
            return
        flag, _, word, _ = asked
        if word is not None and word.way == TO_PAGE and (flag == "$" or frame.code != 200):
            word.answers.append((ledger.world.now, frame.code))
            ledger.judge.send_answered(word, frame.code)

    def _report_out(self, link: Link, frame: MsrpRequest) -> None:
        status = parse_status(frame.headers.get("status", ""))
        word = self._named.get(frame.headers.get("message-id", ""))
        self._ledger.note(
            f"        {link.remote[0]} < {link.name} REPORT {status and status[1]} {f'~{word.token}~' if word else ''}"
        )
        if status is not None and word is not None:
            self._ledger.judge.reported(word, status[1], link)


def _session(path: str) -> str:
    """The session-id of an MSRP URI."""
    return path.rpartition("/")[2].partition(";")[0]
