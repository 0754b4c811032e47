"""One bound for all that is incomplete, whichever protocol's half it is."""

from __future__ import annotations

import pytest

from protocols.held import HeldOctets
from protocols.msrp.endpoint import MsrpEndpoint
from protocols.msrp.events import ConnectionFault
from protocols.msrp.limits import Limits
from protocols.msrp.parser import FrameParser
from protocols.sip.limits import SipLimits
from protocols.sip.stream import SipStream

MB = 1 << 20
PATHS = b"To-Path: msrp://h:1/us;tcp\r\nFrom-Path: msrp://h:2/them;tcp\r\n"
HEAD = b"MESSAGE sip:b@h SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nContent-Length: 1000000\r\n\r\n"


def chunk(number: int, size: int) -> bytes:
    """A chunk that does not end."""
    return (
        b"MSRP tid%05d SEND\r\n%bMessage-ID: message%d\r\n"
        b"Byte-Range: 1-*/%d\r\nContent-Type: text/plain\r\n\r\n" % (number, PATHS, number, 10 * MB)
    ) + b"x" * size


def test_what_is_taken_is_within_the_limit_and_what_is_given_back_may_be_taken_again():
    held = HeldOctets(100)
    assert held.take(60)
    assert not held.take(41)
    assert held.take(40)
    held.add(-50)
    assert held.has_room(50)
    assert not held.has_room(51)
    assert (held.used, held.most_used) == (50, 100)


def test_open_chunks_on_many_connections_are_held_within_one_bound_and_refused_beyond_it():
    held = HeldOctets(20 * MB)
    endpoint = MsrpEndpoint(Limits(), held)
    session = endpoint.create_session("msrp://h:1/us;tcp")
    connections = [endpoint.create_connection(False) for _ in range(40)]
    connections[0].bind(session)
    refused = 0
    for number, connection in enumerate(connections):
        for piece in (chunk(number, 0), *[b"x" * 65_536] * 150):
            if not connection.live:
                break
            connection.receive(piece, 0.0)
            refused += connection.take_output().count(b" 413 ")
        assert held.used <= held.limit
    for connection in connections:
        connection.lost(1.0)
    assert held.used == 0


def test_a_chunk_for_which_there_is_no_room_is_413_and_its_connection_stays():
    endpoint = MsrpEndpoint(Limits(), HeldOctets(MB))
    session = endpoint.create_session("msrp://h:1/us;tcp")
    session.set_peer("msrp://h:2/them;tcp")
    connection = endpoint.create_connection(False)
    connection.receive(chunk(1, 0), 0.0)
    for _ in range(40):
        connection.receive(b"x" * 65_536, 0.0)
    assert connection.take_output().startswith(b"MSRP tid00001 413 ")
    assert endpoint.held.used < 65_536
    bind = (
        b"MSRP after001 SEND\r\nTo-Path: msrp://h:1/us;tcp\r\nFrom-Path: msrp://h:2/them;tcp\r\nMessage-ID: after\r\n"
    )
    connection.receive(b"\r\n-------tid00001$\r\n" + bind + b"-------after001$\r\n", 0.0)
    assert b"MSRP after001 200 " in connection.take_output()
    assert endpoint.held.used == 0


def test_a_head_for_which_there_is_no_room_closes_the_connection():
    parser_of_another = FrameParser(Limits(), held := HeldOctets(5000))
    parser_of_another.feed(chunk(1, 4500))
    endpoint = MsrpEndpoint(Limits(), held)
    connection = endpoint.create_connection(False)
    [event] = connection.receive(b"MSRP tid00002 SEND\r\n" + b"X: y\r\n" * 200, 0.0)
    assert isinstance(event, ConnectionFault)
    connection.lost(0.0)
    parser_of_another.close()
    assert held.used == 0


def test_unfinished_sip_messages_of_many_connections_are_held_within_the_bound_and_refused_503_beyond_it():
    held = HeldOctets(4 * MB)
    streams = [SipStream(SipLimits(), held) for _ in range(10)]
    errors = []
    for stream in streams:
        _, _, error = stream.feed(HEAD + b"x" * 999_990)
        errors.append(error)
    assert [error is None for error in errors] == [True] * 4 + [False] * 6
    assert errors[-1].code == 503
    assert errors[-1].headers == (("Retry-After", "5"),)
    assert errors[-1].partial is not None
    assert held.used <= held.limit
    messages, _, _ = streams[0].feed(b"x" * 10)
    assert len(messages) == 1
    for stream in streams:
        stream.close()
    assert held.used == 0


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_what_is_whole_is_not_held(step: int):
    held = HeldOctets(MB)
    parser = FrameParser(Limits(), held)
    data = b"".join(chunk(number, 300) + b"\r\n-------tid%05d$\r\n" % number for number in range(5))
    frames = [frame for at in range(0, len(data), step) for frame in parser.feed(data[at : at + step])]
    assert len(frames) == 5
    assert held.used == 0
