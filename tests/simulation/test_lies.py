"""Each rule notices: a gateway that lies on its wires, as no honest one does, breaks the rule that the lie is about."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.simulation.contents import told_in_words
from tests.simulation.lies import Datagrams, Honest
from tests.simulation.run import Run
from tests.simulation.schedule import Behave, Break, CallUp, Crash, Network, Records, Say, Schedule, Send, Step, Wait
from tests.simulation.world import Address

RINGS = Behave("bob", (("invite", "ring"),))
SLOW = Behave("bob", (("after", 5.0),))
CALL = (CallUp("bob", "alice"), Wait(0.1))


def told(*steps: Step, **options: object) -> Schedule:
    """A schedule with settings."""
    return Schedule(steps, options=options)


class Swaps(Honest):
    """Says something else wherever it would say this, but for the SENDs without content that bind."""

    def __init__(self, old: bytes, new: bytes, *, msrp: bool = False) -> None:
        self._old, self._new, self._msrp = old, new, msrp

    def sip_out(self, data: bytes, to: Address) -> Datagrams:
        return [(data if self._msrp else data.replace(self._old, self._new, 1), to)]

    def msrp_out(self, data: bytes) -> bytes:
        said = self._msrp and (b" REPORT\r\n" in data or b" SEND\r\n" not in data or b"\r\nContent-Type:" in data)
        return data.replace(self._old, self._new) if said else data


class Drops(Honest):
    """Does not say what it would."""

    def __init__(self, what: Callable[[bytes], bool]) -> None:
        self._what = what

    def sip_out(self, data: bytes, to: Address) -> Datagrams:
        return [] if self._what(data) else [(data, to)]

    def msrp_out(self, data: bytes) -> bytes:
        frames = [b"MSRP " + each for each in data.split(b"MSRP ")[1:]]
        return b"".join(frame for frame in frames if not self._what(frame))


class Repeats(Honest):
    """Says it again in other words, some times."""

    def __init__(self, what: bytes, times: int, other: Callable[[bytes, int], bytes] = lambda data, _: data) -> None:
        self._what, self._times, self._other = what, times, other

    def sip_out(self, data: bytes, to: Address) -> Datagrams:
        more = self._times if data.startswith(self._what) else 0
        return [(data, to), *((self._other(data, number), to) for number in range(more))]


class Deaf(Honest):
    """Does not hear the answer to its third SEND: to the second message, after the one that binds and the first."""

    def __init__(self) -> None:
        self._heard = 0

    def hears_msrp(self, data: bytes) -> bytes:
        self._heard += bool(re.match(rb"MSRP \S+ 200", data))
        return b"" if self._heard == 3 else data


class Elsewhere(Honest):
    """Answers somebody else."""

    def sip_out(self, data: bytes, to: Address) -> Datagrams:
        return [(data, ("127.0.0.31", 5090) if data.startswith(b"SIP/2.0 200") else to)]


class Backwards(Honest):
    """SENDs that are ready together go out in the other order."""

    def msrp_out(self, data: bytes) -> bytes:
        return b"".join(b"MSRP " + frame for frame in reversed(data.split(b"MSRP ")[1:]))


class Forgets(Honest):
    """A new name for a message whenever it goes out."""

    def __init__(self) -> None:
        self._count = 0

    def msrp_out(self, data: bytes) -> bytes:
        self._count += 1
        return re.sub(rb"Message-ID: \w{4}", b"Message-ID: %04d" % self._count, data)


def other_request(data: bytes, number: int) -> bytes:
    """The same as a request of its own."""
    data = data.replace(b"branch=z9hG4bK", b"branch=z9hG4bK%d" % number)
    return data.replace(b"Call-ID: ", b"Call-ID: %d" % number)


def refused(data: bytes, _: int) -> bytes:
    """An answer of another meaning."""
    return data.replace(b"200 OK", b"486 Busy Here")


TOLD_LATE = (Behave("bob", (("invite", "486"), ("after", 12.0))), Say("alice", "bob"))
NEVER_TAKEN = Behave("alice", (("answer", 480), ("after", 0.5)))
LIES: dict[str, tuple[Schedule, Honest]] = {
    "taken before 200": (told(RINGS, Say("alice", "bob")), Swaps(b"SIP/2.0 202 Accepted", b"SIP/2.0 200 OK")),
    "kept before 202": (told(RINGS, Say("alice", "bob")), Swaps(b"SIP/2.0 100 Trying", b"SIP/2.0 202 Accepted")),
    "kept before SEND 200": (
        told(Behave("alice", (("answer", 480),)), *CALL, Send("bob", "alice"), Wait(1)),
        Swaps(b" 403 Forbidden", b" 200 OK", msrp=True),
    ),
    "never silence": (told(*TOLD_LATE), Drops(lambda data: told_in_words(data.partition(b"\r\n\r\n")[2]))),
    "failed is true": (
        told(Say("alice", "bob"), Wait(1)),
        Swaps(b"SIP/2.0 200 OK", b"SIP/2.0 480 Temporarily Unavailable"),
    ),
    "failed stays failed": (
        told(SLOW, Say("alice", "bob")),
        Swaps(b"SIP/2.0 100 Trying", b"SIP/2.0 480 Temporarily Unavailable"),
    ),
    "failed for a cause": (
        told(SLOW, Say("alice", "bob")),
        Swaps(b"SIP/2.0 100 Trying", b"SIP/2.0 480 Temporarily Unavailable"),
    ),
    "success is true": (
        told(NEVER_TAKEN, *CALL, Send("bob", "alice", success=True), Wait(1)),
        Swaps(b"Status: 000 403", b"Status: 000 200", msrp=True),
    ),
    "success is told": (told(*CALL, Send("bob", "alice", success=True)), Drops(lambda data: b" REPORT\r\n" in data)),
    "only what was asked": (
        told(NEVER_TAKEN, *CALL, Send("bob", "alice"), Wait(1)),
        Swaps(b"Status: 000 403", b"Status: 000 200", msrp=True),
    ),
    "told once": (told(*TOLD_LATE), Repeats(b"MESSAGE", 1, other_request)),
    "one name": (
        told(
            Say("alice", "bob"),
            Wait(1),
            Network("bob", (("tcp", 0.3),)),
            Say("alice", "bob"),
            Wait(0.4),
            Break("bob", True),
        ),
        Forgets(),
    ),
    "delivered once": (
        told(
            Say("alice", "bob"), Wait(1), Network("bob", (("tcp", 0.3),)), Say("alice", "bob"), Wait(0.7), Break("bob")
        ),
        Deaf(),
    ),
    "in order": (told(Say("alice", "bob", times=2)), Backwards()),
    "one outstanding": (told(*CALL, Send("bob", "alice")), Repeats(b"MESSAGE", 1, other_request)),
    "INVITEs are bounded": (told(Say("alice", "bob")), Repeats(b"INVITE", 3, other_request)),
    "repeats are bounded": (told(Say("alice", "bob")), Repeats(b"INVITE", 8)),
    "answers go back": (told(Say("alice", "bob")), Elsewhere()),
    "one answer": (told(Say("alice", "bob")), Repeats(b"SIP/2.0 200", 1, refused)),
    "an answer in time": (told(Say("alice", "bob")), Drops(lambda data: data.startswith(b"SIP/2.0 "))),
    "only to the path that was told": (
        told(Say("alice", "bob")),
        Swaps(b"To-Path: msrp://127.0.0.21:", b"To-Path: msrp://127.0.0.99:", msrp=True),
    ),
    "no ghosts": (
        told(Say("alice", "bob"), Wait(5), Crash()),
        Drops(lambda data: data.startswith(b"BYE")),
    ),
    "nothing owed for ever": (told(RINGS, Say("alice", "bob"), Wait(11)), Honest()),
}


@pytest.mark.parametrize("rule", [rule for rule in LIES if rule != "nothing owed for ever"])
def test_a_lie_breaks_the_rule_that_it_is_about(rule: str) -> None:
    schedule, lies = LIES[rule]
    broken = {violation.rule for violation in Run(schedule, lies)().found.values()}
    assert rule in broken


@pytest.mark.parametrize("rule", LIES)
def test_without_the_lie_it_holds(rule: str) -> None:
    schedule, _ = LIES[rule]
    assert Run(schedule)().found == {}


def test_what_is_owed_for_ever_is_noticed() -> None:
    schedule, _ = LIES["nothing owed for ever"]
    run = Run(schedule)
    forget = run.database.outcome
    run.database.outcome = lambda changes: None if changes["state"] == "failed" else forget(changes)  # type: ignore[method-assign]
    assert "nothing owed for ever" in {violation.rule for violation in run().found.values()}


def test_a_world_that_drives_itself_ends() -> None:
    run = Run(told(Records("prompt"), Wait(1)))

    def again() -> None:
        run.world.at(0.0, again)

    run.world.at(0.0, again)
    assert {violation.rule for violation in run().found.values()} == {"no overrun"}
