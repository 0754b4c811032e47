"""Every attack: a name, a line about it, a function that gets an :class:`~bench.hostile.attacker.Attacker`.

The function prepares what it needs, calls ``begin()`` and attacks; it returns when there is nothing more to be seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from bench.hostile.attacker import Attacker
from bench.hostile.attacks import answering_machine, descriptors, floods, parsing, repeats, streams


@dataclass(frozen=True, slots=True)
class Attack:
    """One row of the table."""

    name: str
    about: str
    run: Callable[[Attacker], object]
    descriptors: int | None = None
    """How many file descriptors the gateway may have, where that is the question."""
    told: str = ""
    """What its log should say of it: a regular expression."""
    sql: str = ""
    """A change of its routes before it starts."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Settings; a checkout that does not know one ignores it."""


ROWS: Final = (
    Attack("quiet", "nobody attacks", repeats.nothing),
    Attack("nul", "a stranger's datagrams with a NUL and many quoted quotes, 8 to 60 kB", parsing.nul_of_stranger),
    Attack("nul-of-peer", "the same of a peer, whose datagrams are read to their end", parsing.nul_of_peer),
    Attack("slow-strangers", "300 strangers' SIP connections, each ten octets short of 1 MB", streams.slow_sip),
    Attack("slow-strangers-msrp", "300 strangers' MSRP connections, each ten octets short of 1 MB", streams.slow_msrp),
    Attack(
        "stranger-invite", "a stranger's INVITEs over UDP, their answers never acknowledged", repeats.stranger_invite
    ),
    Attack("new-keys", "a peer's MESSAGEs, each of a new key, to an address that never answers", repeats.new_keys),
    Attack("no-ack", "a peer's INVITEs, never acknowledged", repeats.no_ack),
    Attack("unbound-msrp", "20 MSRP connections that send nothing but refused frames", streams.unbound),
    Attack("open-chunks", "40 bound sessions with an open chunk of 10 MB each", streams.open_chunks),
    Attack("stranger-flood", "a stranger's MESSAGEs, as fast as one process sends", floods.by_stranger),
    Attack("trusted-flood", "a peer's MESSAGEs of one key, as fast as one process sends", floods.by_peer),
    Attack(
        "answering-machine",
        "a peer that answers each notice about a refused set-up with a new MESSAGE",
        answering_machine.run,
        sql="UPDATE sessions_app_route SET notify_failure = true",
    ),
    Attack(
        "descriptors",
        "600 connections of a peer, where the gateway may have 400 descriptors",
        descriptors.run,
        descriptors=400,
        told=r"(?i)descriptor|RLIMIT_NOFILE|LimitNOFILE",
    ),
)
