"""Who is a peer, by address: remembered within a bound, and asked anew when the peers change."""

from __future__ import annotations

import pytest

from sessions_app.gateway.destinations import parse_networks
from sessions_app.gateway.trusted import Trusted


def test_an_address_is_a_peers_where_a_network_has_it() -> None:
    trusts = Trusted(parse_networks("192.0.2.0/24 fe80::/10")).__getitem__
    assert [trusts(each) for each in ("192.0.2.9", "fe80::1%eth0", "203.0.113.1", "::1")] == [True, True, False, False]
    assert not Trusted()["192.0.2.9"]


def test_who_asks_sees_the_peers_of_now() -> None:
    trusted = Trusted(parse_networks("192.0.2.0/24"))
    trusts = trusted.__getitem__
    assert (trusts("192.0.2.9"), trusts("198.51.100.1")) == (True, False)
    trusted.change(parse_networks("198.51.100.0/24"))
    assert (trusts("192.0.2.9"), trusts("198.51.100.1")) == (False, True)


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessions_app.gateway.trusted.REMEMBERED", 10)
    trusted = Trusted(parse_networks("127.0.0.0/8"))
    for number in range(100):
        assert trusted[f"127.0.0.{number}"]
        assert len(trusted) <= 10


def test_what_is_no_address_is_nobodys_and_not_remembered() -> None:
    trusted = Trusted()
    with pytest.raises(ValueError, match="does not appear"):
        trusted["sip.example.com"]
    assert not trusted
