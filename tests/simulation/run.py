"""A schedule, made to happen: the world, its ends and the gateway, step by step, to the long quiet at the end."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from tests.simulation.database import Database
from tests.simulation.ends import hostile
from tests.simulation.ends.chat import ChatEnd
from tests.simulation.ends.engine import Engine
from tests.simulation.ends.hostile import Stranger
from tests.simulation.ends.page import PageEnd
from tests.simulation.ends.raw import Raw
from tests.simulation.gateway_port import DRAIN, GatewayPort, simulated
from tests.simulation.invariants import Invariants
from tests.simulation.ledger import Ledger
from tests.simulation.lies import Honest
from tests.simulation.rules import Violation
from tests.simulation.schedule import (
    Behave,
    Break,
    CallUp,
    Crash,
    Cut,
    Flood,
    Hang,
    Network,
    Offer,
    Operator,
    Records,
    Say,
    Schedule,
    Send,
    Step,
    Stop,
    Strange,
    Trick,
    Wait,
)  # fmt: skip
from tests.simulation.world import GATEWAY, START, VOID, Address, Conditions, Overrun, World

ADDRESSES: Final[dict[str, Address]] = {
    "alice": ("127.0.0.11", 5080),
    "mallory": ("127.0.0.12", 5080),
    "bob": ("127.0.0.21", 5090),
    "trudy": ("127.0.0.22", 5090),
}
STRANGER: Final = ("192.0.2.66", 5060)
MSRP_PORT: Final = 2900
USUAL: Final[dict[str, Any]] = {
    "session_timeout": 130,
    "message_timeout": 100,
    "queue_ttl": 200.0,
    "report_wait": 20.0,
    "peers": [GATEWAY[0], VOID[0], *(host for host, _ in ADDRESSES.values())],
}
"""Settings that bring a run to its end sooner, and whom the gateway knows."""
SLOW: Final = 1.5
"""Seconds of a transaction of a slow database."""


class Run:
    """One run; ``steps`` and ``seconds`` of it are for the report."""

    def __init__(self, schedule: Schedule, lies: Honest | None = None) -> None:
        self.schedule = schedule
        self._lies = lies or Honest()
        self.world = world = World(schedule.seed)
        self._options = {**USUAL, **schedule.options}
        self.ledger = Ledger(world, frozenset(self._options["peers"]))
        self.judge = self.ledger.judge = Invariants(
            self.ledger,
            self._patience,
            silent=self._options.get("reject_silently", False),
            few=self._options.get("max_sessions", 100) < 100,
        )
        self.database = Database(world)
        self.database.kept = self.ledger.kept
        tcp = self._options.get("tcp", ())
        self.pages = {
            name: PageEnd(world, self.ledger, name, ADDRESSES[name], tcp=name in tcp) for name in ("alice", "mallory")
        }
        self.chats: dict[str, ChatEnd] = {}
        for name, medium in (("bob", Engine), ("trudy", Raw)):
            address = ADDRESSES[name]
            end = self.chats[name] = ChatEnd(
                world, self.ledger, name, address, (address[0], MSRP_PORT), tcp=name in tcp
            )
            end.medium = medium(end)
        self._stranger = Stranger(world, self.ledger, STRANGER)
        self.port: GatewayPort

    @property
    def _patience(self) -> float:
        never = self._options.get("store_bodies") == "never"
        return self._options.get("answer_wait", 10.0) - 0.1 if never else math.inf

    @property
    def found(self) -> dict[str, Violation]:
        """The first violation of each kind."""
        return self.judge.found

    @property
    def seconds(self) -> float:
        """Of the world's time."""
        return self.world.now - START

    def __call__(self) -> Run:
        """All of it."""
        with simulated(self.world, self.database, self.ledger):
            try:
                self._start()
                for step in self.schedule.steps:
                    self.do(step)
                self._end()
            except Overrun as overrun:
                self.judge.broken("no overrun", str(overrun))
        return self

    def _start(self) -> None:
        self.database.away = self.ledger.impaired = False
        self.port = GatewayPort(self.world, self.database, self.ledger, self._options, self._lies)
        self.world.settle = self.port.flush
        self.port.flush()

    def pass_time(self, seconds: float) -> None:
        """And look whether anything is late, as long as a look may take."""
        while seconds > 0:
            self.world.run(min(seconds, 10.0))
            self.judge.late()
            seconds -= 10.0

    # ------------------------------------------------------------------------------- the steps

    def do(self, step: Step) -> None:
        """One step."""
        self.ledger.note(f"-- {step}")
        _DO[type(step)](self, step)
        self.port.flush()

    def _uri(self, name: str) -> str:
        if name == "itself":
            return f"sip:zed@{GATEWAY[0]}:{GATEWAY[1]}"
        end = self.pages.get(name) or self.chats[name]
        return end.uri

    def _wait(self, step: Wait) -> None:
        self.pass_time(step.seconds)

    def _say(self, step: Say) -> None:
        for _ in range(step.times):
            self.pages[step.who].say(self._uri(step.to), step.kind, expires=step.expires)

    def _call(self, step: CallUp) -> None:
        self.chats[step.who].call(self._uri(step.to), step.setup)

    def _send(self, step: Send) -> None:
        end = self.chats[step.who]
        call = end.live(self._uri(step.to))
        for _ in range(step.times if call is not None else 0):
            end.medium.say(call, step.kind, step.success, step.failure)

    def _behave(self, step: Behave) -> None:
        end = self.pages.get(step.who) or self.chats[step.who]
        end.behave(**dict(step.manners))

    def _hang(self, step: Hang) -> None:
        call = self.chats[step.who].live()
        if call is not None and (call.acknowledged or call.acks):  # not before the ACK (RFC 3261 s15)
            self.chats[step.who].hang_up(call)

    def _offer(self, step: Offer) -> None:
        call = self.chats[step.who].live()
        if call is not None and (call.acknowledged or call.acks):
            self.chats[step.who].offer_again(call, moved=step.moved)

    def _break(self, step: Break) -> None:
        call = self.chats[step.who].live()
        if call is not None:
            self.chats[step.who].medium.close(call, abruptly=step.abruptly)

    def _cut(self, step: Cut) -> None:
        end = self.pages.get(step.who) or self.chats[step.who]
        if end.stream is not None:
            end.stream.cut()

    def _network(self, step: Network) -> None:
        self.world.change(ADDRESSES[step.who][0], **dict(step.changes))

    def _records(self, step: Records) -> None:
        self.database.away = step.how == "away"
        self.database.delay = SLOW if step.how == "slow" else 0.002
        self.ledger.impaired = self.database.away
        self.ledger.trouble(f"the database is {step.how}")

    def _crash(self, step: Crash) -> None:
        self.ledger.trouble("the gateway is killed")
        self.port.kill()
        self._pause(step.down)

    def _stop(self, step: Stop) -> None:
        self.ledger.trouble("the gateway is stopped")
        self.ledger.impaired = True
        self.port.drain()
        self._while(lambda: self.port.busy)
        self._while(lambda: self.port.unwritten)
        self.port.stop()
        self._pause(step.down)

    def _while(self, condition: Callable[[], object]) -> None:
        end = self.world.now + DRAIN
        while condition() and self.world.now < end:
            self.world.run(0.05)

    def _pause(self, seconds: float) -> None:
        self.world.settle = lambda: None
        self.world.run(seconds)
        self._start()

    def _operator(self, step: Operator) -> None:
        self.ledger.trouble("the operator ends all sessions")
        self.port.end_sessions()

    def _trick(self, step: Trick) -> None:
        if step.who in self.pages:
            hostile.trick(self.pages[step.who], self._uri(step.to), step.what)
            return
        end = self.chats[step.who]
        call = end.live()
        medium = end.medium
        if call is not None and isinstance(medium, Raw):
            medium.trick(call, step.what)

    def _strange(self, step: Strange) -> None:
        call = self.chats["bob"].live()
        data = self._stranger.octets(step.what, self._uri("bob"), call.call_id if call is not None else "")
        self.port.advance(self.world.now)
        before = self.port.census()
        self.port.receive(data, self._stranger.source)
        self.judge.bounds.stranger(before, self.port.census(), step.what)

    def _flood(self, step: Flood) -> None:
        if step.who in self.pages:
            for number in range(step.number):
                self.pages[step.who].say(f"sip:u{number}@{VOID[0]}:{VOID[1]}")
            return
        end = self.chats[step.who]
        ack, end.manners = end.manners.ack, end.manners
        end.behave(ack=False)
        for number in range(step.number):
            end.call(f"sip:u{number}@{ADDRESSES['alice'][0]}:5080")
        self.world.run(0.2)
        end.behave(ack=ack)

    # --------------------------------------------------------------------------------- the end

    def _end(self) -> None:
        """All is well again; what is under way comes to its end; all hang up; silence."""
        self.ledger.note("-- the end")
        for host, _ in ADDRESSES.values():
            self.world.conditions[host] = Conditions()
        if self.database.away or self.database.delay > 0.1:
            self._records(Records("prompt"))
        for page in self.pages.values():
            page.behave(machine=False, answer=200, after=0.0, again=0)
        for chat in self.chats.values():
            chat.behave(machine=False)
        self.pass_time(60)
        self.judge.settled()
        for chat in self.chats.values():
            while (call := chat.live()) is not None:
                chat.hang_up(call)
        self.pass_time(45)
        for _ in range(2):
            self.pass_time(105)
            self.port.sweep()
        self.pass_time(90)
        self.judge.ended(len(self.database.owed()), self.port.census())


_DO: Final[dict[type, Callable[[Run, Any], None]]] = {
    Wait: Run._wait, Say: Run._say, CallUp: Run._call, Send: Run._send, Behave: Run._behave, Hang: Run._hang,
    Offer: Run._offer, Break: Run._break, Cut: Run._cut, Network: Run._network, Records: Run._records,
    Crash: Run._crash, Stop: Run._stop, Operator: Run._operator, Trick: Run._trick, Strange: Run._strange,
    Flood: Run._flood,
}  # fmt: skip


def trace(run: Run) -> str:
    """What went over the wires, a line each, from the gateway's right and to it."""
    return "\n".join(f"{at - START:9.3f}  {line}" for at, line in run.ledger.trace)
