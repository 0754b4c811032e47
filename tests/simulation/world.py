"""Time and the network: events in order of their moment, datagrams that may be lost, doubled or late, connections.

Nothing here is a socket or a clock. A run is a function of its schedule and seed.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

Address = tuple[str, int]

START = 1000.0
"""Seconds of the steady clock at which a world begins."""
GATEWAY: Address = ("127.0.0.1", 5060)
MSRP: Address = ("127.0.0.1", 2855)
VOID: Address = ("127.0.0.31", 5090)
"""Where nothing is ever heard."""
NO_ANSWER = 5.0
"""Seconds until a connection to a silent address is given up."""
MOST_EVENTS = 60_000
"""Events of one run; more would be a world that drives itself."""


class Overrun(Exception):
    """The world drives itself: more events than any schedule asks for."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """How the network between the gateway and one host is. Times are seconds, the others probabilities."""

    udp: float = 0.01
    """Delay of a datagram."""
    jitter: float = 0.0
    """As much more at most, each datagram its own: they overtake each other."""
    loss: float = 0.0
    double: float = 0.0
    tcp: float = 0.01
    """Delay on connections, which keep their order."""
    cut: float = 0.0
    """Whether a piece of a connection's octets arrives in two."""


class Receiver(Protocol):
    """Whoever listens at a UDP address."""

    def receive(self, data: bytes, source: Address) -> None:
        """A datagram."""


class Handle:
    """Something that will happen; ``cancel`` makes it not happen."""

    __slots__ = ("arguments", "call")

    def __init__(self, call: Callable[..., object], arguments: tuple[Any, ...]) -> None:
        self.call: Callable[..., object] | None = call
        self.arguments = arguments

    def cancel(self) -> None:
        """Twice is no harm."""
        self.call = None
        self.arguments = ()


class Clockwork(Protocol):
    """What the world drives besides its own events: the gateway's timers."""

    def deadline(self) -> float:
        """When it wants to be called; infinity for never."""

    def advance(self, now: float) -> None:
        """It is ``now``."""


class World:
    """``settle`` is called after each event: what the stacks have ready goes out, and the invariants are looked at."""

    def __init__(self, seed: int) -> None:
        self.now = START
        self.random = random.Random(seed)
        self.conditions: dict[str, Conditions] = {}
        self.receivers: dict[Address, Receiver] = {}
        self.listeners: dict[Address, Callable[[Side], None]] = {}
        self.clockwork: Clockwork | None = None
        self.settle: Callable[[], None] = lambda: None
        self.events = 0
        self._heap: list[tuple[float, int, Handle]] = []
        self._count = itertools.count()

    # ---------------------------------------------------------------------------- time

    def at(self, delay: float, call: Callable[..., object], *arguments: Any) -> Handle:
        """Call it ``delay`` seconds from now."""
        handle = Handle(call, arguments)
        heapq.heappush(self._heap, (self.now + max(0.0, delay), next(self._count), handle))
        return handle

    def run(self, seconds: float) -> None:
        """Let time pass. Raises Overrun."""
        end = self.now + seconds
        heap = self._heap
        while True:
            while heap and heap[0][2].call is None:
                heapq.heappop(heap)
            due = heap[0][0] if heap else float("inf")
            deadline = self.clockwork.deadline() if self.clockwork is not None else float("inf")
            moment = min(due, deadline)
            if moment > end:
                break
            self.now = max(self.now, moment)
            if deadline <= due and self.clockwork is not None:
                self.clockwork.advance(self.now)
            else:
                self.events += 1
                if self.events > MOST_EVENTS:
                    raise Overrun(f"{self.events} events by {self.now - START:.1f} s")
                handle = heapq.heappop(heap)[2]
                call, arguments = handle.call, handle.arguments
                handle.cancel()
                if call is not None:
                    call(*arguments)
            self.settle()
        self.now = end

    # ------------------------------------------------------------------------- network

    def conditions_of(self, host: str) -> Conditions:
        """The network between the gateway and ``host``."""
        return self.conditions.get(host, _PERFECT)

    def change(self, host: str, **changes: float) -> None:
        """From now on it is otherwise."""
        self.conditions[host] = replace(self.conditions_of(host), **changes)

    def datagram(self, data: bytes, source: Address, to: Address) -> None:
        """Send one; what becomes of it is the network's matter."""
        host = source[0] if to == GATEWAY else to[0]
        state = self.conditions_of(host)
        copies = 1
        if state.loss and self.random.random() < state.loss:
            copies = 0
        elif state.double and self.random.random() < state.double:
            copies = 2
        for _ in range(copies):
            late = self.random.random() * state.jitter if state.jitter else 0.0
            self.at(state.udp + late, self._arrive, data, source, to)

    def _arrive(self, data: bytes, source: Address, to: Address) -> None:
        receiver = self.receivers.get(to)
        if receiver is not None:
            receiver.receive(data, source)

    def connect(
        self,
        source: Address,
        to: Address,
        opened: Callable[[Side], None],
        refused: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Open a connection; one of the two is called."""
        host = source[0] if to in (GATEWAY, MSRP) else to[0]
        self.at(self.conditions_of(host).tcp, self._accept, source, to, opened, refused, host)

    def _accept(
        self,
        source: Address,
        to: Address,
        opened: Callable[[Side], None],
        refused: Callable[[str], None],
        host: str,
    ) -> None:
        accept = self.listeners.get(to)
        if accept is not None:
            near, far = Side(self, source, to, host), Side(self, to, source, host)
            near.other, far.other = far, near
            accept(far)
            opened(near)
        elif to[0] == VOID[0]:
            self.at(NO_ANSWER, refused, f"no connection in {NO_ANSWER:g} s")
        else:
            refused("connection refused")


class Side:
    """One end of a connection. ``on_data`` and ``on_closed`` are set by whoever has it."""

    __slots__ = ("_due", "_host", "_world", "on_closed", "on_data", "open", "other", "own", "peer")

    def __init__(self, world: World, own: Address, peer: Address, host: str) -> None:
        self._world = world
        self._host = host
        self._due = 0.0
        self.own = own
        self.peer = peer
        self.other: Side = self
        self.open = True
        self.on_data: Callable[[bytes], object] = _ignore
        self.on_closed: Callable[[], object] = _ignore

    def write(self, data: bytes) -> None:
        """Octets to the other end, in order."""
        if not self.open:
            return
        world = self._world
        state = world.conditions_of(self._host)
        pieces = [data]
        if state.cut and len(data) > 1 and world.random.random() < state.cut:
            at = world.random.randrange(1, len(data))
            pieces = [data[:at], data[at:]]
        for piece in pieces:
            self._due = max(self._due, world.now + state.tcp)
            world.at(self._due - world.now, self.other._receive, piece)

    def _receive(self, data: bytes) -> None:
        if self.open:
            self.on_data(data)

    def close(self) -> None:
        """After what was written. What still comes from the other end is not read."""
        if not self.open:
            return
        self.open = False
        world = self._world
        self._due = max(self._due, world.now + world.conditions_of(self._host).tcp)
        world.at(self._due - world.now, self.other._hang_up)

    def reset(self) -> None:
        """At once, and what is on its way is lost, both ways."""
        if not self.open:
            return
        self.open = False
        other = self.other
        if other.open:
            other.open = False
            self._world.at(self._world.conditions_of(self._host).tcp, other.on_closed)

    def _hang_up(self) -> None:
        if self.open:
            self.open = False
            self.on_closed()


def _ignore(*_: object) -> None:
    """Nobody is there."""


_PERFECT = Conditions()
