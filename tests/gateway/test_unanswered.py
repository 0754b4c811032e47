"""Peers that never answer: a SEND's MESSAGE fails all the same (RULEBOOK S26), and a MESSAGE's SEND (Timer F)."""

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


def test_a_message_that_nobody_answers_is_a_failure_report_after_timer_f():
    """RFC 3261 s17.1.2.2: 32 s, the request repeated by Timer E; the next one of the queue is not held up by more."""
    rig = live()
    [session] = rig.gateway.by_id.values()
    [connection] = rig.connections
    connection.take_output(rig.now)
    for number in (1, 2):
        send = (
            f"MSRP tid{number} SEND\r\nTo-Path: {session.local_path}\r\nFrom-Path: {session.msrp.peer_path[0]}\r\n"
            f"Message-ID: message{number}\r\nByte-Range: 1-2/2\r\nContent-Type: text/plain\r\n\r\nhi\r\n"
            f"-------tid{number}$\r\n"
        )
        rig.gateway.msrp_side.handle(connection.receive(send.encode(), rig.now))
    rig.advance(0.5)
    rig.store.commit()
    assert connection.take_output(rig.now).count(b" 200 OK\r\n") == 2
    rig.advance(31.25)
    sent = [data for data, _ in rig.flow.sent if data.startswith(b"MESSAGE")]
    assert len(sent) >= 10, "at 0, 0.5, 1.5, 3.5, 7.5 s and so on, less what the steps of this clock add"
    assert len(set(sent)) == 1, "the second waits for its turn"
    assert rig.store.outcomes == []
    rig.advance(1)
    rig.store.commit()
    report = connection.take_output(rig.now)
    assert b"Message-ID: message1" in report
    assert b"Status: 000 408" in report
    assert [outcome.split("\t")[1] for outcome in rig.store.outcomes] == ["failed"]
    assert len({data for data, _ in rig.flow.sent if data.startswith(b"MESSAGE")}) == 2
