"""Sessions that end at a bad moment: nothing speaks to what is gone, and nobody is left waiting.

docs/defects.md names what each of these guards against.
"""

from __future__ import annotations

import pytest

from protocols.msrp.connection import MsrpConnection
from sessions_app.gateway.recovery import Inheritance
from sessions_app.store.estate import Estate
from tests.gateway.rig import CHAT, PAGE, Rig
from tests.gateway.test_inheritance import owed


def live(rig: Rig, user: str, path: str) -> tuple[object, MsrpConnection]:
    """A session that this user of the message side began: its INVITE and its connection."""
    rig.message("first", user=user)
    invite = rig.flow.take("INVITE")
    rig.accept(invite, path)
    connection = rig.connect() if rig.dialled else rig.connections[-1]
    rig.msrp_ok(connection)
    assert answers(rig) == ["200"]
    return invite, connection


def answers(rig: Rig) -> list[str]:
    """The status codes of final answers to the message side so far, in order; they are taken away."""
    found = [data for data, to in rig.flow.sent if to == PAGE and data.startswith(b"SIP/2.0 ")]
    rig.flow.sent = [each for each in rig.flow.sent if each[0] not in found]
    return [data.split(b" ", 2)[1].decode() for data in found if b" 1" not in data[:9]]


def transaction_of(data: bytes) -> tuple[str, str, str]:
    """Transaction id, To-Path and From-Path of the only SEND in ``data``."""
    lines = data.decode().split("\r\n")
    return lines[0].split(" ")[1], lines[1].partition(": ")[2], lines[2].partition(": ")[2]


def late_answer(data: bytes, code: int = 200) -> bytes:
    tid, to, own = transaction_of(data)
    return f"MSRP {tid} {code} OK\r\nTo-Path: {own}\r\nFrom-Path: {to}\r\n-------{tid}$\r\n".encode()


@pytest.mark.parametrize("hours", [1, 3, 24 * 365])
def test_a_new_session_is_not_silent_however_long_the_process_has_run(hours):
    """Neither one that a MESSAGE began nor one that an INVITE began has a time of its own yet."""
    rig = Rig()
    rig.gateway.advance(rig.now + hours * 3600)
    rig.now += hours * 3600
    live(rig, "alice", "msrp://127.0.0.1:2900/one;tcp")
    rig.receive(
        "INVITE sip:alice@127.0.0.1:5080 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5090;branch=z9hG4bKi1\r\n"
        "Max-Forwards: 70\r\nFrom: <sip:carol@127.0.0.1:5090>;tag=1\r\nTo: <sip:alice@127.0.0.1:5080>\r\n"
        "Call-ID: i1\r\nCSeq: 1 INVITE\r\nContact: <sip:carol@127.0.0.1:5090>\r\nContent-Type: application/sdp\r\n\r\n"
        "v=0\r\no=x 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=message 2900 TCP/MSRP *\r\n"
        "a=accept-types:*\r\na=path:msrp://127.0.0.1:2900/two;tcp\r\na=setup:active\r\n",
        ("127.0.0.1", 5090),
    )
    gateway = rig.gateway
    assert len(gateway.by_id) == 2
    assert [gateway.expire_session(identity) for identity in list(gateway.by_id)] == ["not silent any more"] * 2
    assert len(gateway.by_id) == 2


def test_a_session_that_is_ended_for_silence_has_ended_and_not_failed():
    rig = Rig(session_timeout=100, message_timeout=0)
    invite, _ = live(rig, "alice", "msrp://127.0.0.1:2900/one;tcp")
    [identity] = rig.gateway.by_id
    session = rig.gateway.by_id[identity]
    session.last_message_at -= 101
    session.last_send_at -= 101
    assert rig.gateway.expire_session(identity) == "both sides silent for 100 s"
    rig.advance(1)
    assert rig.flow.take("BYE").call_id == invite.call_id
    assert rig.store.sessions[identity]["state"] == "ended"
    assert rig.store.sessions[identity]["end_reason"] == "both sides silent for 100 s"
    assert rig.store.failures == []


def test_all_sessions_of_a_lost_connection_end_at_once():
    """Each of them leaves the tables that are gone through, while they are gone through."""
    rig = Rig()
    calls = {live(rig, f"user{number}", f"msrp://127.0.0.1:2900/peer{number};tcp")[0].call_id for number in range(20)}
    [connection] = rig.connections
    rig.gateway.msrp_side.lost(connection)
    assert {rig.flow.take("BYE").call_id for _ in range(20)} == calls
    assert rig.gateway.by_id == {}
    assert rig.gateway.sessions == {}


def test_all_sessions_end_at_once_when_the_gateway_stops():
    rig = Rig()
    calls = {live(rig, f"user{number}", f"msrp://127.0.0.1:2900/peer{number};tcp")[0].call_id for number in range(20)}
    rig.gateway.drain()
    assert {rig.flow.take("BYE").call_id for _ in range(20)} == calls
    assert rig.gateway.by_id == {}


def test_a_session_ended_while_it_is_set_up_hears_no_more_of_its_invite():
    """The 200 that comes all the same is acknowledged and hung up, by nobody's session."""
    rig = Rig()
    rig.message("hello")
    invite = rig.flow.take("INVITE")
    [identity] = rig.gateway.by_id
    assert rig.gateway.end_session(identity, "admin") == "ended"
    assert answers(rig) == ["480"]
    assert rig.gateway.by_id == {}
    rig.accept(invite)
    assert rig.flow.take("ACK").call_id == invite.call_id
    assert rig.flow.take("BYE").call_id == invite.call_id
    rig.advance(100, step=1)
    assert rig.dialled == []
    assert rig.store.sessions[identity]["state"] == "failed"


def test_an_answer_to_a_send_of_a_session_that_is_gone_is_nobodys():
    rig = Rig()
    invite, connection = live(rig, "alice", "msrp://127.0.0.1:2900/one;tcp")
    live(rig, "carol", "msrp://127.0.0.1:2900/two;tcp")
    rig.message("under way")
    sent = connection.take_output(rig.now)
    rig.bye(invite)
    rig.gateway.msrp_side.handle(connection.receive(late_answer(sent), rig.now))
    rig.advance(40)  # the timer of its transaction passes as well
    answered = [code for code in answers(rig) if code != "200"]
    assert len(answered) <= 1
    rig.message("still there", user="carol")
    rig.msrp_ok(connection)
    assert answers(rig)[-1] == "200"


def test_every_message_that_waited_is_answered_when_the_connection_breaks_under_it():
    """They are offered anew and called anew before they are given up; all of that is refused here."""
    rig = Rig()
    for number in range(3):
        rig.message(f"number {number}")
    rig.accept(rig.flow.take("INVITE"))
    connection = rig.connect()
    connection.take_output(rig.now)
    rig.gateway.msrp_side.lost(connection)
    for _ in range(20):
        rig.advance(0.25)
        if any(data.startswith(b"INVITE") for data, _ in rig.flow.sent):
            rig.answer(rig.flow.take("INVITE"), 486, "Busy Here")
    assert answers(rig) == ["480"] * 3
    assert rig.gateway.by_id == {}


CALL = (
    "INVITE sip:alice@127.0.0.1:5080 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5090;branch=z9hG4bKi1\r\n"
    "Max-Forwards: 70\r\nFrom: <sip:bob@127.0.0.1:5090>;tag=1\r\nTo: <sip:alice@127.0.0.1:5080>\r\n"
    "Call-ID: i1\r\nCSeq: 1 INVITE\r\nContact: <sip:bob@127.0.0.1:5090>\r\nContent-Type: application/sdp\r\n\r\n"
    "v=0\r\no=x 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=message 2900 TCP/MSRP *\r\n"
    "a=accept-types:*\r\na=path:msrp://127.0.0.1:2900/two;tcp\r\na=setup:active\r\n"
)
"""Bob, the chat side, calls alice."""


def hang_up(rig: Rig) -> None:
    """The chat side gives its call up."""
    tag = rig.flow.take("SIP/2.0 200").to.tag
    for method, cseq in (("ACK", 1), ("BYE", 2)):
        rig.receive(
            f"{method} sip:gw@127.0.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5090;branch=z9hG4bK{method}\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:bob@127.0.0.1:5090>;tag=1\r\nTo: <sip:alice@127.0.0.1:5080>;tag={tag}\r\n"
            f"Call-ID: i1\r\nCSeq: {cseq} {method}\r\n\r\n",
            CHAT,
        )


def message_ids(data: bytes) -> list[bytes]:
    return [part.split(b"\r\n")[0] for part in data.split(b"Message-ID: ")[1:]]


def under_way(rig: Rig) -> list[bytes]:
    """A SEND of a live session that has no answer yet, so that it may have arrived; its Message-ID."""
    _, connection = live(rig, "alice", "msrp://127.0.0.1:2900/one;tcp")
    rig.message("under way")
    return message_ids(connection.take_output(rig.now))


def test_what_waits_in_a_call_of_the_peers_that_is_given_up_is_called_for():
    """The call had replaced the session where it was on its way, and its end says nothing of the message."""
    rig = Rig()
    sent = under_way(rig)
    rig.receive(CALL, CHAT)
    hang_up(rig)
    assert answers(rig) == []
    assert [failure["detail"] for failure in rig.store.failures] == ["BYE before the session was live"]
    rig.accept(rig.flow.take("INVITE"))
    assert message_ids(rig.connect().take_output(rig.now)) == sent


def test_it_is_called_for_once():
    rig = Rig()
    under_way(rig)
    rig.receive(CALL, CHAT)
    hang_up(rig)
    invite = rig.flow.take("INVITE")
    rig.accept(invite)
    rig.bye(invite)
    assert answers(rig) == ["500"]
    assert rig.gateway.sessions == {}


def test_what_a_process_before_may_have_delivered_is_called_for_once_more_when_that_call_is_hung_up():
    rig = Rig()
    Inheritance(rig.gateway, Estate(owed=[owed("one")])).go()
    for tries in (1, 0):
        invite = rig.flow.take("INVITE")
        rig.accept(invite)
        rig.bye(invite)
        assert len(rig.gateway.sessions) == tries
    assert [outcome.split("\t")[1] for outcome in rig.store.outcomes] == ["failed"]


def test_what_was_never_on_its_way_fails_with_the_call_that_is_hung_up():
    rig = Rig()
    rig.message("hello")
    invite = rig.flow.take("INVITE")
    rig.accept(invite)
    rig.bye(invite)
    assert answers(rig) == ["500"]
    assert [data for data, _ in rig.flow.sent if data.startswith(b"INVITE")] == []


def test_a_message_that_comes_during_a_call_of_the_peers_is_called_for_when_that_is_given_up():
    rig = Rig()
    rig.receive(CALL, CHAT)
    rig.message("hello")
    hang_up(rig)
    rig.accept(rig.flow.take("INVITE"))
    rig.msrp_ok(rig.connect())
    assert answers(rig)[-1] == "200"
