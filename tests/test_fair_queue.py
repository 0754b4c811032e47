"""A flood fills its own share and waits its own turn."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.fair_queue import LEAST, FairQueue


def filled(queue: FairQueue, host: str, count: int, ports: int = 1, size: int = 100) -> int:
    """How many of so many datagrams were taken in."""
    return sum(queue.put(host, b"x" * size, (host, 5000 + number % ports)) for number in range(count))


def test_what_comes_alone_goes_in_the_order_it_came():
    queue = FairQueue(1000, 1 << 20)
    for number in range(10):
        assert queue.put("a", b"%d" % number, ("a", 1))
    assert [data for data, _ in queue.take(100)] == [b"%d" % number for number in range(10)]
    assert not queue


@pytest.mark.parametrize("ports", [1, 7, 5000])
def test_one_datagram_waits_no_longer_than_a_round_of_the_hosts(ports: int):
    queue = FairQueue(20_000, 32 << 20)
    for flood in ("a", "b", "c"):
        filled(queue, flood, 5000, ports)
    assert queue.put("good", b"hello", ("good", 5060))
    assert b"hello" in [data for data, _ in queue.take(4)]


def test_within_a_host_a_port_waits_no_longer_than_a_round_of_its_ports():
    queue = FairQueue(20_000, 32 << 20)
    filled(queue, "a", 9000, ports=3)
    assert queue.put("a", b"hello", ("a", 9999))
    assert b"hello" in [data for data, _ in queue.take(4)]


def test_a_flood_takes_no_room_from_who_comes_later():
    queue = FairQueue(1000, 32 << 20)
    assert filled(queue, "flood", 100_000) == 1000
    assert filled(queue, "good", 400) == 400
    assert filled(queue, "flood", 100) == 0


@pytest.mark.parametrize("ports", [1, 100])
def test_nor_do_large_datagrams(ports: int):
    queue = FairQueue(20_000, 1 << 20)
    assert filled(queue, "flood", 1000, ports, size=60_000) <= 1 + (1 << 20) // 60_000 + LEAST
    assert filled(queue, "good", 100, size=1000) == 100


def test_forged_hosts_without_number_have_a_place_each_and_no_more():
    queue = FairQueue(1000, 1 << 20)
    taken = sum(filled(queue, f"10.0.{number >> 8}.{number & 255}", 100) for number in range(5000))
    assert taken <= 5000 * LEAST


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 3)) | st.integers(1, 5), max_size=200))
def test_whatever_is_put_in_comes_out_once_and_in_order_by_port(steps):
    queue = FairQueue(1000, 1 << 20)
    put: dict[tuple[str, int], list[bytes]] = {}
    got: dict[tuple[str, int], list[bytes]] = {}
    for number, step in enumerate(steps):
        if isinstance(step, int):
            for data, source in queue.take(step):
                got.setdefault(source, []).append(data)
        else:
            data = b"%d" % number
            assert queue.put(step[0], data, step)
            put.setdefault(step, []).append(data)
    assert len(queue) == sum(map(len, put.values())) - sum(map(len, got.values()))
    for data, source in queue.take(10_000):
        got.setdefault(source, []).append(data)
    assert got == put
    assert not queue._hosts
