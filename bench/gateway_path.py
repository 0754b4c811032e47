"""What the gateway itself costs a message, both ways: stacks and translation, without sockets and database.

``python -m bench.gateway_path`` prints microseconds a message, best of several rounds, at few and at many sessions.
"""

from __future__ import annotations

import os
import time

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway_project.settings")

import django

django.setup()

from tests.gateway.rig import PAGE, Rig  # noqa: E402 - models need Django set up

ROUNDS = 5


def established(sessions: int) -> tuple[Rig, list[bytes]]:
    """A rig with that many live sessions on one connection, and the To-Path of each."""
    rig = Rig()
    paths = []
    for number in range(sessions):
        rig.message("first", user=f"p-{number}", to=f"s-{number}")
        invite = rig.flow.take("INVITE")
        paths.append(invite.body.partition(b"a=path:")[2].partition(b"\r\n")[0])
        rig.accept(invite, f"msrp://127.0.0.1:2900/peer{number};tcp")
        if rig.dialled:
            rig.connect()
        rig.msrp_ok(rig.connections[0])
    rig.flow.sent.clear()
    rig.store.messages.clear()
    return rig, paths


def to_msrp(rig: Rig, sessions: int, messages: int) -> float:
    """Seconds for MESSAGE in, SEND out, 200 in, 200 out."""
    connection = rig.connections[0]
    texts = []
    for number in range(messages):
        session = number % sessions
        texts.append(
            f"MESSAGE sip:s-{session}@127.0.0.1:5090 SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:5080;rport;branch=z9hG4bKb{time.monotonic_ns():x}{number:x}\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:p-{session}@127.0.0.1:5080>;tag=g{number:x}\r\n"
            f"To: <sip:s-{session}@127.0.0.1:5090>\r\nCall-ID: m{time.monotonic_ns():x}-{number:x}\r\n"
            f"CSeq: 1 MESSAGE\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\n{'x' * 100}".encode()
        )
    receive, flow, gateway = rig.gateway.layer.receive, rig.flow, rig.gateway
    spent = 0.0
    for start in range(0, messages, 50):
        begin = time.perf_counter()
        for text in texts[start : start + 50]:
            receive(text, PAGE, flow)
        sent = connection.take_output(rig.now)
        spent += time.perf_counter() - begin
        answers = b"".join(_ok(chunk) for chunk in sent.split(b"MSRP ")[1:])
        begin = time.perf_counter()
        gateway.msrp_side.handle(connection.receive(answers, rig.now))
        spent += time.perf_counter() - begin
    assert len(flow.sent) == messages
    assert all(data.startswith(b"SIP/2.0 200") for data, _ in flow.sent)
    flow.sent.clear()
    rig.store.messages.clear()
    rig.advance(60)  # old transactions are forgotten
    return spent


def _ok(chunk: bytes) -> bytes:
    lines = chunk.split(b"\r\n", 3)
    tid = lines[0].partition(b" ")[0]
    to, own = lines[1].partition(b": ")[2], lines[2].partition(b": ")[2]
    return b"MSRP %s 200 OK\r\nTo-Path: %s\r\nFrom-Path: %s\r\n-------%s$\r\n" % (tid, own, to, tid)


def to_page(rig: Rig, paths: list[bytes], messages: int) -> float:
    """Seconds for SEND in, MESSAGE out, 200 in, 200 out."""
    connection, flow, gateway = rig.connections[0], rig.flow, rig.gateway
    spent = 0.0
    sessions = len(paths)
    for start in range(0, messages, min(50, sessions)):
        sends = b"".join(
            b"MSRP t%x%x SEND\r\nTo-Path: %s\r\nFrom-Path: msrp://127.0.0.1:2900/peer%d;tcp\r\nMessage-ID: i%x%x\r\n"
            b"Byte-Range: 1-100/100\r\nContent-Type: text/plain\r\n\r\n%s\r\n-------t%x%x$\r\n"
            % ((tid := time.monotonic_ns()), n, paths[n % sessions], n % sessions, tid, n, b"x" * 100, tid, n)
            for n in range(start, start + min(50, sessions))
        )
        begin = time.perf_counter()
        gateway.msrp_side.handle(connection.receive(sends, rig.now))
        spent += time.perf_counter() - begin
        requests, flow.sent = flow.sent, []
        answers = [data.replace(data.partition(b"\r\n")[0], b"SIP/2.0 200 OK", 1) for data, _ in requests]
        begin = time.perf_counter()
        for answer in answers:
            gateway.layer.receive(answer, PAGE, flow)
        connection.take_output(rig.now)
        spent += time.perf_counter() - begin
    rig.store.messages.clear()
    return spent


def main() -> None:
    """Print the figures."""
    for sessions in (100, 10_000):
        rig, paths = established(sessions)
        messages = 10_000
        best = min(to_msrp(rig, sessions, messages) for _ in range(ROUNDS))
        print(f"{sessions:6} sessions  message side to MSRP  {best / messages * 1e6:6.1f} us a message")
        best = min(to_page(rig, paths, messages) for _ in range(ROUNDS))
        print(f"{sessions:6} sessions  MSRP to message side  {best / messages * 1e6:6.1f} us a message")


if __name__ == "__main__":
    main()
