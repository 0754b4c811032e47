"""What the SIP transaction layer costs: ``python -m bench.transactions`` prints microseconds, the best of several runs.

A MESSAGE in and its 200 out, and a MESSAGE out and its 200 in, over a UDP flow that only counts: parsing and building
are in it, sockets are not. The last line is the summary.
"""

from __future__ import annotations

import gc
import platform
import time
from collections.abc import Callable

from protocols.sip.flow import Target
from protocols.sip.transaction_client import OutgoingRequest
from protocols.sip.transaction_layer import TransactionLayer
from protocols.sip.transaction_server import InviteServerTransaction, ServerTransaction
from protocols.sip.transports import Transports
from protocols.timers import TimerWheel

MESSAGES = 4_000
ROUNDS = 9
PEER = ("192.0.2.10", 5060)
TARGET = Target("UDP", *PEER)

REQUEST = (
    "MESSAGE sip:bob@gateway.example.net SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK{0};rport\r\n"
    "Max-Forwards: 70\r\n"
    'From: "Alice Example" <sip:alice@example.com>;tag={0}\r\n'
    "To: <sip:bob@gateway.example.net>\r\n"
    "Call-ID: a84b4c76e66710e3{0}@192.0.2.10\r\n"
    "CSeq: 314159 MESSAGE\r\n"
    "User-Agent: ExamplePhone/7.2.1 (build 4711)\r\n"
    "Content-Type: text/plain;charset=UTF-8\r\n"
    "Content-Length: 34\r\n"
    "\r\n"
    "Watson, come here. I want you now."
)


class Sink:
    """A UDP flow that keeps the last datagram."""

    transport = "UDP"
    reliable = False
    sent_by = "192.0.2.1:5060"
    alive = True

    def __init__(self) -> None:
        self.data = b""

    def send(self, data: bytes, to: tuple[str, int]) -> None:
        """Keep it."""
        self.data = data


class Answerer:
    """A transaction user that answers everything 200."""

    def on_request(self, transaction: ServerTransaction) -> None:
        """Answer."""
        transaction.respond(200)

    def on_ack(self, request: object) -> None:
        """Nothing to do."""

    def on_cancel(self, transaction: InviteServerTransaction) -> None:
        """Nothing to do."""


def layer() -> tuple[TransactionLayer, Sink]:
    """A fresh one."""
    transports = Transports()
    sink = Sink()
    transports.add_udp(sink)
    return TransactionLayer(TimerWheel(1000.0), transports, Answerer()), sink


def best(prepare: Callable[[], Callable[[], None]]) -> float:
    """Microseconds a message of the fastest round; what else the machine does makes some slower and none faster."""
    times = []
    for _ in range(ROUNDS):
        run = prepare()
        gc.collect()
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    return min(times) / MESSAGES * 1e6


def message_in() -> Callable[[], None]:
    """MESSAGE in, 200 out."""
    stack, sink = layer()
    datagrams = [REQUEST.format(f"{number:08x}").encode() for number in range(MESSAGES)]

    def run() -> None:
        receive = stack.receive
        for data in datagrams:
            receive(data, PEER, sink)

    return run


def repeat_in() -> Callable[[], None]:
    """The same MESSAGE again: its 200 is sent again."""
    stack, sink = layer()
    data = REQUEST.format("0").encode()
    stack.receive(data, PEER, sink)

    def run() -> None:
        receive = stack.receive
        for _ in range(MESSAGES):
            receive(data, PEER, sink)

    return run


def message_out(answer: bool) -> Callable[[], None]:
    """MESSAGE out, and 200 in."""
    stack, sink = layer()
    headers = [
        ("Max-Forwards", "70"),
        ("From", "<sip:alice@example.com>;tag=1928301774"),
        ("To", "<sip:bob@gateway.example.net>"),
        ("Call-ID", "a84b4c76e66710e3@192.0.2.1"),
        ("CSeq", "1 MESSAGE"),
        ("Content-Type", "text/plain"),
    ]
    rest = b"\r\n".join(
        f"{name}: {value}".encode() for name, value in headers if name in {"From", "To", "Call-ID", "CSeq"}
    )
    body = b"Watson, come here. I want you now."

    def ignore(*_: object) -> None:
        pass

    def run() -> None:
        for _ in range(MESSAGES):
            request = OutgoingRequest("MESSAGE", "sip:bob@gateway.example.net", headers, body)
            transaction = stack.request(request, TARGET, ignore, ignore)
            via = f"Via: SIP/2.0/UDP 192.0.2.1:5060;branch={transaction.branch};rport=5060;received=192.0.2.1\r\n"
            data = b"SIP/2.0 200 OK\r\n" + via.encode() + rest + b"\r\nContent-Length: 0\r\n\r\n"
            if answer:
                stack.receive(data, PEER, sink)

    return run


def main() -> None:
    """Print everything."""
    print(f"Python {platform.python_version()}, {MESSAGES} messages a round, best of {ROUNDS}")
    taken = best(message_in)
    print(f"{'MESSAGE in, 200 out':<40} {taken:7.2f} us")
    repeated = best(repeat_in)
    print(f"{'MESSAGE again, 200 again':<40} {repeated:7.2f} us")
    out = best(lambda: message_out(False))
    print(f"{'MESSAGE out':<40} {out:7.2f} us")
    both = best(lambda: message_out(True))
    print(f"{'MESSAGE out, 200 in':<40} {both:7.2f} us")
    print(f"transactions: {taken:.1f} us a MESSAGE in and answered, {both:.1f} us a MESSAGE out and answered")


if __name__ == "__main__":
    main()
