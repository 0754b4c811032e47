"""Sessions without number at somebody's wish: bounded by who wishes and by whom it is about, and refused with 503."""

from __future__ import annotations

from sessions_app.gateway.routing import RouteRequest, msg_to_msrp
from tests.gateway.rig import Rig


def answers(rig: Rig) -> list[bytes]:
    return [data for data, _ in rig.flow.sent if data.startswith(b"SIP/2.0 ")]


def invites(rig: Rig) -> list[bytes]:
    return [data for data, _ in rig.flow.sent if data.startswith(b"INVITE ")]


def test_messages_of_new_keys_to_a_host_that_does_not_answer_make_a_few_invites_and_then_503() -> None:
    rig = Rig()
    for number in range(1000):
        rig.message(user=f"user{number}")
    assert len(invites(rig)) == 256
    refused = answers(rig)
    assert len(refused) == 744
    assert all(data.startswith(b"SIP/2.0 503 ") and b"\r\nRetry-After: 30\r\n" in data for data in refused)
    assert rig.gateway.layer.counts["unanswered"] == 744
    assert len(rig.store.sessions) == 256, "who floods fills no tables: a refusal leaves one row a minute"
    assert rig.store.failures == []
    rig.flow.sent.clear()
    rig.advance(45)
    assert len(invites(rig)) <= 256 * 7  # Timer A
    assert rig.gateway.sessions == {}


def by_name(request: RouteRequest) -> None:
    msg_to_msrp(request, request.pair, "text/plain", next_hop="sip:silent.example")


def test_a_name_is_looked_up_first_and_then_it_is_the_same() -> None:
    rig = Rig()
    rig.gateway.agent.locator.lookup = lambda name, then: then(["127.0.0.9"])
    rig.gateway.route = by_name
    for number in range(300):
        rig.message(user=f"user{number}")
    assert len(invites(rig)) == 256
    assert len(answers(rig)) == 44
    assert {failure["layer"] for failure in rig.store.failures} == {"overload"}


def test_a_source_has_so_many_set_ups_at_once_whatever_hosts_it_names() -> None:
    rig = Rig(max_setups=10)
    for number in range(30):
        rig.message(to=f"user{number}")
    assert len(invites(rig)) == 10
    assert [data[8:11] for data in answers(rig)] == [b"503"] * 20
    for _ in range(10):
        rig.answer(rig.flow.take("INVITE"), 486, "Busy Here")
    rig.flow.sent.clear()
    rig.message(to="another")
    assert len(invites(rig)) == 1


def test_a_session_that_lives_is_no_set_up_any_more() -> None:
    rig = Rig(max_setups=1)
    rig.message()
    rig.accept(rig.flow.take("INVITE"))
    rig.msrp_ok(rig.connect())
    rig.message(to="another")
    assert len(invites(rig)) == 1


def test_a_source_begins_so_many_sessions_a_second() -> None:
    rig = Rig(sessions_per_second=10.0)
    for number in range(50):
        rig.message(to=f"user{number}")
    assert len(invites(rig)) == 20
    rig.advance(1)
    for number in range(50):
        rig.message(to=f"later{number}")
    assert len({data.split(b" ")[1] for data in invites(rig)}) == 30


def test_messages_of_a_session_that_is_there_are_none_of_that() -> None:
    rig = Rig(max_setups=1, sessions_per_second=1.0)
    rig.live()
    for _ in range(50):
        rig.message()
    rig.msrp_ok(rig.connections[0])
    assert [data[8:11] for data in answers(rig)] == [b"200"] * 50
