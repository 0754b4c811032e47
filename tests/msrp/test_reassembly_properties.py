"""Chunks of many messages on many sessions of one connection, in any order and allocation (RULEBOOK S20, S22, S24).

What must come out is said by ``Receiver``, a plain buffer of octets for each message with the rules of RFC 4975 s7.3.1.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.msrp.endpoint import MsrpEndpoint
from protocols.msrp.events import MessageAborted, MessageReceived
from tests.msrp.peers import bind_request, request, responses

SESSIONS = 3


def ours(number: int) -> str:
    return f"msrp://gw.example.com:2855/session-of-ours-{number};tcp"


def peer(number: int) -> str:
    return f"msrp://alicepc.example.com:7777/session-of-theirs-{number};tcp"


class Chunk(NamedTuple):
    """One SEND of a peer's."""

    session: int
    message_id: str
    start: int
    """Position of its first octet, from 1."""
    data: bytes
    flag: str
    byte_range: str | None
    """As written; None is a SEND without the header."""
    bare: bool = False
    """No octets and no Content-Type either."""

    def write(self, tid: str) -> bytes:
        headers = [f"Message-ID: {self.message_id}"]
        if self.byte_range is not None:
            headers.append(f"Byte-Range: {self.byte_range}")
        if not self.bare:
            headers.append("Content-Type: text/plain")
        return request(
            tid,
            "SEND",
            *headers,
            to=ours(self.session),
            frm=peer(self.session),
            body=None if self.bare else self.data,
            flag=self.flag,
        )


class Receiver:
    """What RFC 4975 s7.3.1 makes of the chunks of one session."""

    def __init__(self) -> None:
        self.open: dict[str, tuple[dict[int, int], list[int]]] = {}
        self.whole: set[str] = set()

    def take(self, chunk: Chunk) -> bytes | None:
        """The message that this chunk completes."""
        if chunk.flag == "#":
            self.open.pop(chunk.message_id, None)
            return None
        if chunk.flag == "$" and chunk.start == 1:
            return self._complete(chunk.message_id, chunk.data)
        if chunk.message_id in self.whole and chunk.message_id not in self.open and chunk.start > 1:
            return None  # it was given on already: too late to take it back
        octets, total = self.open.setdefault(chunk.message_id, ({}, []))
        octets.update(enumerate(chunk.data, chunk.start))
        if chunk.flag == "$":
            total[:] = [chunk.start - 1 + len(chunk.data)]
        if total:
            for position in [position for position in octets if position > total[0]]:
                del octets[position]
            if len(octets) == total[0]:
                return self._complete(chunk.message_id, bytes(octets[position] for position in sorted(octets)))
        return None

    def _complete(self, message_id: str, body: bytes) -> bytes:
        self.open.pop(message_id, None)
        self.whole.add(message_id)
        return body


@st.composite
def chunks_of_a_message(draw: st.DrawFn, session: int, message_id: str) -> list[Chunk]:
    """One message cut at random points, with chunks that overlap and differ, perhaps given up."""
    body = draw(st.binary(min_size=1, max_size=120))
    size = len(body)
    cuts = sorted(draw(st.sets(st.integers(1, size - 1), max_size=6))) if size > 1 else []
    spans = list(zip([0, *cuts], [*cuts, size], strict=True))
    for begin in draw(st.lists(st.integers(0, size - 1), max_size=3)):
        spans.insert(draw(st.integers(0, len(spans))), (begin, draw(st.integers(begin, size))))
    if draw(st.booleans()):  # a sender that changes its mind: octets behind the end that it names
        begin = draw(st.integers(0, size))
        spans.insert(draw(st.integers(0, len(spans))), (begin, size + draw(st.integers(1, 9))))
        body += b"?" * 9
    ending = draw(st.sampled_from(["$", "$", "$", "$$", "empty", "bare", "#"]))
    chunks = []
    for begin, end in spans:
        data = body[begin:end]
        if draw(st.integers(0, 4)) == 0:
            data = bytes(octet ^ 0x20 for octet in data)
        last = (end == size and ending in {"$", "$$"}) or (end > size and ending == "$$")
        style = draw(st.sampled_from(["{end}/{size}", "{end}/*", "*/{size}", "*/*", "{wrong}/*", None]))
        written = None if style is None else f"{begin + 1}-" + style.format(end=end, size=size, wrong=end + 1000)
        if written is None and (begin or last):
            written = f"{begin + 1}-*/*"
        chunks.append(Chunk(session, message_id, begin + 1, data, "$" if last else "+", written))
    if ending in {"empty", "bare"}:
        chunks.append(Chunk(session, message_id, size + 1, b"", "$", f"{size + 1}-{size}/{size}", ending == "bare"))
    elif ending == "#":
        chunks.append(Chunk(session, message_id, size + 1, b"", "#", f"{size + 1}-*/*"))
    return chunks


@st.composite
def schedules(draw: st.DrawFn) -> list[Chunk]:
    """Chunks of several messages on several sessions: in order, backwards, or in any order; always interleaved."""
    lists = [
        draw(chunks_of_a_message(session, f"message-{number}"))
        for session in range(SESSIONS)
        for number in range(draw(st.integers(0, 3)))
    ]
    order = draw(st.sampled_from(["as sent", "reversed", "any"]))
    if order == "any":
        return draw(st.permutations([chunk for chunks in lists for chunk in chunks]))
    waiting = [chunks[:] if order == "reversed" else chunks[::-1] for chunks in lists]
    turns = draw(st.permutations([number for number, chunks in enumerate(lists) for _ in chunks]))
    return [waiting[number].pop() for number in turns]


def gateway():
    endpoint = MsrpEndpoint()
    connection = endpoint.create_connection(outbound=False)
    sessions = []
    for number in range(SESSIONS):
        session = endpoint.create_session(ours(number))
        session.set_peer(peer(number))
        connection.receive(bind_request(f"bind{number}", to=ours(number), frm=peer(number)), 0.0)
        sessions.append(session)
    connection.take_output(0.0)
    return endpoint, connection, sessions


@settings(max_examples=300, deadline=None)
@given(schedules(), st.randoms(use_true_random=False))
def test_every_message_comes_out_to_the_byte_and_every_chunk_is_answered(schedule, luck):
    endpoint, connection, sessions = gateway()
    receivers = [Receiver() for _ in sessions]
    expected, wire, tids = [], b"", []
    for number, chunk in enumerate(schedule):
        tids.append(f"tid{number}x")
        wire += chunk.write(tids[-1])
        receiver = receivers[chunk.session]
        seen = chunk.message_id in receiver.whole
        body = receiver.take(chunk)
        if body is not None:
            expected.append((chunk.session, chunk.message_id, body, seen))
    got, given_up = [], 0
    while wire:
        size = luck.randint(1, 400)
        for event in connection.receive(wire[:size], 1.0):
            if isinstance(event, MessageReceived):
                incoming = event.incoming
                number = sessions.index(event.session)
                got.append((number, incoming.message_id, bytes(incoming.body), incoming.duplicate))
                assert incoming.respond(200)
            else:
                assert isinstance(event, MessageAborted)
                given_up += 1
        wire = wire[size:]
    assert got == expected
    assert sorted(responses(connection.take_output(1.0))) == sorted((tid, 200) for tid in tids)
    assert given_up <= sum(chunk.flag == "#" for chunk in schedule)
    assert endpoint.assembly_count == sum(len(receiver.open) for receiver in receivers)
    for session in sessions:
        session.close(2.0)
    assert (endpoint.assembly_bytes, endpoint.assembly_count) == (0, 0)


@pytest.mark.parametrize("bare", [False, True])
def test_a_last_chunk_may_have_no_octets(bare):
    _, connection, [session, *_] = gateway()
    first = Chunk(0, "message-1", 1, b"hello", "+", "1-*/*").write("tid1")
    last = Chunk(0, "message-1", 6, b"", "$", "6-5/5", bare).write("tid2")
    [event] = connection.receive(first + last, 1.0)
    assert (event.session, event.incoming.body, event.incoming.content_type) == (session, b"hello", "text/plain")


def test_a_chunk_that_comes_after_its_message_was_given_on_opens_nothing():
    endpoint, connection, _ = gateway()
    whole = Chunk(0, "message-1", 1, b"hel", "+", "1-3/5").write("tid1") + Chunk(
        0, "message-1", 4, b"lo", "$", "4-5/5"
    ).write("tid2")
    [event] = connection.receive(whole, 1.0)
    event.incoming.respond(200)
    assert connection.receive(Chunk(0, "message-1", 3, b"LL", "+", "3-4/5").write("tid3"), 1.0) == []
    assert responses(connection.take_output(1.0)) == [("tid1", 200), ("tid2", 200), ("tid3", 200)]
    assert endpoint.assembly_count == 0


def test_one_message_id_on_two_sessions_is_two_messages():
    _, connection, [one, other, _] = gateway()
    data = b"".join(
        Chunk(number, "message-1", 1 + at, text[at : at + 2], flag, f"{1 + at}-*/*").write(f"tid{number}{at}")
        for at, flag in ((0, "+"), (2, "$"))
        for number, text in ((0, b"abcd"), (1, b"efgh"))
    )
    got = [(event.session, event.incoming.body, event.incoming.duplicate) for event in connection.receive(data, 1.0)]
    assert got == [(one, b"abcd", False), (other, b"efgh", False)]
