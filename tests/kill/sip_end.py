"""A user agent's UDP socket: SIP text read and written by the test's own hand, with the transactions of RFC 3261 s17.

Requests are repeated by Timers A and E until they are answered or Timer B or F ends the waiting; requests that come in
are given on once, and their repeats answered from what was said.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import time
from collections import OrderedDict
from collections.abc import Callable

T1 = 0.5
T2 = 4.0
PATIENCE = 64 * T1
"""Seconds: Timers B, F, H and J."""
PROCEEDING_PATIENCE = 8.0
"""Seconds that our user lets a call ring before trying anew; there is no timer for this in RFC 3261."""

COMPACT = {
    "v": "via",
    "f": "from",
    "t": "to",
    "i": "call-id",
    "l": "content-length",
    "m": "contact",
    "c": "content-type",
}


class SipText:
    """A received message, cut at its line ends."""

    __slots__ = ("body", "fields", "method", "ruri", "status")

    def __init__(self, data: bytes) -> None:
        head, _, self.body = data.partition(b"\r\n\r\n")
        start, *lines = head.decode("utf-8", "replace").split("\r\n")
        self.fields: list[tuple[str, str]] = []
        for line in lines:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            self.fields.append((COMPACT.get(name, name), value.strip()))
        first, second, *_ = start.split(" ", 2)
        self.status = int(second) if first == "SIP/2.0" else 0
        """0 for a request."""
        self.method = self.cseq[1] if self.status else first
        self.ruri = "" if self.status else second

    def first(self, name: str) -> str:
        """The first value of a header field, empty where there is none."""
        return next((value for each, value in self.fields if each == name), "")

    @property
    def vias(self) -> list[str]:
        return [value for each, value in self.fields if each == "via"]

    @property
    def call_id(self) -> str:
        return self.first("call-id")

    @property
    def cseq(self) -> tuple[int, str]:
        number, _, method = self.first("cseq").partition(" ")
        return int(number), method.strip()

    @property
    def branch(self) -> str:
        return parameter(self.first("via"), "branch")

    @property
    def from_tag(self) -> str:
        return parameter(self.first("from"), "tag")

    @property
    def to_tag(self) -> str:
        return parameter(self.first("to"), "tag")


def parameter(value: str, name: str) -> str:
    """A parameter of a header field, empty where it is missing."""
    _, found, rest = value.rpartition(">")[2].partition(f";{name}=")
    return rest.partition(";")[0].strip() if found else ""


def uri_of(value: str) -> str:
    """The URI between ``<`` and ``>``."""
    return value.partition("<")[2].partition(">")[0]


def user_of(value: str) -> str:
    """The user of a URI, bare or in a name-addr."""
    return value.partition("sip:")[2].partition("@")[0]


class Asking:
    """A request of ours until its final answer. ``on_final`` gets that, or None after Timer B or F."""

    __slots__ = ("_deadline", "_end", "_interval", "_invite", "_timer", "branch", "on_final", "raw", "tries")

    def __init__(self, end: SipEnd, raw: bytes, branch: str, invite: bool, on_final: Callable[[SipText | None], None]):
        self._end = end
        self._invite = invite
        self._interval = T1
        self._deadline = end.loop.time() + PATIENCE
        self.raw = raw
        self.branch = branch
        self.on_final = on_final
        self.tries = [time.monotonic()]
        """When it went out; a busy machine makes Timers A and E late."""
        end.write(raw)
        self._timer = end.loop.call_later(T1, self._again)

    def _again(self) -> None:
        end = self._end
        if end.loop.time() >= self._deadline:
            self._finish(None)
            return
        end.repeats += 1
        self.tries.append(time.monotonic())
        end.write(self.raw)
        self._interval = 2 * self._interval if self._invite else min(2 * self._interval, T2)
        left = self._deadline - end.loop.time()
        self._timer = end.loop.call_later(min(self._interval, left), self._again)

    def answered(self, response: SipText) -> None:
        """A response with our branch."""
        self._timer.cancel()
        loop = self._end.loop
        if response.status >= 200:
            self._finish(response)
        elif self._invite:
            self._timer = loop.call_later(PROCEEDING_PATIENCE, self._finish, None)
        else:  # s17.1.2.2: from now on by T2
            self._interval = T2
            self._timer = loop.call_later(min(T2, max(0.0, self._deadline - loop.time())), self._again)

    def _finish(self, response: SipText | None) -> None:
        self._end.asking.pop(self.branch, None)
        self.on_final(response)

    def give_up(self) -> None:
        """Wait no more."""
        self._timer.cancel()
        self._end.asking.pop(self.branch, None)


class SipEnd(asyncio.DatagramProtocol):
    """``on_request`` gets every new request, ``on_stray_2xx`` a 2xx to an INVITE that has had its final answer."""

    def __init__(
        self,
        gateway: tuple[str, int],
        on_request: Callable[[SipText, tuple[str, int]], None],
        on_stray_2xx: Callable[[SipText], None] | None = None,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.gateway = gateway
        self.asking: dict[str, Asking] = {}
        self.repeats = 0
        """Requests of ours that went out again."""
        self.repeated = 0
        """Requests that came again and belonged to a transaction we have."""
        self.host, self.port = "", 0
        self._on_request = on_request
        self._on_stray_2xx = on_stray_2xx
        self._transactions: OrderedDict[tuple[str, str, str], tuple[float, bytes | None]] = OrderedDict()
        self._transport: asyncio.DatagramTransport | None = None

    async def open(self, host: str) -> None:
        """Bind a free port."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        sock.bind((host, 0))
        self.host, self.port = sock.getsockname()
        self._transport, _ = await self.loop.create_datagram_endpoint(lambda: self, sock=sock)

    def close(self) -> None:
        for asking in list(self.asking.values()):
            asking.give_up()
        if self._transport is not None:
            self._transport.close()

    def uri(self, user: str) -> str:
        """Where a user of this socket is reached."""
        return f"sip:{user}@{self.host}:{self.port}"

    def write(self, data: bytes, to: tuple[str, int] | None = None) -> None:
        """One datagram, to the gateway unless said otherwise."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(data, to or self.gateway)

    # ---------------------------------------------------------------------- requests of ours

    def compose(
        self,
        method: str,
        ruri: str,
        from_: str,
        to: str,
        call_id: str,
        cseq: int,
        *lines: str,
        body: bytes = b"",
        branch: str = "",
    ) -> tuple[bytes, str]:
        """A request and its branch."""
        branch = branch or f"z9hG4bK{secrets.token_hex(8)}"
        head = "\r\n".join(
            [
                f"{method} {ruri} SIP/2.0",
                f"Via: SIP/2.0/UDP {self.host}:{self.port};branch={branch};rport",
                "Max-Forwards: 70",
                f"From: {from_}",
                f"To: {to}",
                f"Call-ID: {call_id}",
                f"CSeq: {cseq} {method}",
                *lines,
                f"Content-Length: {len(body)}",
            ]
        )
        return head.encode() + b"\r\n\r\n" + body, branch

    def ask(
        self, composed: tuple[bytes, str], on_final: Callable[[SipText | None], None], *, invite: bool = False
    ) -> Asking:
        """Send a request and repeat it as its timers say."""
        raw, branch = composed
        asking = self.asking[branch] = Asking(self, raw, branch, invite, on_final)
        return asking

    # -------------------------------------------------------------------- requests of theirs

    def respond(
        self,
        request: SipText,
        source: tuple[str, int],
        code: int,
        reason: str,
        tag: str,
        *lines: str,
        body: bytes = b"",
    ) -> bytes:
        """Answer; repeats of the request get the same."""
        to = request.first("to")
        if not request.to_tag:
            to += f";tag={tag}"
        head = "\r\n".join(
            [
                f"SIP/2.0 {code} {reason}",
                *(f"Via: {via}" for via in request.vias),
                f"From: {request.first('from')}",
                f"To: {to}",
                f"Call-ID: {request.call_id}",
                f"CSeq: {request.first('cseq')}",
                *lines,
                f"Content-Length: {len(body)}",
            ]
        )
        raw = head.encode() + b"\r\n\r\n" + body
        mark = (request.branch, request.method, request.call_id)
        if mark in self._transactions:
            self._transactions[mark] = (self._transactions[mark][0], raw)
        self.write(raw, source)
        return raw

    def datagram_received(self, data: bytes, source: tuple[str, int]) -> None:
        message = SipText(data)
        if message.status:
            asking = self.asking.get(message.branch)
            if asking is not None:
                asking.answered(message)
            elif message.method == "INVITE" and 200 <= message.status < 300 and self._on_stray_2xx is not None:
                self._on_stray_2xx(message)
            return
        now = self.loop.time()
        while self._transactions and next(iter(self._transactions.values()))[0] < now - PATIENCE:
            self._transactions.popitem(last=False)
        if message.method != "ACK":
            mark = (message.branch, message.method, message.call_id)
            known = self._transactions.get(mark)
            if known is not None:
                self.repeated += 1
                if known[1] is not None:
                    self.write(known[1], source)
                return
            self._transactions[mark] = (now, None)
        self._on_request(message, source)
