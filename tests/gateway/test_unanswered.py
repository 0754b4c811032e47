"""An MSRP peer that takes a SEND and never answers it: its MESSAGE fails all the same (RULEBOOK S26)."""

from __future__ import annotations

import pytest

from tests.gateway.rig import PAGE, Rig


def live(**config: float) -> Rig:
    """A live session, its first message delivered; nothing was written yet of the next."""
    rig = Rig(**config)
    rig.message("first")
    rig.accept(rig.flow.take("INVITE"))
    rig.msrp_ok(rig.connect())
    assert final_answers(rig) == ["200"]
    return rig


def final_answers(rig: Rig) -> list[str]:
    """Status codes of final answers to the message side; all that was sent is taken away."""
    sent, rig.flow.sent = rig.flow.sent, []
    return [
        data[8:11].decode() for data, to in sent if to == PAGE and data.startswith(b"SIP/2.0 ") and data[8:9] > b"1"
    ]


def test_silence_within_the_wait_is_the_answer():
    rig = live(answer_wait=40)
    rig.message("are you there?")
    [connection] = rig.connections
    assert b" SEND\r\n" in connection.take_output(rig.now)
    rig.advance(29)
    assert final_answers(rig) == []
    rig.advance(3)
    assert final_answers(rig) == ["480"]
    assert [line.split("\t")[3] for line in rig.store.messages] == ["delivered", "failed"]


@pytest.mark.parametrize("code", [413, None], ids=["refused late", "silent"])
def test_what_was_promised_by_202_fails_in_the_records(code):
    rig = live(answer_wait=10)
    rig.message("are you there?")
    [connection] = rig.connections
    sent = connection.take_output(rig.now)
    rig.advance(11)
    rig.store.commit()
    assert final_answers(rig) == ["202"]
    if code is not None:
        tid, to, own = (sent.decode().split("\r\n")[line].split(" ")[1] for line in (0, 1, 2))
        late = f"MSRP {tid} {code} No\r\nTo-Path: {own}\r\nFrom-Path: {to}\r\n-------{tid}$\r\n".encode()
        rig.gateway.msrp_side.handle(connection.receive(late, rig.now))
    rig.advance(25)
    [outcome] = rig.store.outcomes
    assert "failed" in outcome
