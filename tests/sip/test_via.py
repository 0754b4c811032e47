"""Via and what a server writes into it: RFC 3261 s18.2.1, RFC 3581, RFC 5118."""

from __future__ import annotations

import pytest

from protocols.sip.errors import SipError
from protocols.sip.message import Request
from protocols.sip.via import Via, stamped


@pytest.mark.parametrize(
    ("text", "transport", "sent_by", "branch", "params"),
    [
        ("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1", "UDP", "192.0.2.1:5060", "z9hG4bK1", {"branch": "z9hG4bK1"}),
        (
            "SIP/2.0/TLS Host.Example.com;branch=b;rport",
            "TLS",
            "host.example.com:5061",
            "b",
            {"branch": "b", "rport": None},
        ),
        ("SIP/2.0/UDP h:5070;rport;branch=b", "UDP", "h:5070", "b", {"rport": None, "branch": "b"}),
        ("sip / 2.0 / tcp  h : 5070 ; Branch = b", "TCP", "h:5070", "b", {"branch": "b"}),
        (
            "SIP/2.0/UDP [2001:DB8::9:1];received=[2001:db8::9:255];branch=b",
            "UDP",
            "[2001:db8::9:1]:5060",
            "b",
            {"received": "[2001:db8::9:255]", "branch": "b"},
        ),
        ("SIP/2.0/UDP h", "UDP", "h:5060", None, {}),
        ('SIP/2.0/UDP h;x="a;b"', "UDP", "h:5060", None, {"x": "a;b"}),
    ],
)
def test_forms_that_are_read(
    text: str, transport: str, sent_by: str, branch: str | None, params: dict[str, str | None]
) -> None:
    via = Via.parse(text)
    assert (via.transport, via.sent_by, via.branch, via.params) == (transport, sent_by, branch, params)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SIP/2.0/UDP",
        "SIP/2.0/UDP ",
        "SIP/3.0/UDP h",
        "SIP/2.0/UDP h;;",
        "SIP/2.0/UDP h:0",
        "SIP/2.0/UDP h:65536",
        "SIP/2.0/UDP 2001:db8::1",
        "SIP/2.0/UDP h;rport;branch=a;rport",
        "SIP/2.0/UDP h;branch=a;branch=b",
        "SIP/2.0/UDP h;branch=a b",
        "UDP h;branch=b",
        "SIP/2.0/UDP h h",
    ],
)
def test_forms_that_are_refused(text: str) -> None:
    with pytest.raises(SipError) as raised:
        Via.parse(text)
    assert raised.value.code == 400


@pytest.mark.parametrize(
    ("branch", "ours"), [("z9hG4bK1", True), ("z9hG4bK", False), ("abc", False), ("Z9HG4BK1", False)]
)
def test_only_the_cookie_and_more_identifies_a_transaction(branch: str, ours: bool) -> None:
    assert Via.parse(f"SIP/2.0/UDP h;branch={branch}").is_rfc3261 is ours


def test_received_is_read_without_brackets() -> None:
    assert Via.parse("SIP/2.0/UDP h;received=[2001:db8::1]").received == "2001:db8::1"
    assert Via.parse("SIP/2.0/UDP h;received=2001:db8::1").received == "2001:db8::1"


@pytest.mark.parametrize(
    ("raw", "stamp"),
    [
        # Sent from where it says.
        ("SIP/2.0/UDP 192.0.2.9;branch=b", "SIP/2.0/UDP 192.0.2.9;branch=b"),
        # From elsewhere, or from behind a name.
        ("SIP/2.0/UDP 10.0.0.1;branch=b", "SIP/2.0/UDP 10.0.0.1;branch=b;received=192.0.2.9"),
        ("SIP/2.0/UDP h.example.com;branch=b", "SIP/2.0/UDP h.example.com;branch=b;received=192.0.2.9"),
        # With rport both are given, whatever sent-by is (RFC 3581 s4).
        ("SIP/2.0/UDP 192.0.2.9;branch=b;rport", "SIP/2.0/UDP 192.0.2.9;branch=b;rport=4444;received=192.0.2.9"),
        ("SIP/2.0/UDP h;rport;branch=b", "SIP/2.0/UDP h;rport=4444;branch=b;received=192.0.2.9"),
        ("SIP/2.0/UDP h ; rport ; branch=b", "SIP/2.0/UDP h;rport=4444;branch=b;received=192.0.2.9"),
        ('SIP/2.0/UDP h;x=";rport;";rport', 'SIP/2.0/UDP h;x=";rport;";rport=4444;received=192.0.2.9'),
        # What the sender claims does not count.
        ("SIP/2.0/UDP h;received=203.0.113.1;branch=b", "SIP/2.0/UDP h;received=192.0.2.9;branch=b"),
        ("SIP/2.0/UDP 192.0.2.9;received=203.0.113.1;branch=b", "SIP/2.0/UDP 192.0.2.9;branch=b"),
        ("SIP/2.0/UDP h;rport=1;branch=b", "SIP/2.0/UDP h;rport=4444;branch=b;received=192.0.2.9"),
    ],
)
def test_stamping(raw: str, stamp: str) -> None:
    via = Via.parse(raw)
    assert stamped(raw, via, "192.0.2.9", 4444) == stamp
    assert Via.parse(stamp).params == via.params


def test_stamping_ipv6_knows_the_same_address_in_brackets() -> None:
    raw = "SIP/2.0/UDP [2001:DB8::1];branch=b"
    assert stamped(raw, Via.parse(raw), "2001:db8::1", 1) == raw
    raw = "SIP/2.0/UDP h;branch=b"
    assert stamped(raw, Via.parse(raw), "fe80::1%eth0", 1) == raw + ";received=fe80::1"


def test_a_request_is_stamped_in_its_topmost_via_only() -> None:
    request = Request(
        "MESSAGE", "sip:a@b", {"via": ["SIP/2.0/UDP h;rport;branch=b, SIP/2.0/TCP p;rport", "SIP/2.0/UDP q"]}
    )
    request.stamp("192.0.2.9", 4444)
    assert request.headers["via"] == [
        "SIP/2.0/UDP h;rport=4444;branch=b;received=192.0.2.9",
        "SIP/2.0/TCP p;rport",
        "SIP/2.0/UDP q",
    ]
    assert (request.via.rport, request.via.received) == (4444, "192.0.2.9")


def test_a_via_is_written_as_it_was_meant() -> None:
    text = "SIP/2.0/UDP [::1]:5070;branch=z9hG4bK1;rport;received=::1"
    assert str(Via.parse(text)) == text
