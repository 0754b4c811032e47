"""From a URI to a target: RFC 3263 without NAPTR and SRV."""

from __future__ import annotations

import pytest

from protocols.sip.flow import Target
from protocols.sip.locate import MOST_LOOKUPS, MOST_NAMES, REMEMBER, REMEMBER_FAILURE, Locator
from protocols.sip.transaction_client import Failure


class Resolver:
    """Answers when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0
        self.asked: list[str] = []
        self.thens: list = []
        self.locator = Locator(lambda: self.now)
        self.locator.lookup = self.lookup
        self.found: list[Target | Failure] = []

    def lookup(self, name, then) -> None:
        self.asked.append(name)
        self.thens.append(then)

    def locate(self, uri: str):
        """What is found at once; None while the resolver is asked."""
        before = len(self.found)
        self.locator.locate(uri, self.found.append)
        return self.found[-1] if len(self.found) > before else None

    def answer(self, found) -> None:
        self.thens.pop(0)(found)


@pytest.fixture
def resolver() -> Resolver:
    return Resolver()


@pytest.mark.parametrize(
    ("uri", "target"),
    [
        ("sip:a@192.0.2.1", Target("UDP", "192.0.2.1", 5060)),
        ("sip:a@192.0.2.1;transport=TLS", Target("TLS", "192.0.2.1", 5061, "192.0.2.1")),
        ("sip:a@192.0.2.1:5070;transport=tcp", Target("TCP", "192.0.2.1", 5070)),
        ("sip:a@192.0.2.1;transport=UDP", Target("UDP", "192.0.2.1", 5060)),
        ("sip:[2001:DB8:0::1]", Target("UDP", "2001:db8::1", 5060)),
        ("sip:a@example.com;maddr=192.0.2.9", Target("UDP", "192.0.2.9", 5060)),
    ],
)
def test_numeric_hosts_are_settled_at_once(resolver, uri, target):
    assert resolver.locate(uri) == target
    assert resolver.asked == []


@pytest.mark.parametrize(
    "uri",
    [
        "sips:a@192.0.2.1",
        "tel:+1555",
        "im:a@192.0.2.1",
        "http://x",
        "nonsense",
        "",
        "*",
        "sip:a@192.0.2.1;transport=sctp",
    ],
)
def test_what_cannot_be_reached_is_a_failure_of_the_uri(resolver, uri):
    found = resolver.locate(uri)
    assert isinstance(found, Failure)
    assert found.layer == "uri"


class TestNames:
    def test_are_looked_up_once_for_all_who_wait(self, resolver):
        assert resolver.locate("sip:a@example.com") is None
        assert resolver.locate("sip:b@EXAMPLE.com.:5070;transport=tcp") is None
        assert resolver.asked == ["example.com"]
        resolver.answer(["192.0.2.1", "192.0.2.2"])
        assert resolver.found == [Target("UDP", "192.0.2.1", 5060), Target("TCP", "192.0.2.1", 5070)]

    @pytest.mark.parametrize(("found", "keep"), [(["192.0.2.1"], REMEMBER), ("no such name", REMEMBER_FAILURE)])
    def test_are_remembered_failures_not_for_long(self, resolver, found, keep):
        resolver.locate("sip:example.com")
        resolver.answer(found)
        resolver.now = keep - 0.1
        assert resolver.locate("sip:example.com") is not None
        resolver.now = keep + 0.1
        assert resolver.locate("sip:example.com") is None
        assert len(resolver.asked) == 2

    @pytest.mark.parametrize("found", ["no such name", []])
    def test_that_lead_nowhere_are_a_failure(self, resolver, found):
        resolver.locate("sip:example.com")
        resolver.answer(found)
        assert resolver.found[0].layer == "dns"
        assert "example.com" in resolver.found[0].detail

    def test_without_a_resolver_too(self, resolver):
        resolver.locator.lookup = None
        assert resolver.locate("sip:example.com").layer == "dns"

    @pytest.mark.parametrize("host", ["a" * 64 + ".example", "a..example", ".".join(["abcdefgh"] * 30)])
    def test_that_are_none_do_not_reach_the_resolver(self, resolver, host):
        assert resolver.locate(f"sip:{host}").layer in ("dns", "uri")
        assert resolver.asked == []

    def test_the_first_usable_address_is_taken(self, resolver):
        resolver.locator.usable = lambda address: ":" not in address
        resolver.locate("sip:localhost")
        resolver.answer(["::1", "127.0.0.1"])
        assert resolver.found == [Target("UDP", "127.0.0.1", 5060)]

    def test_the_first_of_all_where_none_is(self, resolver):
        resolver.locator.usable = lambda address: False
        resolver.locate("sip:localhost")
        resolver.answer(["::1", "::2"])
        assert resolver.found[0].host == "::1"

    def test_a_late_answer_that_comes_twice_does_no_harm(self, resolver):
        resolver.locate("sip:example.com")
        then = resolver.thens[0]
        then(["192.0.2.1"])
        then(["192.0.2.2"])
        assert len(resolver.found) == 1

    def test_both_memories_are_bounded(self, resolver):
        for number in range(MOST_LOOKUPS + 10):
            resolver.locate(f"sip:h{number}.example")
        assert len(resolver.asked) == MOST_LOOKUPS
        assert [failure.layer for failure in resolver.found] == ["dns"] * 10
        while resolver.thens:
            resolver.answer(["192.0.2.1"])
        resolver.locator.lookup = lambda name, then: then([])
        for number in range(MOST_NAMES + 10):
            resolver.locate(f"sip:i{number}.example")
        assert len(resolver.locator._names) <= MOST_NAMES
        assert resolver.locator._waiting == {}


def test_a_name_over_tls_is_whose_certificate_is_wanted(resolver):
    """RFC 5922 s4: the name of the URI, not what the resolver made of it."""
    resolver.locate("sip:a@Gw.Example.;transport=tls")
    resolver.answer(["192.0.2.7"])
    assert resolver.found == [Target("TLS", "192.0.2.7", 5061, "gw.example")]
