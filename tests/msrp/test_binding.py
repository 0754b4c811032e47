"""Which connection carries which session, and who may use it (RULEBOOK S14-S17, D32)."""

from __future__ import annotations

import pytest

from protocols.msrp.endpoint import MsrpEndpoint
from protocols.msrp.errors import MsrpError, MsrpUriError
from protocols.msrp.events import (
    BindTimeout,
    ConnectionFault,
    MessageReceived,
    SendOutcome,
    SessionBound,
    SessionLost,
)
from tests.msrp.peers import OURS, PEER, Pair, Passive, answer, bind_request, message, request, requests, responses


def test_s15_the_first_send_binds_and_is_answered():
    gateway = Passive()
    assert gateway.receive(bind_request()) == [SessionBound(gateway.session, gateway.connection)]
    assert responses(gateway.output()) == [("66b5d6b146059f92", 200)]
    assert gateway.session.bound


def test_s15_the_first_send_may_carry_content():
    gateway = Passive()
    kinds = [type(event) for event in gateway.receive(message("abcd", b"hello"))]
    assert kinds == [SessionBound, MessageReceived]


def test_a_browser_stack_binds_with_a_success_report():
    gateway = Passive()
    gateway.receive(request("2bzs39va", "SEND", "Message-ID: 4004434208.s7gk36r3", "Success-Report: yes",
                            "Failure-Report: yes", "Byte-Range: 1-0/0"))  # fmt: skip
    data = gateway.output()
    assert responses(data) == [("2bzs39va", 200)]
    [report] = requests(data)
    assert report.headers["byte-range"] == "1-0/0"
    assert report.headers["status"] == "000 200 OK"
    assert report.headers["message-id"] == "4004434208.s7gk36r3"


def test_s16_unknown_session_481():
    gateway = Passive()
    assert gateway.receive(bind_request(to="msrp://gw.example.com:2855/nobody;tcp")) == []
    assert responses(gateway.output()) == [("66b5d6b146059f92", 481)]
    assert gateway.connection.idle


@pytest.mark.parametrize(
    "to",
    [
        OURS.replace("gateway0", "GATEWAY0"),  # session-ids are case-sensitive
        OURS.replace(":2855", ":2856"),
        OURS.replace("msrp:", "msrps:"),
        OURS + " " + OURS,  # exactly one URI
        "nonsense",
    ],
)
def test_s1_s16_to_path_must_be_ours(to):
    gateway = Passive()
    gateway.receive(bind_request(to=to))
    assert responses(gateway.output())[0][1] == 481
    assert not gateway.session.bound


def test_s1_to_path_and_from_path_are_compared_as_uris():
    gateway = Passive()
    gateway.receive(bind_request(to=OURS.replace("gw.example", "GW.Example"), frm=PEER.replace("tcp", "TCP")))
    assert gateway.session.bound


def test_s16_bound_elsewhere_506():
    gateway = Passive().bound()
    second = gateway.endpoint.create_connection(outbound=False)
    assert second.receive(bind_request("abcd"), 1.0) == []
    assert responses(second.take_output()) == [("abcd", 506)]
    assert gateway.session.connection is gateway.connection


def test_s16_a_connection_that_is_gone_frees_the_session():
    gateway = Passive().bound()
    assert gateway.connection.lost(1.0) == [SessionLost(gateway.session, "connection lost")]
    second = gateway.endpoint.create_connection(outbound=False)
    second.receive(bind_request("abcd"), 2.0)
    assert gateway.session.connection is second


@pytest.mark.parametrize(
    "frm", ["msrp://mallory.example.com:1/x;tcp", PEER.replace("9di4", "9DI4"), f"{PEER} {PEER}", "nonsense"]
)
def test_d32_from_path_must_be_the_negotiated_one(frm):
    gateway = Passive()
    assert gateway.receive(bind_request(frm=frm)) == []
    assert responses(gateway.output()) == [("66b5d6b146059f92", 481)]
    assert not gateway.session.bound
    gateway.bound()
    assert gateway.receive(message("abcd", b"hijack", frm=frm)) == []
    assert responses(gateway.output()) == [("abcd", 481)]


def test_s7_a_path_of_two_uris():
    gateway = Passive()
    path = ("msrp://relay.example.com:2855/r1;tcp", PEER)
    gateway.session.set_peer(path)
    gateway.receive(bind_request("abcd", frm=PEER))
    assert responses(gateway.output()) == [("abcd", 481)]
    gateway.receive(bind_request("abce", frm=" ".join(path)))
    data = gateway.output()
    assert responses(data) == [("abce", 200)]
    assert f"To-Path: {path[0]}\r\n".encode() in data  # S29: to the previous hop only
    gateway.session.send("message-1", "text/plain", b"x", now=1.0)
    assert requests(gateway.output())[0].to_path == " ".join(path)


def test_s16_many_sessions_on_one_connection():
    gateway = Passive().bound()
    other = gateway.endpoint.create_session(OURS.replace("gateway0", "other"))
    other.set_peer((PEER + ";x=1",))
    events = gateway.receive(bind_request("abcd", to=other.local_text))
    assert events == [SessionBound(other, gateway.connection)]
    assert list(gateway.connection.sessions) == [gateway.session, other]
    other.close(1.0)
    assert not gateway.connection.idle
    gateway.session.close(1.0)
    gateway.output()
    assert gateway.connection.idle  # S19: now it may be closed


def test_a_peer_may_connect_before_its_answer_is_read():
    gateway = Passive()
    early = gateway.endpoint.create_session(OURS.replace("gateway0", "early"))
    gateway.receive(bind_request("abcd", to=early.local_text))
    assert early.bound
    gateway.receive(bind_request("abce", to=early.local_text, frm=PEER.replace("alicepc", "mallory")))
    assert responses(gateway.output()) == [("abcd", 200), ("abce", 481)]
    assert early.set_peer((PEER,)) is True
    assert early.bound


def test_d32_an_early_binding_that_was_not_the_peer_is_undone():
    gateway = Passive()
    early = gateway.endpoint.create_session(OURS.replace("gateway0", "early"))
    gateway.receive(bind_request("abcd", to=early.local_text, frm=PEER.replace("alicepc", "mallory")))
    assert early.set_peer((PEER,)) is False
    assert not early.bound


def test_only_a_send_binds():
    gateway = Passive()
    gateway.receive(request("abcd", "REPORT", "Message-ID: m123", "Status: 000 200 OK"))
    gateway.receive(request("abce", "PING"))
    assert responses(gateway.output()) == [("abce", 501)]
    assert not gateway.session.bound


def test_s15_the_active_side_sends_at_once():
    pair = Pair()
    here, there = pair.session()
    [bind] = requests(pair.out.take_output(0.0))
    assert (bind.method, bind.body, bind.headers["byte-range"]) == ("SEND", None, "1-0/0")
    assert bind.to_path == there.local_text
    assert "content-type" not in bind.headers
    assert here.bound


def test_s15_the_bind_is_confirmed_by_its_200():
    pair = Pair()
    here, there = pair.session()
    pair.run()
    assert pair.left_events == [SessionBound(here, pair.out)]
    assert pair.right_events == [SessionBound(there, pair.into)]


def test_s15_content_may_bind():
    pair = Pair()
    ours = "msrp://left.example.com:2855/abcdef;tcp"
    theirs = "msrp://right.example.com:2855/ghijkl;tcp"
    here, there = pair.left.create_session(ours), pair.right.create_session(theirs)
    here.set_peer((theirs,))
    there.set_peer((ours,))
    here.attach(pair.out, 0.0, bind=False)
    here.send("message-1", "text/plain", b"hello", now=0.0)
    pair.run()
    assert [type(event) for event in pair.left_events] == [SessionBound, SendOutcome]
    assert [type(event) for event in pair.right_events] == [SessionBound, MessageReceived]


@pytest.mark.parametrize("code", [481, 506])
def test_s31_a_refused_bind_loses_the_session(code):
    pair = Pair()
    here, _ = pair.session()
    [bind] = requests(pair.out.take_output(0.0))
    sent = here.send("message-1", "text/plain", b"hello", now=0.0)
    events = pair.out.receive(answer(bind.tid, code, "No"), 1.0)
    assert events == [
        SendOutcome(here, sent, None, f"bind refused: {code} No", "connection"),
        SessionLost(here, f"bind refused: {code} No", code),
    ]
    assert not here.bound
    assert not here.pending


def test_bind_timeout_of_the_active_side():
    pair = Pair()
    here, _ = pair.session()
    assert pair.left.next_deadline() is None  # S26: the timer starts when the last byte is handed out
    pair.out.take_output(5.0)
    assert pair.left.next_deadline() == 35.0
    assert pair.left.expire(34.9) == []
    assert pair.left.expire(35.0) == [BindTimeout(here)]
    assert not here.bound


def test_bind_timeout_of_the_passive_side():
    gateway = Passive()
    gateway.session.await_bind(10.0)
    assert gateway.endpoint.next_deadline() == 40.0
    assert gateway.endpoint.expire(40.0) == [BindTimeout(gateway.session)]
    gateway.session.await_bind(50.0)
    gateway.receive(bind_request(), 51.0)
    assert gateway.endpoint.next_deadline() is None


def test_an_accepted_connection_that_binds_nothing_is_reported():
    endpoint = MsrpEndpoint()
    silent = endpoint.create_connection(outbound=False, now=0.0)
    gone = endpoint.create_connection(outbound=False, now=0.0)
    gone.lost(1.0)
    assert endpoint.expire(30.0) == [ConnectionFault(silent, "no session was bound in time")]


def test_s17_a_lost_connection_fails_all_its_sessions():
    pair = Pair()
    first, _ = pair.session()
    second, _ = pair.session()
    pair.run()
    sent = first.send("message-1", "text/plain", b"hello", now=2.0)
    queued = second.send("message-2", "text/plain", b"x" * 5000, now=2.0)
    assert pair.out.lost(3.0) == [
        SendOutcome(first, sent, None, "connection lost", "connection"),
        SessionLost(first, "connection lost"),
        SendOutcome(second, queued, None, "connection lost", "connection"),
        SessionLost(second, "connection lost"),
    ]
    assert pair.left.next_deadline() is None
    assert pair.out.take_output() == b""
    assert pair.out.receive(bind_request(), 4.0) == []
    assert pair.out.lost(5.0) == []


def test_sessions_need_a_usable_and_unused_uri():
    endpoint = MsrpEndpoint()
    endpoint.create_session(OURS)
    with pytest.raises(MsrpError):
        endpoint.create_session(OURS)  # S3
    with pytest.raises(MsrpError):
        endpoint.create_session("msrp://gw.example.com:2855;tcp")
    with pytest.raises(MsrpUriError):
        endpoint.create_session("nonsense")


def test_attach_needs_a_peer_and_one_connection():
    pair = Pair()
    lonely = pair.left.create_session(OURS)
    with pytest.raises(MsrpError):
        lonely.attach(pair.out, 0.0)
    here, _ = pair.session()
    with pytest.raises(MsrpError):
        here.attach(pair.left.create_connection(outbound=True), 0.0)
    here.close(0.0)
    with pytest.raises(MsrpError):
        here.attach(pair.out, 0.0)


REFUSED = (
    "MSRP refuse01 SEND\r\nTo-Path: msrp://192.0.2.1:2855/nobody;tcp\r\nFrom-Path: msrp://192.0.2.2:2855/me;tcp\r\n"
    "Message-ID: whatever\r\n-------refuse01$\r\n"
)


def test_a_connection_of_nobody_that_has_nothing_but_refused_requests_is_closed() -> None:
    endpoint = MsrpEndpoint()
    connection = endpoint.create_connection(outbound=False)
    events = connection.receive(REFUSED.encode() * 1000, 0.0)
    assert [type(event) for event in events] == [ConnectionFault]
    assert connection.take_output().count(b" 481 ") == endpoint.limits.max_refusals + 1
    assert connection.receive(REFUSED.encode(), 0.0) == []


def test_one_that_carries_a_session_is_not_closed_for_what_others_send_into_the_void() -> None:
    gateway = Passive()
    gateway.receive(bind_request())
    gateway.output()
    gateway.receive(REFUSED.encode() * 100)
    assert gateway.connection.live
    assert gateway.output().count(b" 481 ") == 100


def test_refusals_before_the_session_came_are_forgiven() -> None:
    endpoint = MsrpEndpoint()
    session = endpoint.create_session("msrp://192.0.2.1:2855/somebody;tcp")
    connection = endpoint.create_connection(outbound=False)
    for _ in range(3):
        connection.receive(REFUSED.encode() * 5, 0.0)
        connection.bind(session)
        connection.unbind(session)
    assert connection.live


RELAYED = "msrp://192.0.2.9:2855/relay;tcp msrp://192.0.2.2:2855/peer;tcp"


def relayed(remote: str = "192.0.2.9") -> tuple[MsrpEndpoint, object, object, object]:
    """A session whose peer is behind a relay, bound to our connection to that; and a second connection."""
    endpoint = MsrpEndpoint()
    session = endpoint.create_session("msrp://192.0.2.1:2855/us;tcp")
    session.set_peer(RELAYED)
    first = endpoint.create_connection(True, 0.0, "192.0.2.9")
    session.attach(first, 0.0)
    return endpoint, session, first, endpoint.create_connection(False, 0.0, remote)


def from_peer(method: str = "SEND", path: str = RELAYED, rest: str = "Byte-Range: 1-2/2\r\n") -> bytes:
    body = "Content-Type: text/plain\r\n\r\nhi\r\n" if method == "SEND" else ""
    return (
        f"MSRP second01 {method}\r\nTo-Path: msrp://192.0.2.1:2855/us;tcp\r\nFrom-Path: {path}\r\n"
        f"Message-ID: behind01\r\n{rest}{body}-------second01$\r\n"
    ).encode()


def test_a_relay_may_speak_for_its_peer_on_a_connection_of_its_own() -> None:
    endpoint, session, first, second = relayed()
    events = second.receive(from_peer(), 1.0)
    assert [type(event) for event in events] == [SessionBound, MessageReceived]
    events[1].incoming.respond(200)
    assert b"MSRP second01 200 " in second.take_output()
    assert session.connection is first
    [report] = second.receive(from_peer("REPORT", rest="Byte-Range: 1-5/5\r\nStatus: 000 200 OK\r\n"), 1.0)
    assert (report.session, report.code) == (session, 200)
    assert endpoint.expire(40.0) == []
    assert second.live


@pytest.mark.parametrize(
    ("remote", "path", "code"),
    [("192.0.2.66", RELAYED, 506), ("", RELAYED, 506), ("192.0.2.9", "msrp://192.0.2.2:2855/peer;tcp", 481)],
)
def test_nobody_else_may_nor_the_relay_for_another_peer(remote: str, path: str, code: int) -> None:
    _, _, _, second = relayed(remote)
    assert second.receive(from_peer(path=path), 1.0) == []
    assert b"MSRP second01 %d " % code in second.take_output()
    assert second.guests == {}


def test_a_peer_without_a_relay_has_one_connection() -> None:
    _, session, _, second = relayed()
    session.set_peer("msrp://192.0.2.9:2855/peer;tcp")
    second.receive(from_peer(path="msrp://192.0.2.9:2855/peer;tcp"), 1.0)
    assert b" 506 " in second.take_output()


def test_both_connections_go_some_time_after_their_last_session() -> None:
    endpoint, session, first, second = relayed()
    second.receive(from_peer(), 1.0)
    session.close(100.0)
    endpoint.now = 100.0
    assert [event.connection for event in endpoint.expire(131.0) if isinstance(event, ConnectionFault)] == [
        first,
        second,
    ]
    assert (second.guests, session.lodgings) == ({}, None)


def test_when_a_second_connection_is_lost_the_session_stays() -> None:
    _, session, first, second = relayed()
    second.receive(from_peer(), 1.0)
    assert second.lost(2.0) == []
    assert session.connection is first
    assert session.lodgings is None
