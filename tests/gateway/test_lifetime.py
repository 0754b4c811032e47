"""Nothing that has ended stays in memory, and nothing waits for the garbage collector to find that out."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from tests.gateway.rig import Rig


@pytest.fixture(autouse=True)
def without_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def test_a_session_that_ended_by_bye_is_gone_with_all_it_had():
    rig = Rig()
    rig.message("one")
    invite = rig.flow.take("INVITE")
    rig.accept(invite)
    rig.msrp_ok(rig.connect())
    assert rig.flow.take("SIP/2.0 200").cseq.method == "MESSAGE"
    marks = count("Session", "CallingLeg", "ToMsrp", "InviteClient", "MsrpSession")
    assert marks == {"Session": 1, "CallingLeg": 1, "ToMsrp": 0, "InviteClient": 1, "MsrpSession": 1}
    rig.bye(invite)
    rig.advance(40)  # Timer M: until then a repeated 2xx must still be acknowledged
    assert count("Session", "CallingLeg", "ToMsrp", "InviteClient", "MsrpSession") == dict.fromkeys(marks, 0)


def test_a_session_that_was_refused_is_gone_with_all_it_had():
    rig = Rig()
    rig.message("one")
    rig.message("two")
    invite = rig.flow.take("INVITE")
    rig.answer(invite, 486, "Busy Here")
    rig.advance(40)
    assert [failure["code"] for failure in rig.store.failures] == [486]
    names = ("Session", "CallingLeg", "ToMsrp", "InviteClient", "MsrpSession", "InviteClientTransaction")
    assert count(*names) == dict.fromkeys(names, 0)


def test_many_conversations_leave_nothing_behind():
    rig = Rig()
    for number in range(200):
        rig.message("hello", user=f"user{number}")
        invite = rig.flow.take("INVITE")
        rig.accept(invite, f"msrp://127.0.0.1:2900/peer{number};tcp")
        connection = rig.connect() if rig.dialled else rig.connections[-1]
        rig.msrp_ok(connection)
        rig.bye(invite)
    rig.advance(60)
    gateway = rig.gateway
    assert gateway.sessions == {}
    assert gateway.by_id == {}
    assert gateway.dirty == {}
    assert gateway.layer.pending == 0
    assert len(gateway.endpoint) == 0
    assert gateway.held.used == 0
    assert count("Session", "ToMsrp", "MsrpSession", "InviteClient") == {
        "Session": 0,
        "ToMsrp": 0,
        "MsrpSession": 0,
        "InviteClient": 0,
    }


def count(*names: str) -> dict[str, int]:
    """How many objects of these classes there are."""
    found = dict.fromkeys(names, 0)
    for each in gc.get_objects():
        name = type(each).__name__
        if name in found and type(each).__module__.startswith(("protocols.", "sessions_app.")):
            found[name] += 1
    return found
