"""Which frames come to the table: of failures only, of everything, of nothing, of what is captured; and HEP."""

from __future__ import annotations

import contextlib
import socket
import time
import uuid

import pytest
from psycopg.rows import tuple_row

from sessions_app.trace import table
from tests.wire.conftest import SHORT_TIMES
from tests.wire.running import Running
from tests.wire.session_peer import SessionPeer
from tests.wire.sip_peer import SipPeer

FRAMES = """
SELECT frame.leg, frame.direction, frame.protocol, frame.masked, frame.source, frame.destination,
       convert_from(frame.data, 'UTF8') AS data
  FROM sessions_app_traceframe AS frame WHERE session_id = %s ORDER BY at, id
"""


@contextlib.contextmanager
def running(**environment):
    gateway = Running(**SHORT_TIMES, **environment)
    try:
        yield gateway.start()
        assert gateway.complaints == []
    finally:
        gateway.close()


@contextlib.contextmanager
def both(gateway):
    alice, bob = SipPeer("alice", gateway, "udp"), SessionPeer("bob", gateway, "udp")
    try:
        yield alice, bob
    finally:
        alice.close()
        bob.close()


def starts(rows):
    return [(row["leg"], row["direction"], " ".join(row["data"].split("\r\n")[0].split(" ")[:3])) for row in rows]


def frames(gateway, session, wanted, within=8.0):
    """The session's frames, once one begins with each of `wanted`."""
    deadline = time.monotonic() + within
    while True:
        rows = gateway.rows(FRAMES, session)
        if all(any(row["data"].startswith(want) for row in rows) for want in wanted):
            return rows
        assert time.monotonic() < deadline, starts(rows)
        time.sleep(0.05)


def deliver(alice, bob, text="first"):
    message = alice.message(bob.uri, text)
    call = bob.take_call()
    call.take_message()
    assert alice.final_answer_to(message).status == 200
    return call


def the_session(gateway):
    (row,) = gateway.wait_for_rows("SELECT id::text FROM sessions_app_gatewaysession ORDER BY created_at DESC LIMIT 1")
    return row["id"]


def test_a_failed_set_up_leaves_its_frames_and_a_success_none(gateway, alice, bob, page, session):
    carol, dave = page("carol"), session("dave")
    good = deliver(carol, dave)
    waiting = alice.message(bob.uri, "are you there?")
    invite = bob.expect("INVITE")
    bob.respond(invite, 486, "Busy Here")
    assert alice.final_answer_to(waiting).status == 480
    failed = gateway.session_row(invite.call_id, state="failed")
    rows = frames(gateway, failed["id"], ["MESSAGE", "INVITE", "SIP/2.0 486", "ACK", "SIP/2.0 480"])
    assert [each for each in starts(rows) if each[2].startswith(("MESSAGE", "INVITE", "SIP/2.0 4"))] == [
        ("message", "in", f"MESSAGE {bob.uri} SIP/2.0"),
        ("msrp", "out", f"INVITE {bob.uri} SIP/2.0"),
        ("msrp", "in", "SIP/2.0 486 Busy"),
        ("message", "out", "SIP/2.0 480 Temporarily"),
    ]
    sent = rows[0]
    assert sent["data"].endswith("\r\n\r\n" + "x" * len("are you there?"))
    assert sent["masked"]
    assert sent["source"].endswith(f":{alice.address[1]}")
    assert "a=path:msrp://" in next(row["data"] for row in rows if row["data"].startswith("INVITE"))
    row = gateway.session_row(good.invite.call_id, state="live")
    assert gateway.rows(FRAMES, row["id"]) == []


def test_a_refused_message_leaves_the_frames_of_its_live_session(gateway, alice, bob, live):
    kept = live.send("to nobody", message_id="T1")
    alice.respond(alice.expect("MESSAGE"), 404)
    assert live.wire.response_to(kept).code == 403
    session = gateway.session_row(live.invite.call_id, state="live")["id"]
    rows = frames(gateway, session, ["INVITE", "MSRP", "SIP/2.0 404"])
    sends = [row for row in rows if row["protocol"] == "msrp" and row["direction"] == "in" and "SEND" in row["data"]]
    assert "x" * len("to nobody") in sends[0]["data"]
    assert "to nobody" not in "".join(row["data"] for row in rows)


def test_all_stores_every_frame_of_both_legs_with_bodies_where_they_are_kept_and_exports_by_hep(tmp_path):
    collector = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    collector.bind(("127.0.0.1", 0))
    collector.settimeout(5)
    hep = f"127.0.0.1:{collector.getsockname()[1]}"
    with (
        running(GATEWAY_TRACE="all", GATEWAY_TRACE_BODIES="keep", GATEWAY_HEP=hep) as gateway,
        both(gateway) as (alice, bob),
    ):
        call = deliver(alice, bob, "secret words")
        assert call.bye().status == 200
        rows = frames(gateway, the_session(gateway), ["MESSAGE", "INVITE", "ACK", "MSRP", "BYE"])
        legs = {(row["leg"], row["protocol"], row["direction"]) for row in rows}
        assert legs == {
            ("message", "sip", "in"),
            ("message", "sip", "out"),
            ("msrp", "sip", "in"),
            ("msrp", "sip", "out"),
            ("msrp", "msrp", "in"),
            ("msrp", "msrp", "out"),
        }
        assert rows[0]["data"].endswith("secret words")
        assert not any(row["masked"] for row in rows)
        packet = collector.recv(65_536)
        assert packet.startswith(b"HEP3")
        assert b"MESSAGE sip:bob" in packet
        gateway.manage("shell", code="from sessions_app.tasks import cleanup; cleanup()")
        assert len(gateway.rows(FRAMES, the_session(gateway))) == len(rows)
    collector.close()


def test_off_stores_nothing_until_a_capture_is_asked_for():
    with running(GATEWAY_TRACE="off") as gateway, both(gateway) as (alice, bob):
        call = deliver(alice, bob)
        session = the_session(gateway)
        gateway.execute(
            "INSERT INTO sessions_app_nodecommand (node, verb, session_id, argument, by, created_at, result)"
            " SELECT node, 'capture', id, '{\"seconds\": 60}', 'test', now(), ''"
            " FROM sessions_app_gatewaysession WHERE id = %s",
            uuid.UUID(session),
        )
        gateway.execute("SELECT pg_notify('parley_command', '')")
        gateway.wait_for_rows("SELECT 1 FROM sessions_app_nodecommand WHERE result = 'captured for 60 s'")
        second = alice.message(bob.uri, "second")
        call.take_message()
        assert alice.final_answer_to(second).status == 200
        rows = frames(gateway, session, ["MESSAGE", "MSRP", "SIP/2.0 200"])
        assert not any(row["data"].startswith("INVITE") for row in rows)


@pytest.mark.parametrize(("limit", "left"), [(10_000_000, 3), (2_500, 2)])
def test_the_table_is_held_within_its_bound(gateway, limit, left):
    session = uuid.uuid4()
    with gateway.database.transaction(force_rollback=True):
        gateway.execute("DELETE FROM sessions_app_traceframe")
        for _ in range(3):
            gateway.execute(
                "INSERT INTO sessions_app_traceframe"
                " (session_id, at, leg, direction, protocol, transport, source, destination, data, masked)"
                " VALUES (%s, now(), 'msrp', 'in', 'sip', 'udp', 'a:1', 'b:2', %s, false)",
                session,
                b"x" * 1000,
            )
        table.hold(gateway.database.cursor(row_factory=tuple_row).execute, limit)
        assert len(gateway.rows("SELECT 1 FROM sessions_app_traceframe WHERE session_id = %s", session)) == left
