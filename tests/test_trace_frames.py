"""Frames out of streams, the name of each, and bodies that nobody can read."""

from __future__ import annotations

from sessions_app.trace.frames import Splitter, mask
from sessions_app.trace.tape import Link
from tests.test_pcap import MESSAGE, OK, SEND

MSRP = Link("msrp", "tcp", ("192.0.2.9", 41000), ("192.0.2.7", 2855))
SIP = Link("sip", "tcp", ("192.0.2.9", 5060), ("192.0.2.1", 41001))
UDP = Link("sip", "udp", ("192.0.2.9", 5060), None)


def test_frames_are_cut_wherever_the_stream_was_torn():
    stream = SEND + OK + SEND
    for size in (1, 7, 50, len(stream)):
        pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
        found = list(Splitter().expand((1.0, MSRP, True, piece) for piece in pieces))
        assert [frame.data for frame in found] == [SEND, OK, SEND]


def test_sip_messages_of_a_stream_are_cut_by_their_length():
    stream = b"\r\n\r\n" + MESSAGE + MESSAGE[:40]
    splitter = Splitter()
    found = list(splitter.expand([(1.0, SIP, False, stream)]))
    assert [frame.data for frame in found] == [MESSAGE]
    found = list(splitter.expand([(1.1, SIP, False, MESSAGE[40:])]))
    assert [frame.data for frame in found] == [MESSAGE]


def test_a_stream_is_taken_up_again_from_its_middle():
    assert [frame.data for frame in Splitter().expand([(1.0, MSRP, True, SEND[60:] + OK)])] == [OK]


def test_each_way_of_a_connection_and_each_datagram_stands_for_itself():
    splitter = Splitter()
    entries = [
        (1.0, MSRP, True, SEND[:50]),
        (1.1, MSRP, False, OK),
        (1.2, MSRP, True, SEND[50:]),
        (1.3, UDP, False, [(MESSAGE, ("192.0.2.1", 5080)), (b"\r\n\r\n", ("192.0.2.1", 5080))]),
    ]
    assert [(frame.data, frame.remote) for frame in splitter.expand(entries)] == [
        (OK, MSRP.remote),
        (SEND, MSRP.remote),
        (MESSAGE, ("192.0.2.1", 5080)),
    ]


def test_the_name_is_the_call_id_or_our_session_id():
    out = next(Splitter().expand([(1.0, MSRP, True, SEND)]))
    back = next(Splitter().expand([(1.0, MSRP, False, OK)]))
    assert (out.name, back.name) == ("a", "a")
    compact = MESSAGE.replace(b"Call-ID: a1", b"i:a1")
    for data in (MESSAGE, compact):
        assert next(Splitter().expand([(1.0, UDP, False, [(data, ("192.0.2.1", 5080))])])).name == "a1"


def test_bodies_are_masked_and_nothing_else():
    assert mask("sip", MESSAGE) == MESSAGE.replace(b"hello", b"xxxxx")
    assert mask("msrp", SEND) == SEND.replace(b"hello", b"xxxxx")
    assert mask("msrp", OK) == OK
    sdp = MESSAGE.replace(b"text/plain", b"application/sdp")
    assert mask("sip", sdp) == sdp
    assert mask("msrp", SEND[: SEND.index(b"hello") + 3]).endswith(b"\r\n\r\nxxx")
