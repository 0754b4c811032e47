"""The examples of RFC 4975 and bytes of real peers, read as they stand in the files of ``wire/``."""

from __future__ import annotations

from pathlib import Path

import pytest

from protocols.msrp.endpoint import MsrpEndpoint
from protocols.msrp.events import MessageReceived, ReportReceived, SessionBound
from protocols.msrp.frames import MsrpRequest, MsrpResponse
from tests.msrp.peers import frames, requests, responses

WIRE = Path(__file__).parent / "wire"


def wire(name: str) -> bytes:
    """The bytes of an example; files are kept with LF, but for one whose bodies mix both line ends."""
    data = (WIRE / name).read_bytes()
    return data if b"\r\n" in data else data.replace(b"\n", b"\r\n")


@pytest.mark.parametrize("path", sorted(WIRE.glob("*.msrp")), ids=lambda path: path.stem)
def test_every_example_is_understood(path):
    read = frames(wire(path.name))
    assert read
    assert all(frame.fault is None for frame in read if isinstance(frame, MsrpRequest))
    assert all(frame.code == 200 for frame in read if isinstance(frame, MsrpResponse))


def play(name: str, local: str, peer: str):
    """The events and the answers of an endpoint that is sent the example."""
    endpoint = MsrpEndpoint()
    session = endpoint.create_session(local)
    session.set_peer(peer)
    connection = endpoint.create_connection(outbound=False)
    events = connection.receive(wire(name), 0.0)
    for event in events:
        if isinstance(event, MessageReceived):
            event.incoming.respond(200)
            event.incoming.report(200)
    return events, connection.take_output(0.0)


ALICE = "msrp://alicepc.example.com:7777/iau39soe2843z;tcp"
BOB = "msrp://bob.example.com:8888/9di4eae923wzd;tcp"


def test_rfc4975_s11_1_basic_session():
    events, output = play("rfc4975-s11-1-basic.msrp", BOB, ALICE)
    assert isinstance(events[0], SessionBound)
    assert events[1].incoming.body == b"Hi, I'm Alice!\r\n"
    assert output == (f"MSRP d93kswow 200 OK\r\nTo-Path: {ALICE}\r\nFrom-Path: {BOB}\r\n-------d93kswow$\r\n").encode()


def test_rfc4975_s11_4_chunked_cpim():
    events, output = play(
        "rfc4975-s11-4-chunked-cpim.msrp",
        "msrp://bobpc.example.com:8888/9di4eae923wzd;tcp",
        "msrp://alicepc.example.com:7654/iau39soe2843z;tcp",
    )
    [incoming] = [event.incoming for event in events if isinstance(event, MessageReceived)]
    assert incoming.content_type == "message/cpim"
    assert incoming.body.startswith(b"To: Bob <sip:bob@example.com>\r\n")
    assert incoming.body.endswith(b"ABCD1234567890")
    assert responses(output) == [("d93kswow", 200), ("op2nc9a", 200)]


def test_rfc4975_s11_5_system_message_is_not_answered():
    events, output = play(
        "rfc4975-s11-5-system.msrp",
        "msrp://alicepc.example.com:8888/iau39soe2843z;tcp",
        "msrp://example.com:7777/iau39soe2843z;tcp",
    )
    assert events[1].incoming.failure_report == "no"
    assert output == b""


def test_rfc4975_s11_6_positive_report():
    events, output = play("rfc4975-s11-6-send.msrp", BOB, ALICE)
    size = len(events[1].incoming.body)
    assert responses(output) == []  # Failure-Report: no
    [report] = requests(output)
    assert (report.to_path, report.from_path) == (ALICE, BOB)
    assert report.headers["byte-range"] == f"1-{size}/{size}"
    assert report.headers["status"] == "000 200 OK"


def test_rfc4975_s11_6_the_report_as_received():
    endpoint = MsrpEndpoint()
    session = endpoint.create_session(ALICE)
    session.set_peer(BOB)
    connection = endpoint.create_connection(outbound=True)
    session.attach(connection, 0.0)
    [event] = connection.receive(wire("rfc4975-s11-6-report.msrp"), 0.0)
    assert event == ReportReceived(session, "12339sdqwer", 200, (1, 106, 106), "OK")


def test_sipsimple_binds_and_opens_with_otr_probe_and_cpim():
    local = "msrp://127.0.0.1:35413/bf38ff114b6086ab6a26;tcp"
    peer = "msrp://127.0.0.1:34037/c554e9fd13ffc018ba03;tcp"
    events, output = play("sipsimple-chat.msrp", local, peer)
    assert [type(event) for event in events] == [SessionBound, MessageReceived, MessageReceived]
    assert b"?OTRv3?" in events[1].incoming.body
    assert events[2].incoming.body.endswith(b"hello over MSRP from sdk")
    assert len(events[2].incoming.body) == 188
    assert responses(output) == [("66b5d6b146059f92", 200), ("a367db1b2fc33292", 200)]
    assert requests(output)[0].headers["byte-range"] == "1-188/188"


def test_a_browser_stack_behind_relays():
    relays = "msrp://127.0.0.1:25080/msrp-6b04524e-6fe6-3;tcp msrp://127.0.0.1:25080/msrp-6b04524e-6fe5-3;tcp"
    local = "msrp://ea6rvr9g.invalid:2855/ie2cazjanw;ws"
    peer = f"{relays} msrp://4dz0k0p8.invalid:2855/d5q6w3jy68;ws"
    events, output = play("browser-through-relays.msrp", local, peer)
    assert [type(event) for event in events] == [SessionBound, MessageReceived]
    assert responses(output) == [("2bzs39va", 200), ("0sdpo360", 200)]
    bind_report, report = requests(output)
    assert bind_report.headers["byte-range"] == "1-0/0"
    assert report.headers["byte-range"] == "1-28/28"
    assert report.to_path == peer
