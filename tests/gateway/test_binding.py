"""How we bind a session as the active side (RFC 4975 s5.4): without content, and content after the answer."""

from __future__ import annotations

from typing import Any

import pytest

from sessions_app.gateway.page_end import Profile
from tests.gateway.rig import Rig


def called(rig: Rig) -> Any:
    """A set-up that waits for the connection; the gateway has two messages."""
    rig.message("one")
    rig.message("two")
    rig.accept(rig.flow.take("INVITE"))
    connection = rig.gateway.endpoint.create_connection(True, remote="127.0.0.1")
    rig.gateway.msrp_side.connected(rig.dialled.pop(0), connection)
    return connection


def test_the_first_send_has_no_content_and_content_waits_for_its_answer() -> None:
    rig = Rig()
    connection = called(rig)
    bind = connection.take_output(rig.now)
    assert bind.count(b" SEND\r\n") == 1
    assert b"Byte-Range: 1-0/0\r\n" in bind
    assert b"Content-Type" not in bind
    rig.answer_sends(connection, bind)
    content = connection.take_output(rig.now)
    assert content.index(b"one") < content.index(b"two")
    rig.answer_sends(connection, content)
    assert sum(data.startswith(b"SIP/2.0 200") for data, _ in rig.flow.sent) == 2


def test_where_the_peers_profile_says_so_the_first_content_binds() -> None:
    rig = Rig()
    rig.gateway.profiles = lambda host: Profile(binds_with_content=host == "127.0.0.1")
    connection = called(rig)
    sent = connection.take_output(rig.now)
    assert b"1-0/0" not in sent
    assert sent.index(b"one") < sent.index(b"two")


@pytest.mark.parametrize(("code", "comment"), [(481, "No Such Session"), (506, "Session In Use On Another Connection")])
def test_a_bind_that_is_refused_is_a_failed_set_up_with_the_peers_words(code: int, comment: str) -> None:
    rig = Rig()
    connection = called(rig)
    tid, to, own = (
        line.partition(b" ")[2].split(b" ")[0] for line in connection.take_output(rig.now).split(b"\r\n")[:3]
    )
    refusal = b"MSRP %s %d %s\r\nTo-Path: %s\r\nFrom-Path: %s\r\n-------%s$\r\n" % (
        tid, code, comment.encode(), own, to, tid)  # fmt: skip
    rig.gateway.msrp_side.handle(connection.receive(refusal, rig.now))
    [failure] = rig.store.failures
    assert (failure["layer"], failure["waiting"]) == ("msrp", 2)
    assert failure["detail"] == f"bind refused: {code} {comment}"
    assert sum(data.startswith(b"SIP/2.0 500") for data, _ in rig.flow.sent) == 2


def test_a_bind_that_is_not_answered_is_a_failed_set_up_and_what_was_promised_is_told() -> None:
    rig = Rig()
    connection = called(rig)
    connection.take_output(rig.now)
    rig.advance(11)
    rig.store.commit()
    assert sum(data.startswith(b"SIP/2.0 202") for data, _ in rig.flow.sent) == 2
    rig.advance(20)
    assert [failure["layer"] for failure in rig.store.failures] == ["msrp"]
    assert {outcome.split("\t")[1] for outcome in rig.store.outcomes} == {"failed"}


def test_a_shared_connection_that_goes_as_the_session_comes_is_replaced_by_a_new_one() -> None:
    rig = Rig()
    rig.message("one", user="carol")
    rig.accept(rig.flow.take("INVITE"))
    shared = rig.connect()
    rig.msrp_ok(shared)
    rig.message("two")
    rig.accept(rig.flow.take("INVITE"), "msrp://127.0.0.1:2900/another;tcp")
    assert rig.dialled == []  # that of carol's session serves
    rig.gateway.msrp_side.lost(shared)
    rig.msrp_ok(rig.connect())
    assert sum(data.startswith(b"SIP/2.0 200") for data, _ in rig.flow.sent) == 2
    assert rig.store.failures == []


def test_a_connection_that_is_being_closed_is_given_to_no_further_session() -> None:
    rig = Rig()
    rig.message("one", user="carol")
    invite = rig.flow.take("INVITE")
    rig.accept(invite)
    rig.msrp_ok(rig.connect())
    rig.bye(invite)  # its end is on its way, and not told yet
    rig.message("two")
    rig.accept(rig.flow.take("INVITE"))
    rig.msrp_ok(rig.connect())
    assert rig.store.failures == []


def test_a_new_connection_that_breaks_before_it_is_bound_is_offered_anew_once() -> None:
    rig = Rig()
    rig.gateway.msrp_side.lost(called(rig))
    again = rig.flow.take("INVITE")
    rig.accept(again, "msrp://127.0.0.1:2900/secondpath;tcp")
    second = rig.gateway.endpoint.create_connection(True, remote="127.0.0.1")
    rig.gateway.msrp_side.connected(rig.dialled.pop(0), second)
    rig.gateway.msrp_side.lost(second)
    assert [failure["detail"] for failure in rig.store.failures] == ["connection lost"]
