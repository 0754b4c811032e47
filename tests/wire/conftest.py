"""A running gateway for all tests on the wire, and the two ends that talk through it."""

from __future__ import annotations

import pytest

from tests.wire.running import Running
from tests.wire.served import Served, Visitor
from tests.wire.session_peer import SessionPeer
from tests.wire.sip_peer import SipPeer

SHORT_TIMES = {
    "GATEWAY_RING_TIMEOUT": "2",
    "GATEWAY_CONNECT_TIMEOUT": "1",
    "GATEWAY_BIND_TIMEOUT": "2",
    "GATEWAY_ANSWER_WAIT": "5",
    "GATEWAY_DRAIN_TIMEOUT": "1",
    "GATEWAY_QUEUE_LIMIT": "12",
    "GATEWAY_PAGE_QUEUE_LIMIT": "12",
    "GATEWAY_MAX_PAGE_SIZE": "20000",
    "GATEWAY_MAX_MESSAGE_SIZE": "100000",
}


@pytest.fixture(scope="session")
def running_gateway():
    gateway = Running(**SHORT_TIMES)
    try:
        yield gateway.start()
    finally:
        gateway.close()


@pytest.fixture(scope="session")
def second_gateway():
    """For tests that kill it, or want what nobody else does: 202 after a second, silence for strangers."""
    unusual = {"GATEWAY_ANSWER_WAIT": "1", "GATEWAY_REJECT_SILENTLY": "yes", "GATEWAY_SIP_IDLE_TIMEOUT": "2"}
    gateway = Running(**SHORT_TIMES | unusual)
    try:
        yield gateway.start()
    finally:
        gateway.close()


@pytest.fixture(scope="session")
def served_gateway():
    """With pages and worker; bodies are kept."""
    gateway = Served(**SHORT_TIMES, GATEWAY_STORE_BODIES="always", LOG_FORMAT="json")
    try:
        yield gateway.start()
    finally:
        gateway.close()


@pytest.fixture(scope="session")
def visitor(served_gateway):
    """Its administrator, logged in."""
    return Visitor(served_gateway)


@pytest.fixture
def gateway(running_gateway):
    """The gateway. A test may make it complain about a peer, never about itself."""
    before = len(running_gateway.complaints)
    yield running_gateway
    assert running_gateway.complaints[before:] == []


@pytest.fixture
def transport():
    """Of SIP, where a test does not say."""
    return "udp"


@pytest.fixture
def page(gateway, transport):
    """`page()`: a new user agent of the message side."""
    yield from _made(lambda name="alice", by=transport: SipPeer(name, gateway, by))


@pytest.fixture
def session(gateway, transport):
    """`session()`: a new user agent of the MSRP side."""
    yield from _made(lambda name="bob", by=transport: SessionPeer(name, gateway, by))


def _made(make):
    made = []

    def one(*arguments):
        made.append(make(*arguments))
        return made[-1]

    yield one
    for each in made:
        each.close()


@pytest.fixture
def alice(page):
    """Sends and gets SIP MESSAGEs."""
    return page()


@pytest.fixture
def bob(session):
    """Has MSRP sessions."""
    return session()


@pytest.fixture
def live(alice, bob):
    """A live session that alice began: the call at bob's, her first message delivered."""
    first = alice.message(bob.uri, "first")
    call = bob.take_call()
    call.take_message()
    assert alice.final_answer_to(first).status == 200
    return call


@pytest.fixture
def called(alice, bob):
    """A live session that bob began."""
    return bob.call(alice.uri)
