"""An MSRP user agent's SIP half: it is called and calls, answers offers and offers anew, hangs up, as its manners are.

What it does on MSRP connections is its medium's: the real engine for an honest end (:mod:`engine`), raw octets for a
hostile one (:mod:`raw`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from protocols.sip.builder import build_request
from protocols.sip.message import Request, Response
from tests.simulation.ends.sip_end import GIVE_UP, T1, T2, SipEnd
from tests.simulation.ledger import Ledger
from tests.simulation.sip_wire import UNKNOWN_HOST
from tests.simulation.words import Word
from tests.simulation.world import GATEWAY, MSRP, VOID, Address, Side, World

_path = re.compile(rb"a=path:(?:\S+ )*(msrp://\S+)").search
_setup = re.compile(rb"a=setup:(\w+)").search


_ELSEWHERE = {
    "gateway": f"msrp://{MSRP[0]}:{MSRP[1]}/nobody;tcp",
    "void": f"msrp://{VOID[0]}:2900/nobody;tcp",
    "bob": "msrp://127.0.0.21:2900/nobody;tcp",
}
_CONTACTS = {
    "name": f"sip:nobody@{UNKNOWN_HOST}",
    "void": f"sip:nobody@{VOID[0]}:{VOID[1]}",
    "gateway": f"sip:nobody@{GATEWAY[0]}:{GATEWAY[1]}",
    "none": "",
}


@dataclass(frozen=True, slots=True)
class ChatManners:
    """How it answers INVITEs and SENDs, and what else it does."""

    invite: str = "answer"
    """``answer``, ``ring`` (180 and no more), ``ignore``, a code, ``twice`` (a second 2xx of another branch),
    ``then 486`` (after the 2xx), ``no description``, ``refused line``, ``no path``."""
    after: float = 0.0
    """Seconds from INVITE to answer."""
    setup: str = "passive"
    """a=setup of answers: ``passive``, ``active``, ``actpass``; empty: none."""
    early: str = ""
    """``same``: it binds before it answers; ``other``: it does, from another path than it then tells."""
    bind: bool = True
    """Whether it binds where it is the active side."""
    ack: bool = True
    reoffer: str = "answer"
    """What a re-INVITE gets: ``answer``, ``ignore`` or a code."""
    types: str = "*"
    send: str = "200"
    """What a SEND gets: a code, ``never``, ``twice``, ``close`` (of the connection), ``reset``."""
    reports: tuple[str, ...] = ()
    """REPORTs for each SEND, whatever it asked: ``200``, ``half``, ``408``, ``413``, ``unknown``."""
    machine: bool = False
    relay: bool = False
    """Whether there is a relay before it, which it is itself as well."""
    elsewhere: str = ""
    """A path that is not its own, in descriptions: ``gateway``, ``void`` (where nobody answers), ``bob``."""
    contact: str = ""
    """A Contact of another kind: ``name`` (that nobody knows), ``void``, ``gateway``, ``none``."""
    closes: bool = True
    """Whether it closes connections that carry nothing of its own any more."""


@dataclass(slots=True, eq=False)
class Call:
    """One dialog of its own, or one that is being made."""

    peer: str
    """URI of who is at the other end."""
    call_id: str
    local: str
    remote: str
    """From and To values, with tags."""
    target: str
    path: str
    """Its own MSRP URI."""
    peer_path: str = ""
    cseq: int = 1
    outgoing: bool = False
    acknowledged: bool = False
    over: bool = False
    acks: set[int] = field(default_factory=set)
    """CSeq numbers of the gateway's INVITEs that it acknowledged."""
    state: dict[str, Any] = field(default_factory=dict)
    """The medium's own."""


class Medium(Protocol):
    """What is done on MSRP connections."""

    def accept(self, side: Side) -> None: ...
    def expect(self, call: Call) -> None: ...
    def connect(self, call: Call, path: str = "") -> None: ...
    def say(self, call: Call, kind: str, success: bool, failure: str) -> Word | None: ...
    def leave(self, call: Call) -> None: ...
    def close(self, call: Call, *, abruptly: bool) -> None: ...


class ChatEnd(SipEnd):
    """``medium`` is set by whoever makes it; ``calls`` are its dialogs, the newest last."""

    medium: Medium

    def __init__(
        self, world: World, ledger: Ledger, name: str, address: Address, msrp: Address, *, tcp: bool = False
    ) -> None:
        super().__init__(world, ledger, name, address, tcp=tcp)
        self.msrp = msrp
        self.manners = ChatManners()
        self.calls: list[Call] = []
        self._sessions = 0
        self._relayed: set[str] = set()
        world.listeners[msrp] = lambda side: self.medium.accept(side)

    def behave(self, **changes: Any) -> None:
        """Other manners from now on."""
        self.manners = replace(self.manners, **changes)

    def new_path(self) -> str:
        """A path of its own."""
        self._sessions += 1
        return f"msrp://{self.msrp[0]}:{self.msrp[1]}/s{self.name}{self._sessions};tcp"

    def whole(self, path: str) -> str:
        """A path of its own with the relay before it, where it was told so."""
        return f"msrp://{self.msrp[0]}:{self.msrp[1]}/relay;tcp {path}" if path in self._relayed else path

    def live(self, peer: str = "") -> Call | None:
        """Its newest dialog, with ``peer``."""
        return next((call for call in reversed(self.calls) if not call.over and peer in ("", call.peer)), None)

    def description(self, path: str, setup: str) -> bytes:
        """An offer or answer."""
        lines = [
            "v=0", f"o=- 1 {self._sessions} IN IP4 {self.msrp[0]}", "s=-", f"c=IN IP4 {self.msrp[0]}", "t=0 0",
            f"m=message {0 if self.manners.invite == 'refused line' else self.msrp[1]} TCP/MSRP *",
            f"a=accept-types:{self.manners.types}",
        ]  # fmt: skip
        if self.manners.invite != "no path":
            if self.manners.relay:
                self._relayed.add(path)
            lines.append(f"a=path:{_ELSEWHERE.get(self.manners.elsewhere) or self.whole(path)}")
        if setup:
            lines.append(f"a=setup:{setup}")
        return ("\r\n".join(lines) + "\r\n").encode()

    def _about(self) -> list[tuple[str, str]]:
        contact = _CONTACTS.get(self.manners.contact, self.uri)
        return [*([("Contact", f"<{contact}>")] if contact else []), ("Content-Type", "application/sdp")]

    # ------------------------------------------------------------------------------ is called

    def on_request(self, request: Request) -> None:
        """INVITE, BYE, CANCEL, OPTIONS."""
        method = request.method
        call = next((each for each in self.calls if each.call_id == request.call_id and not each.over), None)
        if method == "INVITE":
            if request.to.tag is not None:
                self._reoffered(request, call)
            else:
                self._called(request)
        elif method == "BYE":
            self.answer(request, 200 if call is not None else 481)
            if call is not None:
                self._over(call)
        elif method == "CANCEL":
            self.answer(request, 200)
            if call is not None and not call.state.get("answered"):
                self._refuse(call.state["invite"], 487)
                self._over(call)
        else:
            self.answer(request, 200)

    def _called(self, request: Request) -> None:
        manners = self.manners
        if manners.invite == "ignore":
            return
        if manners.invite.isdigit():
            self.world.at(manners.after, self._refuse, request, int(manners.invite))
            return
        tag = self.fresh("t")
        call = Call(
            request.from_.uri, request.call_id, f"{request.first('to')};tag={tag}", request.first("from") or "",
            request.from_.uri, self.new_path(), peer_path=path_in(request.body),
        )  # fmt: skip
        call.target = request.contacts[0].uri
        call.state["invite"] = request
        self.calls.append(call)
        self.medium.expect(call)
        if manners.early:
            self.medium.connect(call, "" if manners.early == "same" else self.new_path())
        if manners.invite == "ring" or manners.after > 0:
            self.answer(request, 180, tag=tag)
        if manners.invite != "ring":
            self.world.at(manners.after, self._answer_call, request, call, tag, manners)

    def _refuse(self, request: Request, code: int) -> None:
        self.answer(request, code, tag=self.fresh("t"))

    def _answer_call(self, request: Request, call: Call, tag: str, manners: ChatManners) -> None:
        if call.over:
            return
        call.state["answered"] = True
        body = b"" if manners.invite == "no description" else self.description(call.path, manners.setup)
        self._accept(request, call, body, tag)
        if manners.setup == "active" and manners.bind and not manners.early:
            self.medium.connect(call)
        if manners.invite == "twice":
            self.answer(request, 200, self._about(), self.description(self.new_path(), "passive"), self.fresh("t"))
        elif manners.invite == "then 486":
            self.answer(request, 486, tag=tag)

    def _accept(self, request: Request, call: Call, body: bytes, tag: str = "") -> None:
        data = self.answer(request, 200, self._about(), body, tag)
        number, deadline = request.cseq.number, self.world.now + GIVE_UP
        self.world.at(T1, self._repeat_2xx, call, data, number, 2 * T1, deadline)

    def _repeat_2xx(self, call: Call, data: bytes, number: int, interval: float, deadline: float) -> None:
        if number not in call.acks and not call.over and self.world.now < deadline:
            self.send(data)
            self.world.at(interval, self._repeat_2xx, call, data, number, min(2 * interval, T2), deadline)

    def on_ack(self, request: Request) -> None:
        """The ACK of a 2xx, or of a refusal."""
        for call in self.calls:
            if call.call_id == request.call_id:
                call.acks.add(request.cseq.number)

    def _reoffered(self, request: Request, call: Call | None) -> None:
        manners = self.manners
        if call is None:
            self.answer(request, 481)
        elif manners.reoffer.isdigit():
            self.answer(request, int(manners.reoffer))
        elif manners.reoffer == "answer":
            self.medium.leave(call)
            call.path, call.peer_path = self.new_path(), path_in(request.body)
            self.medium.expect(call)
            if manners.early:
                self.medium.connect(call, "" if manners.early == "same" else self.new_path())
            self.world.at(manners.after if manners.early else 0.0, self._answer_offer, request, call, manners)

    def _answer_offer(self, request: Request, call: Call, manners: ChatManners) -> None:
        if not call.over:
            self._accept(request, call, self.description(call.path, manners.setup))
            if manners.setup == "active" and manners.bind and not manners.early:
                self.medium.connect(call)

    # ---------------------------------------------------------------------------------- calls

    def call(self, to: str, setup: str = "actpass") -> Call:
        """INVITE a URI through the gateway."""
        call = Call(
            to, self.fresh("i"), f"<{self.uri}>;tag={self.fresh('f')}", f"<{to}>", to, self.new_path(), outgoing=True
        )
        self.calls.append(call)
        self.medium.expect(call)
        self._offer(call, setup)
        return call

    def offer_again(self, call: Call, *, moved: bool, setup: str = "actpass") -> None:
        """A re-INVITE: with the same path, or another one."""
        if moved:
            self.medium.leave(call)
            call.path = self.new_path()
            self.medium.expect(call)
        call.cseq += 1
        self._offer(call, setup)

    def _offer(self, call: Call, setup: str) -> None:
        number = call.cseq
        self.request(
            "INVITE",
            call.target,
            [*self._in_dialog(call, f"{number} INVITE"), *self._about()],
            self.description(call.path, setup),
            then=lambda response: self._answered(call, response, setup, number),
        )

    def _in_dialog(self, call: Call, cseq: str) -> list[tuple[str, str]]:
        return [
            ("Max-Forwards", "70"),
            ("From", call.local),
            ("To", call.remote),
            ("Call-ID", call.call_id),
            ("CSeq", cseq),
        ]

    def _answered(self, call: Call, response: Response | None, setup: str, number: int) -> None:
        if response is None or response.status >= 300:
            if response is not None:
                via = ("Via", response.headers["via"][0].partition(";rport")[0])
                headers = [via, *self._in_dialog(call, f"{number} ACK")]
                headers[3] = ("To", response.first("to") or "")
                self.send(build_request("ACK", call.target, headers))
            if not call.acknowledged:
                self._over(call)
            return
        call.remote = response.first("to") or ""
        if response.contacts:
            call.target = response.contacts[0].uri
        moved = call.peer_path != path_in(response.body)
        call.peer_path = path_in(response.body)
        if self.manners.ack:
            call.acknowledged = True
            self._ack(call, number)
        found = _setup(response.body)
        passive = found is None or found[1] != b"active"
        if passive and setup != "passive" and self.manners.bind and (moved or not call.state.get("connected")):
            self.medium.connect(call)

    def on_response(self, response: Response) -> None:
        """A 2xx that is repeated gets its ACK again; one that comes too late, a BYE as well (RFC 3261 s13.2.2.4)."""
        number = response.cseq.number
        if response.cseq.method == "INVITE" and 200 <= response.status < 300 and self.manners.ack:
            for call in self.calls:
                if call.call_id == response.call_id and call.over and not call.acknowledged and call.outgoing:
                    call.acknowledged, call.remote = True, response.first("to") or ""
                    self._ack(call, number)
                    call.over = False
                    self.hang_up(call)
                elif call.call_id == response.call_id and number in call.state.setdefault("answers", set()):
                    self._ack(call, number)
                elif call.call_id == response.call_id:
                    call.state["answers"].add(number)

    def _ack(self, call: Call, number: int) -> None:
        self.send(build_request("ACK", call.target, [self.via(self.branch()), *self._in_dialog(call, f"{number} ACK")]))

    # ----------------------------------------------------------------------------------- ends

    def hang_up(self, call: Call, then: Callable[[Response | None], object] = lambda _: None) -> None:
        """BYE."""
        if call.over:
            return
        call.cseq += 1
        call.over = True

        def answered(response: Response | None) -> None:
            self.medium.leave(call)
            then(response)

        self.request("BYE", call.target, self._in_dialog(call, f"{call.cseq} BYE"), then=answered)

    def _over(self, call: Call) -> None:
        if not call.over:
            call.over = True
            self.medium.leave(call)


def path_in(body: bytes) -> str:
    """The path in a description; empty without one."""
    found = _path(body)
    return found[1].decode() if found else ""
