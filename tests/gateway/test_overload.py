"""Sessions without number at somebody's wish: bounded by who wishes and by whom it is about, and refused with 503."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sessions_app.gateway.recovery import Inheritance
from sessions_app.gateway.routing import RouteRequest, msg_to_msrp
from sessions_app.store.estate import Estate, Owed
from tests.gateway.rig import CHAT, PAGE, Rig
from tests.gateway.test_inheritance import DIALOG, ghost, owed


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


def all_owed(number: int, direction: str) -> list[Owed]:
    """Messages that a process before had promised, in conversations of their own with users of one host."""
    return [
        replace(
            owed(f"{each:04}"),
            session=f"018f0000-0000-7000-8000-{each:012x}",
            key=f"{direction} {each}",
            direction=direction,
            call_id=f"call{each}",
            from_uri=f"sip:alice{each}@127.0.0.1:5080",
        )
        for each in range(number)
    ]


def inherit(rig: Rig, messages: list[Owed]) -> None:
    rig.store.sessions.update((message.session, {}) for message in messages)
    Inheritance(rig.gateway, Estate(owed=messages)).go()


def calls(rig: Rig, method: str) -> set[bytes]:
    """Call-IDs of what went out."""
    sent = [data for data, _ in rig.flow.sent if data.startswith(method.encode())]
    return {data.split(b"Call-ID: ")[1].split(b"\r\n")[0] for data in sent}


@pytest.mark.parametrize(("direction", "method", "host"), [("to_msrp", "INVITE", CHAT), ("to_page", "MESSAGE", PAGE)])
def test_what_is_owed_waits_until_its_host_has_room_and_does_not_fail(direction: str, method: str, host) -> None:
    """After a restart it all goes out at once, to a next hop of which this process has heard nothing yet."""
    rig = Rig()
    inherit(rig, all_owed(400, direction))
    assert (len(calls(rig, method)), rig.store.outcomes) == (256, [])
    rig.answer(rig.flow.take(method), 100, "Trying", source=host)
    rig.advance(0.75)
    assert len(calls(rig, method)) >= 399  # less the one that is answered
    assert (rig.store.outcomes, rig.store.failures) == ([], [])


def test_what_is_owed_to_a_host_that_never_answers_fails_in_the_end() -> None:
    rig = Rig()
    inherit(rig, all_owed(400, "to_page"))
    rig.advance(33)
    assert len(rig.store.outcomes) == 256
    rig.advance(33)
    assert len(rig.store.outcomes) == 400


def test_a_message_from_msrp_waits_as_well_and_is_kept() -> None:
    rig = Rig()
    connection, path = rig.live()
    far_ends = rig.gateway.layer.far_ends
    while far_ends.ask(PAGE[0], "MESSAGE"):
        pass
    send = (
        b"MSRP tid1 SEND\r\nTo-Path: %s\r\nFrom-Path: msrp://127.0.0.1:2900/abcdefghij;tcp\r\nMessage-ID: m1\r\n"
        b"Byte-Range: 1-2/2\r\nContent-Type: text/plain\r\n\r\nhi\r\n-------tid1$\r\n" % path
    )
    rig.gateway.msrp_side.handle(connection.receive(send, rig.now))
    rig.advance(1)
    rig.store.commit()
    assert b"MSRP tid1 200 " in connection.take_output(rig.now)
    assert rig.flow.sent == []
    far_ends.heard(PAGE[0], "MESSAGE")
    rig.advance(1)
    rig.answer(rig.flow.take("MESSAGE"), 200, source=PAGE)
    assert [outcome.split("\t")[1] for outcome in rig.store.outcomes] == ["delivered"]


@pytest.mark.parametrize(("initiator", "state"), [("message", "setting_up"), ("message", "live"), ("msrp", "live")])
def test_a_host_that_had_answered_the_process_before_is_asked_as_much_as_it_was(initiator: str, state: str) -> None:
    """What comes may be the repeat of what it has taken already: a refusal for want of room would be a lie."""
    rig = Rig()
    rig.store.sessions[ghost().session] = {}
    known = replace(ghost(), initiator=initiator, state=state, dialog={**DIALOG, "far_end": CHAT[0]})
    Inheritance(rig.gateway, Estate(ghosts=[known])).go()
    for each in range(400):
        rig.message(user=f"user{each}")
    assert len(invites(rig)) == 400
    assert answers(rig) == []


def test_who_has_only_called_has_not_answered() -> None:
    rig = Rig()
    rig.store.sessions[ghost().session] = {}
    caller = replace(ghost(), initiator="msrp", state="setting_up", dialog={**DIALOG, "far_end": CHAT[0]})
    Inheritance(rig.gateway, Estate(ghosts=[caller])).go()
    for each in range(400):
        rig.message(user=f"user{each}")
    assert len(invites(rig)) == 256
