"""The whole engine: octets of both sides, time, answers, a database that comes and goes: nothing is lost or made up."""

from __future__ import annotations

from typing import Final

from tests.fuzz.choices import Choices
from tests.fuzz.engine_adapter import Engine
from tests.fuzz.engine_grammar import Ends
from tests.fuzz.engine_ledger import Ledger
from tests.fuzz.target import Target

MOST_STEPS: Final = 60


def run(data: bytes) -> None:
    """A life of the gateway, as :class:`~tests.fuzz.engine_grammar.Ends` reads it from the octets."""
    choices = Choices(data)
    ledger = Ledger()
    with Engine(ledger) as engine:
        ends = Ends(engine, ledger, choices)
        steps = 0
        while choices and steps < MOST_STEPS:
            ends.step()
            steps += 1
        ledger.now = engine.now
        engine.settle()
        ledger.judge(engine, steps)


_WORDS: Final = [
    *(
        b"MESSAGE sip:bob@127.0.0.1:5060 SIP/2.0\r\n",
        b"Via: SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bKw;rport\r\n",
        b"From: <sip:alice@127.0.0.1:5080>;tag=1\r\n",
    ),
    *(
        b"To: <sip:bob@127.0.0.1:5090>\r\n",
        b"Call-ID: w\r\nCSeq: 1 MESSAGE\r\n",
        b"Content-Type: text/plain\r\n\r\nhi",
        b"\r\n\r\n",
        b"\r\n",
        b"\0",
        b"\xff",
    ),
    *(
        b"Content-Length: 9\r\n",
        b"v: ",
        b"t: ",
        b";tag=",
        b"-------",
        b"$\r\n",
        b"+\r\n",
        b"Failure-Report: no\r\n",
        b"Byte-Range: 1-*/*\r\n",
        b"a=path:",
        b"a=setup:active\r\n",
    ),
    *(bytes((step,)) for step in range(32)),
    *(bytes((27, 40, 3, 2)) + octets for octets in (b"\r\n", b'"\\', b"\0\0", b";;", b"::")),
    *(
        b"\x00\x00\x00\x00\x00\x00\x00",
        b"\x02\x00\x00\x00\x00\x00",
        b"\x05\x00",
        b"\x07\x00\x00\x00\x00\x00",
        b"\x13\x05",
        b"\x15",
        b"\x0d\x00\x00\x00\x00\x00",
    ),
]

GATEWAY: Final = Target("gateway", run, (), _WORDS, calls=(1_000, 100_000), longest=800, mutations=300)
