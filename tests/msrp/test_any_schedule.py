"""Whatever happens in whatever order: one outcome for each message, and nothing is left behind."""

from __future__ import annotations

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.msrp.errors import MsrpSendError
from protocols.msrp.events import ConnectionFault, MessageReceived, SendOutcome
from protocols.msrp.ids import new_message_id
from protocols.msrp.limits import Limits
from tests.msrp.peers import Pair

STEPS = {"send": 35, "carry": 40, "stop": 5, "resume": 10, "close": 3, "expire": 4, "lose": 0.5}


@settings(max_examples=100, deadline=None)
@given(st.randoms(use_true_random=False))
def test_sends_answers_pressure_timers_closes_and_losses(luck):
    limits = Limits(
        flush_budget=luck.choice([2048, 3000, 65536]), fair_slice=2048, max_held_bytes=luck.choice([5000, 10**8])
    )
    pair = Pair(limits)
    sessions = [pair.session() for _ in range(3)]
    ends = [(pair.out, pair.into), (pair.into, pair.out)]
    sent, events, now = [], [], 0.0

    def carry(source, target, pieces):
        data = source.take_output(now)
        cut = luck.randrange(len(data) + 1) if pieces else len(data)
        for event in target.receive(data[:cut], now) + target.receive(data[cut:], now):
            assert not isinstance(event, ConnectionFault)
            events.append(event)
            if isinstance(event, MessageReceived):
                if luck.random() < 0.9:
                    event.incoming.respond(luck.choice([200, 200, 200, 413, 403, 408]))
                event.incoming.report(luck.choice([200, 403]))

    for _ in range(60):
        now += luck.random() * 3
        match luck.choices(["send", "carry", "stop", "resume", "close", "expire", "lose"], [35, 40, 5, 10, 3, 4, 0.5])[
            0
        ]:
            case "send":
                body = luck.randbytes(luck.choice([0, 10, 2048, 2049, 30_000]))
                wish = luck.choice(["yes", "yes", "no", "partial"])
                with contextlib.suppress(MsrpSendError):
                    sent.append(
                        luck.choice(luck.choice(sessions)).send(
                            new_message_id(), "text/plain", body, failure_report=wish, success_report=True, now=now
                        )
                    )
            case "carry":
                carry(*luck.choice(ends), pieces=True)
            case "stop":
                luck.choice(ends)[0].writable = False
            case "resume":
                luck.choice(ends)[0].resume(now)
            case "close":
                events += luck.choice(luck.choice(sessions)).close(now)
            case "expire":
                now += luck.choice([0, 31])
                events += pair.left.expire(now) + pair.right.expire(now)
            case "lose":
                events += pair.out.lost(now) + pair.into.lost(now)
    for source, _ in ends:
        source.resume(now)
    while pair.out.has_output or pair.into.has_output:
        for source, target in ends:
            carry(source, target, pieces=False)
    assert (pair.out.waiting, pair.into.waiting) == (0, 0)
    now += 200
    events += pair.left.expire(now) + pair.right.expire(now)
    assert sorted(id(event.outgoing) for event in events if isinstance(event, SendOutcome)) == sorted(map(id, sent))
    for here, there in sessions:
        here.close(now)
        there.close(now)
    pair.out.lost(now)
    pair.into.lost(now)
    for endpoint in (pair.left, pair.right):
        assert (endpoint.assembly_bytes, endpoint.assembly_count, len(endpoint)) == (0, 0, 0)
        assert endpoint.next_deadline() is None
