"""Memory of a gateway process: a large message from MSRP to a page peer over TCP, and a thousand never finished ones.

``python -m bench.memory`` starts a gateway of its own and prints its peak resident set after each, in MB.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.wire.running import Running
from tests.wire.session_peer import SessionPeer
from tests.wire.sip_peer import SipPeer

MEGABYTE = 1 << 20
LARGE = 10 * MEGABYTE - 1000
HALF_SENT = 1000
PIECE = 8192


def resident(pid: int) -> tuple[float, float]:
    """Resident set now and at its peak, in MB (Linux)."""
    fields = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("Vm")
    )
    return tuple(int(fields[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))  # type: ignore[return-value]


def large(gateway: Running) -> None:
    """One message of almost 10 MB, in chunks of 64 KiB."""
    alice, bob = SipPeer("alice", gateway, "tcp"), SessionPeer("bob", gateway)
    call = bob.call(alice.uri, accept_types="*")
    body = os.urandom(LARGE // 2).hex().encode()
    for at in range(0, len(body), 65536):
        piece = body[at : at + 65536]
        last = at + 65536 >= len(body)
        tid = call.wire.request(
            "SEND",
            call.gateway_path,
            call.own_path,
            "Message-ID: Large1",
            f"Byte-Range: {at + 1}-{at + len(piece)}/{len(body)}",
            "Content-Type: text/plain",
            body=piece,
            flag="$" if last else "+",
        )
    message = alice.expect("MESSAGE", within=60)
    assert message.body == body
    alice.respond(message, 200)
    assert call.wire.response_to(tid, within=60).code == 200
    alice.close()
    bob.close()


def half_sent(gateway: Running) -> int:
    """First chunks of messages that say they are of 10 MB, from many sessions; how many were taken in."""
    alice, bob = SipPeer("carol", gateway, "tcp"), SessionPeer("dan", gateway)
    taken = 0
    calls = [bob.call(f"sip:carol{number}@127.0.0.1:{alice.address[1]};transport=tcp") for number in range(50)]
    for number in range(HALF_SENT):
        call = calls[number % len(calls)]
        tid = call.wire.request(
            "SEND",
            call.gateway_path,
            call.own_path,
            f"Message-ID: Half{number}",
            f"Byte-Range: 1-{PIECE}/{LARGE}",
            "Content-Type: text/plain",
            body=b"x" * PIECE,
            flag="+",
        )
        taken += call.wire.response_to(tid, within=30).code == 200
    alice.close()
    bob.close()
    return taken


def main() -> int:
    """Print them."""
    gateway = Running(GATEWAY_MAX_PAGE_SIZE="12000000").start()

    def say(when: str) -> None:
        now, peak = resident(gateway._process.pid)
        print(f"{when:40} now {now:7.1f}  peak {peak:7.1f} MB")

    try:
        say("at rest")
        large(gateway)
        say(f"after one message of {LARGE / MEGABYTE:.1f} MB")
        taken = half_sent(gateway)
        say(f"{HALF_SENT} half sent ones, {taken} taken in")
    finally:
        gateway.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
