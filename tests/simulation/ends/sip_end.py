"""A small SIP user agent: client transactions that repeat over UDP, server transactions that answer repeats.

Written apart from the gateway's own transactions, so that one fault is not in both.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from protocols.sip.builder import build_request, build_response
from protocols.sip.errors import SipError
from protocols.sip.message import Request, Response
from protocols.sip.parser import parse_message
from protocols.sip.stream import SipStream
from tests.simulation.ledger import Ledger
from tests.simulation.world import GATEWAY, Address, Handle, Side, World

T1 = 0.5
T2 = 4.0
GIVE_UP = 64 * T1

Headers = list[tuple[str, str]]


class Client:
    """One request until its final answer, or until nobody waits for it any more (RFC 3261 s17.1)."""

    def __init__(
        self, end: SipEnd, request: bytes, method: str, branch: str, then: Callable[[Response | None], object]
    ) -> None:
        self._end = end
        self._data = request
        self._method = method
        self.branch = branch
        self._then: Callable[[Response | None], object] | None = then
        self._interval = T1
        self._deadline = end.world.now + GIVE_UP
        self._proceeding = False
        self._timer: Handle
        end.send(request)
        self._timer = end.world.at(T1, self._repeat)

    def _repeat(self) -> None:
        world = self._end.world
        if world.now >= self._deadline:
            self._finish(None)
            return
        if not (self._proceeding and self._method == "INVITE") and not self._end.stream:
            self._end.send(self._data)
        self._interval *= 2
        if self._method != "INVITE":
            self._interval = T2 if self._proceeding else min(self._interval, T2)
        self._timer = world.at(min(self._interval, self._deadline - world.now), self._repeat)

    def answered(self, response: Response) -> None:
        """One of its answers."""
        if response.status < 200:
            self._proceeding = True
        else:
            self._finish(response)

    def _finish(self, response: Response | None) -> None:
        self._timer.cancel()
        then, self._then = self._then, None
        if then is not None:
            then(response)


class SipEnd:
    """``uri`` is ``sip:name@host:port``, and says so where it wants a connection."""

    def __init__(self, world: World, ledger: Ledger, name: str, address: Address, *, tcp: bool = False) -> None:
        self.world = world
        self.ledger = ledger
        self.name = name
        self.address = address
        self.host = f"{address[0]}:{address[1]}"
        self.uri = f"sip:{name}@{self.host}{';transport=tcp' if tcp else ''}"
        self.number = itertools.count(1)
        self.stream = Stream(self) if tcp else None
        self._clients: dict[str, Client] = {}
        self._answers: dict[str, bytes] = {}
        world.receivers[address] = self

    def fresh(self, kind: str) -> str:
        """A tag, Call-ID or branch that nobody else has."""
        return f"{kind}{self.name}{next(self.number)}"

    def branch(self) -> str:
        """A branch."""
        return "z9hG4bK" + self.fresh("b")

    def via(self, branch: str) -> tuple[str, str]:
        """A Via of this end's."""
        return "Via", f"SIP/2.0/{'TCP' if self.stream else 'UDP'} {self.host};branch={branch};rport"

    def send(self, data: bytes) -> None:
        """A message to the gateway."""
        if self.stream is not None:
            self.stream.send(data)
        else:
            self.world.datagram(data, self.address, GATEWAY)

    # -------------------------------------------------------------------------- requests out

    def request(
        self,
        method: str,
        uri: str,
        headers: Headers,
        body: bytes = b"",
        *,
        then: Callable[[Response | None], object] = lambda _: None,
    ) -> Client:
        """A request, repeated until it is answered; ``headers`` are all but Via."""
        branch = self.branch()
        data = build_request(method, uri, [self.via(branch), *headers], body)
        client = self._clients[branch + method] = Client(self, data, method, branch, then)
        return client

    # ----------------------------------------------------------------------------------- in

    def receive(self, data: bytes, source: Address) -> None:
        """A message."""
        try:
            message = parse_message(data)
        except SipError:
            return
        if isinstance(message, Response):
            client = self._clients.get(f"{message.via.branch}{message.cseq.method}")
            if client is not None:
                client.answered(message)
                self.on_response(message)
            return
        if message.method == "ACK":
            self.on_ack(message)
            return
        name = f"{message.via.branch}{message.method}"
        if name in self._answers:
            if self._answers[name]:
                self.send(self._answers[name])
            return
        self._answers[name] = b""
        message.stamp(*source)
        self.on_request(message)

    def answer(
        self, request: Request, status: int, headers: Sequence[tuple[str, str]] = (), body: bytes = b"", tag: str = ""
    ) -> bytes:
        """Answer a request; its repeats get the same."""
        data = build_response(request, status, to_tag=tag or f"t{self.name}", headers=headers, body=body)
        self._answers[f"{request.via.branch}{request.method}"] = data
        self.send(data)
        return data

    def on_request(self, request: Request) -> None:
        """A request, the first time."""
        self.answer(request, 501)

    def on_ack(self, request: Request) -> None:
        """An ACK."""

    def on_response(self, response: Response) -> None:
        """An answer to a request of its own, any of them."""


class Stream:
    """Its connections to the gateway: one that it opens when it has something to say, and those that come in."""

    def __init__(self, end: SipEnd) -> None:
        self._end = end
        self._side: Side | None = None
        self._waiting: list[bytes] | None = None
        end.world.listeners[end.address] = self._take

    def _take(self, side: Side) -> None:
        stream = SipStream()
        side.on_data = lambda data: self._receive(stream, data)
        side.on_closed = lambda: self._lost(side)
        self._side = side

    def _receive(self, stream: SipStream, data: bytes) -> None:
        for message in stream.feed(data)[0]:
            self._end.receive(message, GATEWAY)

    def _lost(self, side: Side) -> None:
        if self._side is side:
            self._side = None

    def send(self, data: bytes) -> None:
        """On the connection that there is, or on a new one; what finds no gateway is lost."""
        if self._side is not None and self._side.open:
            self._side.write(data)
        elif self._waiting is not None:
            self._waiting.append(data)
        else:
            self._waiting = [data]
            own = (self._end.address[0], 20_000 + next(self._end.number))
            self._end.world.connect(own, GATEWAY, self._opened, self._refused)

    def _opened(self, side: Side) -> None:
        self._take(side)
        waiting, self._waiting = self._waiting, None
        for data in waiting or ():
            side.write(data)

    def _refused(self, _: str) -> None:
        self._waiting = None

    def cut(self) -> None:
        """It breaks."""
        side, self._side = self._side, None
        if side is not None:
            side.reset()
