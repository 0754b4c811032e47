"""A restarted gateway: what comes before it can speak itself is known again, or waits behind what is owed."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from protocols.msrp.connection import MsrpConnection
from sessions_app.gateway.duplicates import OF_EARLIER_PROCESS
from sessions_app.gateway.recovery import Inheritance
from sessions_app.store.estate import Estate, Ghost, Owed
from tests.gateway.rig import PAGE, Rig

KEY = "sip:alice@127.0.0.1:5080 sip:bob@127.0.0.1:5090"
PAST = {
    "session": "018f0000-0000-7000-8000-000000000001",
    "key": KEY,
    "initiator": "message",
    "from_uri": "sip:alice@127.0.0.1:5080",
    "to_uri": "sip:bob@127.0.0.1:5090",
    "ruri": "sip:bob@127.0.0.1:5090",
    "content_types": "text/plain",
    "next_hop": "",
    "back_hop": "",
    "route": "",
    "source": "127.0.0.1",
    "to_msrp": 3,
    "to_page": 5,
    "undelivered": 1,
}
DIALOG = {
    "call_id": "before",
    "local_tag": "ours",
    "remote_tag": "theirs",
    "local": "<sip:alice@127.0.0.1:5080>",
    "remote": "<sip:bob@127.0.0.1:5090>",
    "remote_target": "sip:bob@127.0.0.1:5090",
    "local_cseq": 1,
    "remote_cseq": None,
    "route_set": [],
}


def owed(body: str) -> Owed:
    """A MESSAGE that was answered 202."""
    return Owed(
        **PAST,
        id=f"018f0000-0000-7000-8000-{int.from_bytes(body.encode()[:4]):012x}",
        direction="to_msrp",
        call_id=f"call of {body}",
        message_id=f"id-of-{body}",
        content_type="text/plain",
        body=body.encode(),
        subject="",
        imdn_id="",
        notify="",
        received_at=time.time(),
        expires_at=None,
    )


def ghost() -> Ghost:
    """Its session, whose dialog the peer still has."""
    return Ghost(
        **PAST, dialog=DIALOG, state="live", created_at=980.0
    )  # fmt: skip


def bodies(rig: Rig) -> list[bytes]:
    """Of the SENDs that go out, in order."""
    data = rig.connections[-1].take_output(rig.now)
    return [part.split(b"\r\n\r\n")[1].split(b"\r\n-------")[0] for part in data.split(b"MSRP ")[1:] if b"SEND" in part]


def test_a_message_that_comes_first_goes_out_after_what_is_owed() -> None:
    """Senders repeat themselves the moment the socket is there, which is before the gateway can call."""
    rig = Rig()
    inheritance = Inheritance(rig.gateway, Estate(owed=[owed("one"), owed("two")]))
    rig.message("three")
    assert inheritance.go() == 2
    rig.accept(rig.flow.take("INVITE"))
    rig.connect()
    assert bodies(rig) == [b"one", b"two", b"three"]


def test_the_same_where_the_peer_still_has_the_dialog() -> None:
    rig = Rig()
    rig.store.sessions[PAST["session"]] = {}
    inheritance = Inheritance(rig.gateway, Estate(ghosts=[ghost()], owed=[owed("one")]))
    rig.message("two")
    inheritance.go()
    again = rig.flow.take("INVITE")
    assert again.call_id == "before"
    rig.accept(again)
    rig.connect()
    assert bodies(rig) == [b"one", b"two"]


def test_a_session_that_owes_both_sides_counts_what_it_delivers_once() -> None:
    """It is one row, so it has to be one object: two would write their own counters over each other's."""
    rig = Rig()
    rig.store.sessions[PAST["session"]] = {}
    back = replace(owed("back"), direction="to_page", call_id="call-of-back")
    Inheritance(rig.gateway, Estate(ghosts=[ghost()], owed=[owed("one"), back])).go()
    rig.answer(rig.flow.take("MESSAGE"), 200, "OK", source=PAGE)
    rig.accept(rig.flow.take("INVITE"))
    rig.msrp_ok(rig.connect())
    rig.advance(60)
    row = rig.store.sessions[PAST["session"]]
    assert (row["to_msrp"], row["to_page"], row["undelivered"]) == (4, 6, 1)


def test_a_repeat_of_what_was_taken_before_gets_its_answer_and_goes_nowhere() -> None:
    rig = Rig()
    rig.message("one")
    rig.accept(rig.flow.take("INVITE"))
    sent = rig.connect().take_output(rig.now)
    message_id = sent.partition(b"Message-ID: ")[2].split(b"\r\n")[0].decode()

    restarted = Rig()
    inheritance = Inheritance(restarted.gateway, Estate(seen=[("to_msrp", KEY, message_id, "delivered", 200)]))
    restarted.message("one")
    assert restarted.flow.take("SIP/2.0 200").cseq.method == "MESSAGE"
    inheritance.go()
    assert [data for data, _ in restarted.flow.sent if data.startswith(b"INVITE")] == []


def test_what_an_inheriting_process_has_under_way_itself_does_not_overtake_what_it_inherits() -> None:
    rig = Rig()
    rig.message("three")
    invite = rig.flow.take("INVITE")
    Inheritance(rig.gateway, Estate(owed=[owed("one"), owed("two")])).go()
    rig.accept(invite)
    rig.connect()
    assert bodies(rig) == [b"one", b"two", b"three"]


def to_page(rig: Rig, message_id: str) -> MsrpConnection:
    """The chat side sends a message; the MESSAGE that it becomes is answered 482."""
    [session] = rig.gateway.by_id.values()
    [connection] = rig.connections
    connection.take_output(rig.now)
    send = (
        f"MSRP tid1 SEND\r\nTo-Path: {session.local_path}\r\nFrom-Path: {session.msrp.peer_path[0]}\r\n"
        f"Message-ID: {message_id}\r\nSuccess-Report: yes\r\nByte-Range: 1-2/2\r\nContent-Type: text/plain\r\n\r\n"
        "hi\r\n-------tid1$\r\n"
    )
    rig.gateway.msrp_side.handle(connection.receive(send.encode(), rig.now))
    rig.advance(0.01)
    rig.answer(rig.flow.take("MESSAGE"), 482, "Merged Request", source=PAGE)
    return connection


def test_482_soon_after_a_start_is_no_failure_and_no_success() -> None:
    """The process before may have sent it, and left no trace (RFC 3261 s8.2.2.2)."""
    rig = Rig()
    rig.message("first")
    rig.accept(rig.flow.take("INVITE"))
    rig.msrp_ok(rig.connect())
    said = to_page(rig, "repeated").take_output(rig.now)
    assert b"MSRP tid1 200 " in said
    assert b"REPORT" not in said
    assert rig.store.messages[-1].split("\t")[3] == "accepted"


def test_482_later_is_a_failure() -> None:
    rig = Rig()
    rig.message("first")
    rig.accept(rig.flow.take("INVITE"))
    rig.msrp_ok(rig.connect())
    rig.advance(OF_EARLIER_PROCESS + 1)
    assert b"MSRP tid1 400 " in to_page(rig, "looping").take_output(rig.now)


def test_the_counters_of_a_past_session_go_on_from_where_they_were() -> None:
    rig = Rig()
    rig.store.sessions[PAST["session"]] = {}
    kept = replace(owed("reply"), direction="to_page", call_id="reply")
    assert Inheritance(rig.gateway, Estate(owed=[kept])).go() == 1
    rig.answer(rig.flow.take("MESSAGE"), 200, source=PAGE)
    rig.advance(1)
    written = rig.store.sessions[PAST["session"]]
    assert (written["to_msrp"], written["to_page"], written["undelivered"]) == (3, 6, 1)


HOSTILE = {
    "a transport without a value": {"remote_target": "sip:bob@127.0.0.1:5090;transport"},
    "a route whose transport has no value": {"route_set": ["<sip:127.0.0.1:5090;lr;transport>"]},
}
UNUSABLE = {
    "a target that is no URI": {"remote_target": "sip:"},
    "a target of another kind": {"remote_target": None},
    "a route that is none": {"route_set": ["<"]},
    "routes of another kind": {"route_set": 7},
    "a CSeq that is text": {"local_cseq": "1"},
    "a column that nobody knows": {"colour": "red"},
    "an address that is none": {"remote": '"'},
}
OTHER = "018f0000-0000-7000-8000-0000000000ff"


def left_by(changes: dict, **past: str) -> Ghost:
    """A session with a dialog in which something is not as it was."""
    return replace(ghost(), **past, dialog={**DIALOG, **changes})


@pytest.mark.parametrize("changes", [*HOSTILE.values(), *UNUSABLE.values()], ids=[*HOSTILE, *UNUSABLE])
def test_what_one_peer_wrote_into_its_dialog_keeps_nobody_else_from_being_taken_up(changes: dict) -> None:
    rig = Rig()
    rig.store.sessions = {PAST["session"]: {}, OTHER: {}}
    sound = replace(owed("sound"), key=f"{KEY}2", session=OTHER)
    other = replace(ghost(), key=f"{KEY}2", session=OTHER, dialog={**DIALOG, "call_id": "sound"})
    estate = Estate(ghosts=[left_by(changes), other], owed=[owed("hostile"), sound])
    assert Inheritance(rig.gateway, estate).go() == 2
    invites = {rig.flow.take("INVITE").call_id for _ in range(2)}
    assert "sound" in invites
    assert ("before" in invites) == (changes in HOSTILE.values())  # else it is called by a new dialog


@pytest.mark.parametrize("changes", [*HOSTILE.values(), *UNUSABLE.values()], ids=[*HOSTILE, *UNUSABLE])
def test_a_session_that_owes_nothing_ends_whatever_its_dialog_holds(changes: dict) -> None:
    rig = Rig()
    rig.store.sessions = {PAST["session"]: {}, OTHER: {}}
    other = replace(ghost(), key=f"{KEY}2", session=OTHER, dialog={**DIALOG, "call_id": "sound"})
    Inheritance(rig.gateway, Estate(ghosts=[left_by(changes), other])).go()
    assert {row["state"] for row in rig.store.sessions.values()} == {"ended"}
    byes = {data.partition(b"Call-ID: ")[2].partition(b"\r\n")[0] for data, _ in rig.flow.sent if data[:3] == b"BYE"}
    assert b"sound" in byes
    assert (b"before" in byes) == (changes in HOSTILE.values())


def test_a_stored_body_that_cannot_be_read_any_more_goes_out_as_it_is() -> None:
    rig = Rig()
    broken = replace(owed("no CPIM at all"), content_type="message/cpim", message_id="id-of-broken")
    Inheritance(rig.gateway, Estate(owed=[broken, owed("sound")])).go()
    rig.accept(rig.flow.take("INVITE"))
    rig.connect()
    assert bodies(rig) == [b"no CPIM at all", b"sound"]
