"""Who is let in: connections of peers and of strangers, and refusals a second."""

from __future__ import annotations

from collections import Counter

import pytest

from sessions_app.admission import BOUNDS, STRANGERS_SHARE, Admission
from sessions_app.conf import GatewayConfig

PEER, CALLED, STRANGER, OTHER = "192.0.2.1", "192.0.2.2", "203.0.113.1", "203.0.113.2"


class Door:
    """Admission with a clock, one peer, and one host that we have called."""

    def __init__(self, **config: float) -> None:
        self.now = 1000.0
        self.counts: Counter[str] = Counter()
        self.peers = {PEER}
        self.admission = Admission(
            GatewayConfig(**config),  # type: ignore[arg-type]
            clock=lambda: self.now,
            trusts=lambda host: host in self.peers,
            called=lambda host: host == CALLED,
            count=lambda name: self.counts.update([name]),
        )

    def connections(self, kind: str, hosts: list[str]) -> list[bool]:
        return [self.admission.takes_connection(kind, host) for host in hosts]


@pytest.mark.parametrize("kind", BOUNDS)
def test_one_stranger_has_a_few_connections_and_all_together_a_few_more(kind: str) -> None:
    door, (most, each) = Door(), BOUNDS[kind]
    assert sum(door.connections(kind, [STRANGER] * (each + 5))) == each
    assert sum(door.connections(kind, [f"198.51.100.{number % 250}" for number in range(most + 50)])) == most - each
    assert door.counts["connections_refused"] == 55 + each
    assert door.connections(kind, [PEER, CALLED]) == [True, True], "peers have room, and who was called"
    door.admission.connection_gone(kind, STRANGER)
    assert door.connections(kind, [STRANGER, STRANGER]) == [True, False]


def test_strangers_over_sip_take_no_room_of_those_over_msrp() -> None:
    door = Door()
    door.connections("sip", [f"198.51.100.{number % 250}" for number in range(300)])
    assert door.connections("msrp", [STRANGER]) == [True]


def test_peers_have_bounds_of_their_own() -> None:
    door = Door(max_connections=5, max_connections_per_peer=3)
    assert door.connections("sip", [PEER] * 4) == [True, True, True, False]
    assert door.connections("msrp", [CALLED] * 3) == [True, True, False]


def test_who_has_become_a_peer_meanwhile_is_counted_where_it_was() -> None:
    door = Door()
    door.connections("sip", [STRANGER])
    door.peers.add(STRANGER)
    door.admission.connection_gone("sip", STRANGER)
    door.peers.remove(STRANGER)
    assert sum(door.connections("sip", [STRANGER] * 20)) == BOUNDS["sip"][1]


def test_strangers_are_refused_so_often_a_second_and_else_unheard() -> None:
    door = Door(refusals_per_second=100.0)
    assert sum(door.admission.takes_datagram(STRANGER) for _ in range(1000)) == 20
    assert sum(door.admission.takes_datagram(f"198.51.100.{number % 250}") for number in range(10_000)) == 180
    assert door.counts["strangers_unheard"] == 10_800
    assert door.admission.takes_datagram(PEER), "a flood of strangers costs no peer anything"
    door.now += 1.0
    assert sum(door.admission.takes_datagram(OTHER) for _ in range(1000)) == 20


def test_strangers_share_one_turn_and_everybody_else_has_their_own() -> None:
    admission = Door().admission
    assert admission.share_of(STRANGER) == admission.share_of(OTHER) == STRANGERS_SHARE
    assert [admission.share_of(host) for host in (PEER, CALLED)] == [PEER, CALLED]
