"""Flows: which is taken, which is made, and who is told (RFC 3261 s18.1)."""

from __future__ import annotations

import pytest

from protocols.sip.flow import Target
from protocols.sip.transports import MOST_DIALS, Transports, is_loopback, udp_limit
from tests.sip.fakes import RecordingFlow

PEER = Target("TCP", "192.0.2.10", 5060)


class Waiter:
    """Notes what it gets."""

    def __init__(self) -> None:
        self.got: list[object] = []

    def flow_ready(self, flow) -> None:
        self.got.append(flow)

    def flow_failed(self, detail: str) -> None:
        self.got.append(detail)


class Host(Transports):
    """Remembers what it was asked to dial."""

    __slots__ = ("dialled",)

    def __init__(self) -> None:
        super().__init__()
        self.dialled: list[Target] = []
        self.dial = self.dialled.append


@pytest.fixture
def transports() -> Host:
    return Host()


def wanted(transports: Transports, target: Target = PEER) -> Waiter:
    waiter = Waiter()
    transports.obtain(target, waiter)
    return waiter


def test_a_connection_is_made_once_for_all_who_wait(transports):
    waiters = [wanted(transports) for _ in range(3)]
    assert transports.dialled == [PEER]
    flow = RecordingFlow("TCP")
    transports.connected(PEER, flow)
    assert [each.got for each in waiters] == [[flow]] * 3
    assert wanted(transports).got == [flow]
    assert transports.dialled == [PEER]


def test_all_who_wait_hear_that_it_failed_and_the_next_one_tries_again(transports):
    waiters = [wanted(transports) for _ in range(2)]
    transports.dial_failed(PEER, "connection refused")
    assert [each.got for each in waiters] == [["connection refused"]] * 2
    wanted(transports)
    assert transports.dialled == [PEER, PEER]


def test_who_tries_again_at_once_gets_a_new_connection(transports):
    class Stubborn(Waiter):
        def flow_failed(self, detail: str) -> None:
            super().flow_failed(detail)
            if len(self.got) == 1:
                transports.obtain(PEER, self)

    waiter = Stubborn()
    transports.obtain(PEER, waiter)
    transports.dial_failed(PEER, "refused")
    assert transports.dialled == [PEER, PEER]
    transports.dial_failed(PEER, "refused again")
    assert waiter.got == ["refused", "refused again"]


def test_a_connection_that_the_peer_opened_is_reused(transports):
    flow = RecordingFlow("TCP")
    transports.add_stream(flow, PEER)
    assert wanted(transports).got == [flow]


def test_a_dead_one_is_not(transports):
    flow = RecordingFlow("TCP")
    transports.add_stream(flow, PEER)
    flow.alive = False
    wanted(transports)
    assert transports.dialled == [PEER]


def test_an_old_one_that_goes_does_not_take_its_successor_along(transports):
    old, new = RecordingFlow("TCP"), RecordingFlow("TCP")
    for flow in (old, new):
        transports.add_stream(flow, PEER)
    transports.drop_stream(old, PEER)
    assert wanted(transports).got == [new]
    transports.drop_stream(new, PEER)
    assert transports.streams == {}


def test_connections_under_way_are_bounded(transports):
    for port in range(1, MOST_DIALS + 1):
        wanted(transports, PEER._replace(port=port))
    late = wanted(transports, PEER._replace(port=60_000))
    assert late.got == ["too many connections are being made"]
    assert len(transports.dialled) == MOST_DIALS
    assert wanted(transports, PEER._replace(port=1)).got == []  # one more who waits costs no connection


def test_without_a_dialler_there_are_no_connections():
    assert wanted(Transports()).got == ["no transport for connections"]


def test_the_first_udp_socket_of_each_family_serves():
    transports = Transports()
    four, six, other = RecordingFlow(), RecordingFlow(), RecordingFlow()
    assert transports.serves("2001:db8::1")  # nothing is bound: TCP may reach either
    transports.add_udp(four)
    transports.add_udp(other)
    assert (transports.serves("192.0.2.1"), transports.serves("2001:db8::1")) == (True, False)
    transports.add_udp(six, ipv6=True)
    assert (transports.udp_to("192.0.2.1"), transports.udp_to("2001:db8::1")) == (four, six)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.8.9.1", True), ("::1", True), ("192.0.2.1", False), ("fe80::1", False)],
)
def test_only_to_this_machine_itself_the_mtu_is_known(host, loopback):
    assert is_loopback(host) is loopback
    assert udp_limit(host) == (65_000 if loopback else 1300)


@pytest.mark.parametrize(
    ("target", "text"),
    [(PEER, "tcp:192.0.2.10:5060"), (Target("UDP", "2001:db8::1", 5061), "udp:[2001:db8::1]:5061")],
)
def test_a_target_is_written_for_people(target, text):
    assert str(target) == text


SECURE = Target("TLS", "192.0.2.10", 5061, "gw.example")


def test_a_connection_over_tls_serves_its_own_name_and_its_bare_address(transports):
    flow = RecordingFlow("TLS")
    transports.connected(SECURE, flow)
    assert wanted(transports, SECURE).got == [flow]
    assert wanted(transports, SECURE._replace(name="192.0.2.10")).got == [flow]
    assert wanted(transports, SECURE._replace(name="other.example")).got == []
    assert wanted(transports, PEER._replace(port=5061)).got == []
    transports.drop_stream(flow, SECURE)
    assert transports.streams == {}


def test_one_that_came_in_over_tls_is_nobody_s_by_name(transports):
    """Nobody has verified whose it is; it is the way back to its address and to nothing else."""
    flow = RecordingFlow("TLS")
    transports.add_stream(flow, SECURE._replace(name=""))
    assert wanted(transports, SECURE._replace(name="192.0.2.10")).got == [flow]
    assert wanted(transports, SECURE).got == []
    assert transports.dialled == [SECURE]
