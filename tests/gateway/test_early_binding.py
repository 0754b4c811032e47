"""A session is live once the peer's description is read and it is bound, whichever comes first (RFC 4975 s5.4)."""

from __future__ import annotations

from typing import Any

import pytest

from protocols.msrp.connection import MsrpConnection
from tests.gateway.rig import Rig

PEER = "msrp://127.0.0.1:2900/abcdefghij;tcp"
OTHER = "msrp://127.0.0.1:2901/klmnopqrst;tcp"


class Early(Rig):
    """The chat side is the active one, and its TCP may overtake its UDP."""

    def path_of(self, invite: Any) -> str:
        return invite.body.partition(b"a=path:")[2].partition(b"\r\n")[0].decode()

    def comes_in(self) -> MsrpConnection:
        connection = self.gateway.endpoint.create_connection(False, self.now, "127.0.0.1")
        self.connections.append(connection)
        return connection

    def bind(self, connection: MsrpConnection, to: str, path: str = PEER) -> bytes:
        """The chat side's first SEND; what it is answered."""
        send = (
            f"MSRP bind0001 SEND\r\nTo-Path: {to}\r\nFrom-Path: {path}\r\nMessage-ID: bindbindbind\r\n"
            "Byte-Range: 1-0/0\r\n-------bind0001$\r\n"
        )
        self.gateway.msrp_side.handle(connection.receive(send.encode(), self.now))
        return connection.take_output(self.now)

    def accept_active(self, invite: Any, path: str = PEER) -> None:
        body = (
            "v=0\r\no=x 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=message 2900 TCP/MSRP *\r\n"
            f"a=accept-types:*\r\na=path:{path}\r\na=setup:active\r\n"
        )
        extra = "Contact: <sip:bob@127.0.0.1:5090>\r\nContent-Type: application/sdp\r\n"
        self.answer(invite, 200, extra=extra, body=body)

    def answers(self) -> list[str]:
        """Status codes of the answers to MESSAGEs so far."""
        return [data[8:11].decode() for data, _ in self.flow.sent if data.startswith(b"SIP/2.0") and b"MESSAGE" in data]


@pytest.mark.parametrize("later", [0.0, 0.03, 2.0, 9.0])
def test_a_bind_before_the_answer_is_held_and_the_waiting_messages_go_out_with_the_answer(later: float) -> None:
    rig = Early()
    rig.message("early bird")
    rig.message("second")
    invite = rig.flow.take("INVITE")
    connection = rig.comes_in()
    assert b" 200 OK" in rig.bind(connection, rig.path_of(invite))
    rig.advance(later)
    assert connection.take_output(rig.now) == b""  # nobody knows yet what the peer takes
    assert [code for code in rig.answers() if code >= "200"] == []
    rig.accept_active(invite)
    sent = connection.take_output(rig.now)
    assert sent.index(b"early bird") < sent.index(b"second")
    rig.answer_sends(connection, sent)
    assert [code for code in rig.answers() if code >= "200"] == ["200", "200"]
    [session] = rig.gateway.by_id.values()
    assert rig.store.sessions[session.id]["state"] == "live"


def test_a_bind_in_the_name_of_another_path_than_the_answers_is_undone_and_waited_for_anew() -> None:
    rig = Early()
    closed: list[MsrpConnection] = []
    rig.gateway.msrp_side.close = closed.append
    rig.message("early bird")
    invite = rig.flow.take("INVITE")
    early = rig.comes_in()
    rig.bind(early, rig.path_of(invite), OTHER)
    rig.accept_active(invite)
    assert early.take_output(rig.now) == b""
    assert closed == [early]
    peer = rig.comes_in()
    rig.answer_sends(peer, rig.bind(peer, rig.path_of(invite)))
    assert rig.answers() == ["200"]


def test_after_such_a_bind_nobody_may_come_for_as_long_as_a_bind_may_take() -> None:
    rig = Early()
    rig.message("early bird")
    invite = rig.flow.take("INVITE")
    rig.bind(rig.comes_in(), rig.path_of(invite), OTHER)
    rig.accept_active(invite)
    rig.advance(31)
    assert [failure["detail"] for failure in rig.store.failures] == ["no SEND bound the session in 30 s"]


def test_a_refusal_after_an_early_bind_is_the_outcome_of_the_set_up() -> None:
    rig = Early()
    rig.message("early bird")
    invite = rig.flow.take("INVITE")
    rig.bind(rig.comes_in(), rig.path_of(invite))
    rig.answer(invite, 486, "Busy Here")
    assert rig.answers() == ["480"]
    assert [failure["code"] for failure in rig.store.failures] == [486]


def test_an_early_bind_serves_where_the_answer_would_have_us_connect() -> None:
    rig = Early()
    rig.message("early bird")
    invite = rig.flow.take("INVITE")
    connection = rig.comes_in()
    rig.bind(connection, rig.path_of(invite))
    rig.accept(invite, PEER)
    assert rig.dialled == []
    rig.msrp_ok(connection)
    assert rig.answers() == ["200"]


def test_a_peer_that_binds_while_we_connect_is_taken_as_it_came() -> None:
    rig = Early()
    rig.message("early bird")
    invite = rig.flow.take("INVITE")
    rig.accept(invite, PEER)
    connection = rig.comes_in()
    rig.answer_sends(connection, rig.bind(connection, rig.path_of(invite)))
    ours = rig.gateway.endpoint.create_connection(True, remote="127.0.0.1")
    rig.gateway.msrp_side.connected(rig.dialled.pop(0), ours)
    assert ours.take_output(rig.now) == b""
    assert rig.answers() == ["200"]
    assert rig.store.failures == []


def test_the_same_holds_for_a_new_offer_of_ours() -> None:
    rig = Early()
    rig.message("first")
    invite = rig.flow.take("INVITE")
    connection = rig.comes_in()
    rig.bind(connection, rig.path_of(invite))
    rig.accept_active(invite)
    rig.msrp_ok(connection)
    rig.flow.sent.clear()
    rig.message("under way when the connection breaks")
    connection.take_output(rig.now)
    rig.gateway.msrp_side.lost(connection)
    again = rig.flow.take("INVITE")
    assert again.call_id == invite.call_id
    peer = rig.comes_in()
    rig.bind(peer, rig.path_of(again), OTHER)  # its new path, before its answer
    assert peer.take_output(rig.now) == b""
    rig.accept_active(again, OTHER)
    rig.msrp_ok(peer)
    assert rig.answers() == ["200"]
    assert rig.store.failures == []
