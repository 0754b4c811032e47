"""Cost of the MSRP path, in microseconds per operation: ``python -m bench.msrp_path``.

The best of several rounds is printed beside its budget; a laptop that is busy shows it in the spread, not in the best.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from protocols.msrp.connection import MsrpConnection
from protocols.msrp.endpoint import MsrpEndpoint
from protocols.msrp.events import MessageReceived, SendOutcome
from protocols.msrp.ids import new_message_id, new_session_id, new_transaction_id
from protocols.msrp.session import IncomingMessage, MsrpSession

ROUNDS = 25
COUNT = 1500
BODY = b"x" * 100


def best(prepare: Callable[[], object], run: Callable[[object], None]) -> float:
    """Microseconds per operation of the fastest round; each round prepares COUNT operations outside the clock."""
    figures = []
    for _ in range(ROUNDS):
        stock = prepare()
        begin = time.perf_counter()
        run(stock)
        figures.append((time.perf_counter() - begin) / COUNT * 1e6)
    return min(figures)


def bound_pair() -> tuple[MsrpEndpoint, MsrpSession, MsrpConnection, str, str]:
    """A session bound to a connection by its peer's first SEND."""
    endpoint = MsrpEndpoint()
    ours = f"msrp://192.0.2.10:2855/{new_session_id()};tcp"
    peer = "msrp://192.0.2.77:49152/c554e9fd13ffc018ba03;tcp"
    session = endpoint.create_session(ours)
    session.set_peer((peer,), "message/cpim text/*", None)
    connection = endpoint.create_connection(outbound=False)
    connection.receive(
        f"MSRP 66b5d6b1 SEND\r\nTo-Path: {ours}\r\nFrom-Path: {peer}\r\nMessage-ID: 38bcfa469f11a6ac\r\n"
        "Byte-Range: 1-0/0\r\n-------66b5d6b1$\r\n".encode(),
        0.0,
    )
    connection.take_output(0.0)
    return endpoint, session, connection, ours, peer


def bench_receive() -> tuple[float, float]:
    """(receive to MessageReceived, respond and take the bytes)."""
    _, _, connection, ours, peer = bound_pair()

    def wire() -> list[bytes]:
        made = []
        for _ in range(COUNT):
            tid = new_transaction_id()
            made.append(
                f"MSRP {tid} SEND\r\nTo-Path: {ours}\r\nFrom-Path: {peer}\r\nMessage-ID: {new_message_id()}\r\n"
                f"Byte-Range: 1-100/100\r\nFailure-Report: yes\r\nContent-Type: text/plain\r\n\r\n".encode()
                + BODY
                + f"\r\n-------{tid}$\r\n".encode()
            )
        return made

    def receive(stock: object) -> None:
        receive_one = connection.receive
        for data in stock:  # type: ignore[attr-defined]
            receive_one(data, 1.0)

    def incoming() -> list[IncomingMessage]:
        found = [event.incoming for data in wire() for event in connection.receive(data, 1.0) if _received(event)]
        connection.take_output(1.0)
        return found

    def respond(stock: object) -> None:
        take = connection.take_output
        for message in stock:  # type: ignore[attr-defined]
            message.respond(200)
            take(1.0)

    return best(wire, receive), best(incoming, respond)


def _received(event: object) -> bool:
    return isinstance(event, MessageReceived)


def bench_send() -> tuple[float, float, float]:
    """(send, take the bytes, receive the 200 to SendOutcome)."""
    _, session, connection, ours, peer = bound_pair()

    def ids() -> list[str]:
        connection.take_output(1.0)
        return [new_message_id() for _ in range(COUNT)]

    def send(stock: object) -> None:
        send_one = session.send
        for message_id in stock:  # type: ignore[attr-defined]
            send_one(message_id, "text/plain", BODY, now=1.0)

    def send_and_take(stock: object) -> None:
        send_one = session.send
        take = connection.take_output
        for message_id in stock:  # type: ignore[attr-defined]
            send_one(message_id, "text/plain", BODY, now=1.0)
            take(1.0)

    def answers() -> list[bytes]:
        made = []
        for _ in range(COUNT):
            session.send(new_message_id(), "text/plain", BODY, now=1.0)
            tid = connection.take_output(1.0)[5:].split(b" ", 1)[0].decode()
            made.append(
                f"MSRP {tid} 200 OK\r\nTo-Path: {ours}\r\nFrom-Path: {peer}\r\n-------{tid}$\r\n".encode(),
            )
        return made

    def outcome(stock: object) -> None:
        receive_one = connection.receive
        for data in stock:  # type: ignore[attr-defined]
            receive_one(data, 1.0)

    check = [event for data in answers() for event in connection.receive(data, 1.0)]
    assert all(isinstance(event, SendOutcome) for event in check)
    return best(ids, send), best(ids, send_and_take), best(answers, outcome)


def bench_ids() -> float:
    """One transaction id."""

    def run(_: object) -> None:
        for _ in range(COUNT):
            new_transaction_id()

    return best(lambda: None, run)


def main() -> None:
    """Print every figure beside its budget."""
    receive, respond = bench_receive()
    send, send_and_take, outcome = bench_send()
    rows = (
        ("receive SEND of 100 bytes -> MessageReceived", receive, 8.0),
        ("respond 200 and take its bytes", respond, 2.0),
        ("send of 100 bytes", send, 3.0),
        ("send of 100 bytes and take its bytes", send_and_take, 5.0),
        ("receive 200 -> SendOutcome", outcome, 4.0),
        ("new transaction id", bench_ids(), 0.5),
    )
    for name, figure, budget in rows:
        print(f"{name:<48}{figure:8.2f} us   (budget {budget:.1f})")


if __name__ == "__main__":
    main()
