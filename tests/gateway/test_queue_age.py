"""Nothing waits for ever: the operator's limit on the age of a message in a queue (RULEBOOK M9, DEFECTS D21)."""

from __future__ import annotations

from tests.gateway.rig import PAGE, Rig

PEER = b"msrp://127.0.0.1:2900/abcdefghij;tcp"


def send(rig: Rig, connection, path: bytes, name: bytes) -> None:
    data = (
        b"MSRP %s SEND\r\nTo-Path: %s\r\nFrom-Path: %s\r\nMessage-ID: %s\r\nByte-Range: 1-2/2\r\n"
        b"Content-Type: text/plain\r\n\r\nhi\r\n-------%s$\r\n" % (name, path, PEER, name, name)
    )
    rig.gateway.msrp_side.handle(connection.receive(data, rig.now))


def test_a_message_that_waits_longer_than_the_operator_allows_is_expired_and_told() -> None:
    rig = Rig(queue_ttl=20.0)
    connection, path = rig.live()
    send(rig, connection, path, b"first111")
    send(rig, connection, path, b"second22")
    rig.advance(1)
    rig.store.commit()
    out = connection.take_output(rig.now)
    assert out.count(b" 200 OK\r\n") == 2, "both are kept"
    message = rig.flow.take("MESSAGE")
    rig.advance(25)
    rig.answer(message, 200, source=PAGE)
    assert [data for data, _ in rig.flow.sent if data.startswith(b"MESSAGE") and b"second22" in data] == []
    assert b"REPORT" not in connection.take_output(rig.now)
    rig.store.commit()
    report = connection.take_output(rig.now)
    assert b"REPORT" in report
    assert b"Message-ID: second22" in report
    assert b"Status: 000 408" in report
    assert sorted(line.split("\t")[1] for line in rig.store.outcomes) == ["delivered", "expired"]


def test_a_thousand_that_are_too_old_go_without_a_deep_stack() -> None:
    rig = Rig(queue_ttl=20.0)
    connection, path = rig.live()
    for number in range(900):
        send(rig, connection, path, b"m%07d" % number)
        if number % 100 == 0:
            rig.advance(0.1)
    rig.advance(1)
    rig.store.commit()
    message = rig.flow.take("MESSAGE")
    rig.advance(25)
    rig.answer(message, 200, source=PAGE)
    rig.advance(30)
    assert rig.gateway.page_side.waiting == 0
    assert sum(line.split("\t")[1] == "expired" for line in rig.store.outcomes) == 899
