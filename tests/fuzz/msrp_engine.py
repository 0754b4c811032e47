"""The whole MSRP engine: connections and sessions, octets from the peer and wishes of the host in any order."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import suppress
from typing import Final

from protocols.msrp.connection import MsrpConnection
from protocols.msrp.endpoint import MsrpEndpoint
from protocols.msrp.errors import MsrpError
from protocols.msrp.events import ConnectionFault, Event, MessageReceived, SendOutcome
from protocols.msrp.incoming import IncomingMessage
from protocols.msrp.limits import Limits
from protocols.msrp.outgoing import OutgoingMessage
from protocols.msrp.session import MsrpSession
from tests.fuzz.choices import Choices
from tests.fuzz.invariant import holds
from tests.fuzz.msrp_frames import WORDS
from tests.fuzz.target import Target

LIMITS: Final = Limits(
    max_header_bytes=1_000,
    max_frame_body=30_000,
    max_message_bytes=20_000,
    max_assemblies_per_session=3,
    max_assemblies=5,
    max_held_bytes=60_000,
    max_outbox_bytes=30_000,
    flush_budget=4_096,
    fair_slice=2_048,
    remembered_ids=4,
)
_OURS: Final = ("msrp://127.0.0.1:2855/ours;tcp", "msrp://127.0.0.1:2855/other;tcp")
_PEERS: Final = ("msrp://127.0.0.1:2900/theirs;tcp", "msrp://relay:2855/r;tcp msrp://127.0.0.1:2900/behind;tcp")
_SIZES: Final = (0, 5, 2_048, 2_049, 9_000)
_start_lines: Final = re.compile(rb"(?:\A|\r\n)MSRP ([^ \r\n]+) ([^ \r\n]+)").finditer


class _World:
    """The engine and what it has been given and has told."""

    def __init__(self) -> None:
        self.now = 100.0
        self.endpoint = MsrpEndpoint(LIMITS)
        self.sessions: list[MsrpSession] = []
        self.connections: list[MsrpConnection] = []
        self.waiting: list[IncomingMessage] = []
        self.sent: list[OutgoingMessage] = []
        self.outcomes: Counter[OutgoingMessage] = Counter()
        self.our_tids: list[bytes] = []
        self.attached = 0
        self.octets_in = 0
        self.octets_out = 0
        for local in _OURS:
            self.sessions.append(self.endpoint.create_session(local, accept_types="text/plain message/* image/*"))
        for outbound in (False, True):
            self.connections.append(self.endpoint.create_connection(outbound, self.now, "127.0.0.1"))

    def take(self, events: list[Event]) -> None:
        """What the engine told."""
        for event in events:
            if isinstance(event, MessageReceived):
                holds(len(event.incoming.body) <= event.session.max_size, "a message over the limit", event)
                self.waiting.append(event.incoming)
            elif isinstance(event, SendOutcome):
                self.outcomes[event.outgoing] += 1
                holds(self.outcomes[event.outgoing] == 1, "two outcomes of one message", event)
                holds(event.outgoing in self.sent, "the outcome of what was never sent", event)
            elif isinstance(event, ConnectionFault):
                self.take(event.connection.lost(self.now))

    def feed(self, connection: MsrpConnection, data: bytes) -> None:
        self.octets_in += len(data)
        self.take(connection.receive(data, self.now))
        held = self.endpoint.held
        holds(held.used <= held.limit + len(data) + LIMITS.max_header_bytes, "more is held than the bound", held.used)

    def flush(self, connection: MsrpConnection) -> None:
        data = connection.take_output(self.now)
        self.octets_out += len(data)
        for found in _start_lines(data):
            if found[2] in (b"SEND", b"REPORT"):
                self.our_tids.append(found[1])
        holds(connection.waiting >= 0, "less than nothing waits", connection.waiting)

    def advance(self, seconds: float) -> None:
        self.now += seconds
        self.take(self.endpoint.expire(self.now))


def run(data: bytes) -> None:
    """Steps, as :class:`~tests.fuzz.choices.Choices` reads them from the octets."""
    world = _World()
    choices = Choices(data)
    for _ in range(60):
        if not choices:
            break
        with suppress(MsrpError):
            _step(world, choices)
    _end(world)


def _step(world: _World, choices: Choices) -> None:
    connection = choices.one_of(world.connections)
    session = choices.one_of(world.sessions)
    match choices.number(15):
        case 0 | 1 | 2 | 3 | 4:
            world.feed(connection, choices.octets())
        case 5:
            world.flush(connection)
        case 6:
            size = choices.one_of(_SIZES)
            wish = choices.one_of(("yes", "no", "partial"))
            name = f"our{len(world.sent)}abc"
            body = b"-------" * (size // 7) + b"x" * (size % 7)
            world.sent.append(
                session.send(name, "text/plain", body, success_report=size == 5, failure_report=wish, now=world.now)
            )
        case 7:
            _answer_ours(world, connection, choices)
        case 8:
            if world.waiting:
                incoming = world.waiting.pop(0)
                incoming.respond(choices.one_of((200, 413, 481)))
                incoming.report(choices.one_of((200, 408)))
        case 9:
            session.set_peer(choices.one_of(_PEERS), choices.one_of(("*", "text/plain")), choices.one_of((None, 100)))
        case 10:
            session.attach(connection, world.now)
            world.attached += 1
        case 11:
            world.advance(choices.one_of((0.1, 29.0, 31.0, 121.0)))
        case 12:
            world.take(connection.lost(world.now))
            world.connections[world.connections.index(connection)] = world.endpoint.create_connection(
                connection.outbound, world.now
            )
        case 13:
            connection.writable = False
        case 14:
            connection.resume(world.now)
        case _:
            session.await_bind(world.now)


def _answer_ours(world: _World, connection: MsrpConnection, choices: Choices) -> None:
    """The peer answers a request of ours, or reports on a message of ours."""
    if not world.our_tids:
        return
    tid = choices.one_of(world.our_tids)
    code = choices.one_of((b"200 OK", b"481", b"506 In Use", b"400", b"200"))
    paths = f"To-Path: {_OURS[0]}\r\nFrom-Path: {_PEERS[0]}\r\n".encode()
    if choices.number(1):
        world.feed(connection, b"MSRP %b %b\r\n%b-------%b$\r\n" % (tid, code, paths, tid))
    else:
        name = b"our%dabc" % choices.number(3)
        head = b"MSRP rtid REPORT\r\n%bMessage-ID: %b\r\nByte-Range: 1-*/*\r\nStatus: 000 %b\r\n" % (paths, name, code)
        world.feed(connection, head + b"-------rtid$\r\n")


def _end(world: _World) -> None:
    """All ends: every message has its outcome, and nothing is left behind."""
    for incoming in world.waiting:
        incoming.respond(200)
    for connection in world.connections:
        for _ in range(3):
            world.flush(connection)
    world.advance(1_000.0)
    for session in world.sessions:
        world.take(session.close(world.now))
    for connection in world.connections:
        world.take(connection.lost(world.now))
    world.advance(1_000.0)
    without = [message.message_id for message in world.sent if world.outcomes[message] != 1]
    holds(not without, "messages without an outcome", without)
    endpoint = world.endpoint
    holds(len(endpoint) == 0, "sessions are left", len(endpoint))
    holds(
        endpoint.assembly_count == 0 and endpoint.assembly_bytes == 0,
        "incomplete messages are left",
        endpoint.assembly_bytes,
    )
    holds(endpoint.held.used == 0, "octets are held for nobody", endpoint.held.used)
    holds(not endpoint.transactions and endpoint.next_deadline() is None, "timers are left", endpoint.next_deadline())
    ours = sum(len(message.body) + 600 for message in world.sent) * 3 + 300 * world.attached
    holds(world.octets_out <= 6 * world.octets_in + ours + 2_000, "more goes out than came in", world.octets_out)


MSRP_ENGINE: Final = Target(
    "msrp_engine",
    run,
    tuple(
        f"protocols.msrp.{name}"
        for name in ("connection", "endpoint", "session", "requests", "chunks", "backlog", "incoming")
    ),
    WORDS,
)
