"""The SIP half of the ledger: requests and answers both ways, dialogs, and the words that MESSAGEs carry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from protocols.sip.errors import SipError
from protocols.sip.message import Request, Response
from protocols.sip.parser import parse_message
from tests.simulation import contents
from tests.simulation.words import TO_MSRP, TO_PAGE, Dialog, Heard, Own, Talk
from tests.simulation.world import GATEWAY, Address

if TYPE_CHECKING:
    from tests.simulation.ledger import Ledger

TIMER_F: Final = 32.0
"""Seconds until a MESSAGE of the gateway's is given up: an answer after that is nobody's."""

UNKNOWN_HOST: Final = "nowhere.invalid"
"""A host of Contact that no name server knows."""

DialogName = tuple[str, str]


class SipWire:
    """``heard`` are the requests that came, by transaction; ``own`` those that the gateway made.

    The final answer of one whose connection was lost before an answer is 0.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.heard: dict[str, Heard] = {}
        self.own: dict[str, Own] = {}
        self.dialogs: dict[DialogName, Dialog] = {}
        """Dialogs that both sides have, by Call-ID and the far end's tag."""
        self.over: set[str] = set()
        """Session-ids of the gateway's whose dialog is over: what is still said in them, nobody has to listen to."""
        self._paths: dict[str, set[str]] = {}
        """Session-ids of the gateway's by Call-ID."""
        self._byes: set[DialogName] = set()
        self._nowhere: set[DialogName] = set()
        """Dialogs whose far end is where no request can go."""
        self._accepted: set[DialogName] = set()

    @property
    def _now(self) -> float:
        return self._ledger.world.now

    # ----------------------------------------------------------------------------------- in

    def came(self, data: bytes, source: Address) -> None:
        """A datagram came to the gateway."""
        try:
            message = parse_message(data)
            if isinstance(message, Response):
                self._answer_came(message, source)
            elif message.method == "ACK":
                self._ack_came(message, source)
            else:
                self._request_came(message, source)
        except SipError:
            self._ledger.note(f"{source[0]} > {data[:40]!r}")

    def _talk(self, message: Request | Response) -> Talk:
        return self._ledger.talk(message.from_.uri, message.to.uri)

    def _request_came(self, request: Request, source: Address) -> None:
        ledger, method, via = self._ledger, request.method, request.via
        name = f"{via.branch} {via.sent_by} {method}"
        heard = self.heard.get(name)
        again = " again" if heard is not None else ""
        ledger.note(f"{source[0]} > {method} {request.uri} {contents.named(request.body)}{again}")
        if heard is not None and heard.source == source:
            self._came_again(heard)
            return
        in_dialog = request.to.tag is not None
        heard = self.heard[name] = Heard(name, method, self._now, source, None, in_dialog, process=ledger.process)
        if source[0] not in ledger.peers:
            return
        if method == "MESSAGE" and not in_dialog:
            self._talk(request).messages += 1
            heard.word = ledger.word_in(request.body)
            if heard.word is not None and heard.word.way == TO_MSRP:
                ledger.take_turn(heard.word)
            ledger.imdn_in(request.body, frozenset((request.from_.uri,)))
        elif method == "BYE":
            dialog = self.dialogs.get((request.call_id, request.from_.tag or ""))
            heard.dialog = dialog if dialog is not None and not dialog.over else None
            self._end_dialog(request.call_id, request.from_.tag or "")
            ledger.fault(self._talk(request), "BYE")
        elif method == "INVITE":
            talk = heard.talk = self._talk(request)
            self._reach(request, request.from_.tag)
            before = len(talk.uris)
            self._learn(talk, request.body)
            heard.moves = in_dialog and len(talk.uris) > before

    def _came_again(self, heard: Heard) -> None:
        ledger, word = self._ledger, heard.word
        heard.copies += 1
        if heard.process != ledger.process:  # its sender heard nothing of what the process before said
            heard.process, heard.at = ledger.process, self._now
            heard.finals, heard.codes = [], set()
            if word is not None:
                word.begin_again()
        if word is not None and not word.answers:
            ledger.take_turn(word)

    def _ack_came(self, request: Request, source: Address) -> None:
        self._ledger.note(f"{source[0]} > ACK")
        number = f"\r\nCSeq: {request.cseq.number} INVITE\r\n".encode()
        call_id = f"\r\nCall-ID: {request.call_id}\r\n".encode()
        for heard in self.heard.values():
            if heard.method != "INVITE" or not heard.finals or heard.source[0] != source[0]:
                continue
            answer = heard.finals[0]
            if call_id in answer and number in answer:
                if not heard.acknowledged and answer.startswith(b"SIP/2.0 2") and not heard.in_dialog:
                    self._begin_dialog(request.call_id, request.from_.tag or "", heard.at)
                heard.acknowledged = True

    def _answer_came(self, response: Response, source: Address) -> None:
        ledger, status = self._ledger, response.status
        own = self.own.get(f"{response.via.branch}{response.cseq.method}")
        ledger.note(f"{source[0]} > {status} to {response.cseq.method}")
        if own is None or source == GATEWAY or own.process != ledger.process:
            return
        if own.final == 0 or (own.method == "MESSAGE" and self._now - own.at > TIMER_F):
            return
        if status < 200:
            own.provisional = True
            return
        first = own.final is None
        if first:
            own.final, own.final_at = status, self._now
        if status >= 300:
            ledger.fault(own.talk, f"{status} to {own.method}")
            if own.in_dialog and status in (408, 481):  # that is its end (RFC 3261 s12.2.1.2)
                self._end_dialog(own.call_id, response.to.tag or "")
        elif own.method == "INVITE" and own.talk is not None:
            if first:
                own.talk.answered = self._now
            if _leads_nowhere(response):
                ledger.fault(own.talk, "its Contact is nobody, or the gateway")
            self._learn(own.talk, response.body)
            self._reach(response, response.to.tag)
            if not own.in_dialog and own.final is not None and own.final < 300:
                self._accepted.add((own.call_id, response.to.tag or ""))
        elif own.method == "MESSAGE" and own.word is not None and first:
            if status == 200:
                ledger.taken(own.word)
            else:
                own.word.accepted = own.word.accepted or self._now

    def _reach(self, message: Request | Response, tag: str | None) -> None:
        """Where the far end wants its requests: one that cannot be found, or is the gateway itself, gets no BYE."""
        if _leads_nowhere(message):
            self._byes.add((message.call_id, tag or ""))
            self._nowhere.add((message.call_id, tag or ""))

    def _learn(self, talk: Talk, description: bytes) -> None:
        """What the MSRP side says of itself."""
        found = contents.path(description)
        if found is not None:
            talk.paths.add((found.host, found.port))
            talk.uris.add(found.uri)
        if not contents.serves(description):
            self._ledger.fault(talk, "a description that may not serve")
        elif found is not None and found.session == "nobody":
            self._ledger.fault(talk, "a path that is not its own")

    def lost(self, peer: Address) -> None:
        """A connection is gone: what waits for its answer there has failed, and whoever waited there is gone."""
        ledger = self._ledger
        ledger.note(f"{peer[0]} > the SIP connection is gone")
        for own in self.own.values():
            if own.to == peer and own.final is None:
                own.final = 0
                ledger.fault(own.talk, "SIP connection lost")
        for heard in self.heard.values():
            if heard.source == peer and not heard.finals:
                heard.excused = True

    # ------------------------------------------------------------------------------ dialogs

    def _own_path(self, call_id: str, description: bytes, talk: Talk) -> None:
        found = contents.path(description)
        if found is not None:
            self._ledger.session_ids[found.session] = talk
            self._paths.setdefault(call_id, set()).add(found.session)

    def _begin_dialog(self, call_id: str, tag: str, made: float) -> None:
        name = (call_id, tag)
        self.dialogs.setdefault(name, Dialog(made, name in self._byes))

    def _end_dialog(self, call_id: str, tag: str) -> None:
        self._byes.add((call_id, tag))
        dialog = self.dialogs.get((call_id, tag))
        if dialog is not None:
            dialog.over = True
            if all(each.over for name, each in self.dialogs.items() if name[0] == call_id):
                self.over |= self._paths.get(call_id, set())

    # ---------------------------------------------------------------------------------- out

    def went(self, data: bytes, to: Address) -> None:
        """A datagram left the gateway."""
        try:
            message = parse_message(data)
        except SipError:  # the answer to what could not be read
            self._ledger.note(f"        {to[0]} < {data[:40]!r}")
            return
        if isinstance(message, Response):
            self._answer_went(message, data, to)
        else:
            self._request_went(message, to)

    def _answer_went(self, response: Response, data: bytes, to: Address) -> None:
        ledger = self._ledger
        via, status, method = response.via, response.status, response.cseq.method
        ledger.note(f"        {to[0]} < {status} to {method}")
        heard = self.heard.get(f"{via.branch} {via.sent_by} {method}")
        ledger.judge.answer_out(heard, status, to)
        if heard is None or status < 200:
            return
        new = status not in heard.codes
        heard.codes.add(status)
        if not heard.finals or heard.finals[-1] != data:
            heard.finals.append(data)
            ledger.judge.final(heard)
        if not new:
            return
        if method == "INVITE" and status < 300:
            if heard.moves and heard.talk is not None:
                heard.talk.moved = self._now
                ledger.msrp.taken_back(self._paths.get(response.call_id, set()))
            talk = self._talk(response)
            talk.answered = self._now
            self._own_path(response.call_id, response.body, talk)
        elif method == "BYE" and status == 481 and heard.dialog is not None:
            heard.dialog.unknown = (response.call_id, response.from_.tag or "") not in self._nowhere
        elif method == "MESSAGE" and heard.word is None:
            ledger.wordless[to] += status == 202
        elif method == "MESSAGE" and heard.word is not None:
            heard.word.answers.append((self._now, status))
            ledger.judge.message_answered(heard.word, heard, status)

    def _request_went(self, request: Request, to: Address) -> None:
        ledger, method = self._ledger, request.method
        name, dialog = f"{request.via.branch}{method}", (request.call_id, request.to.tag or "")
        own = self.own.get(name)
        again = " again" if own is not None else ""
        ledger.note(f"        {to[0]} < {method} {request.uri} {contents.named(request.body)}{again}")
        if method == "ACK":
            if dialog in self._accepted:
                self._begin_dialog(*dialog, self._now)
            return
        if method == "BYE":
            self._end_dialog(*dialog)
            if dialog in self.dialogs:
                self.dialogs[dialog].unknown = False
        if own is not None:
            own.copies += 1
            ledger.judge.repeated(own)
            return
        own = self.own[name] = Own(
            method, to, request.uri, self._now, ledger.process, self._talk(request), request.call_id,
            in_dialog=request.to.tag is not None,
        )  # fmt: skip
        if method == "INVITE" and own.talk is not None:
            own.talk.invites.append(own)
            self._own_path(own.call_id, request.body, own.talk)
        elif method == "MESSAGE":
            self._message_went(own, request)
        ledger.judge.request_out(own)

    def _message_went(self, own: Own, request: Request) -> None:
        ledger, body = self._ledger, request.body
        name = (request.call_id, request.from_.tag or "", str(request.cseq.number))
        word = own.word = ledger.word_in(body)
        if word is None:
            ledger.said_by_gateway(body, name, own.to)
            return
        if word.way == TO_PAGE:
            ledger.asks_for_imdn(word, body)
        ledger.copy(word, name, request.uri)


def _leads_nowhere(message: Request | Response) -> bool:
    """Whether there can be no requests to its Contact: its host is not found, or is the gateway."""
    contact = message.first("contact") or ""
    return UNKNOWN_HOST in contact or f"{GATEWAY[0]}:{GATEWAY[1]}" in contact
