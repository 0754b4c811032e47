"""The routes table: who is trusted, which route takes a request, what it makes of it."""

from __future__ import annotations

from typing import get_args

import pytest
from django.core.exceptions import ValidationError

from protocols.sip.parser import parse_message
from sessions_app.gateway.routes_table import RoutesTable
from sessions_app.gateway.routing import Action, RouteRequest
from sessions_app.models import Peer, Route


def request(
    method: str = "MESSAGE",
    *,
    source: str = "127.0.0.1",
    from_uri: str = "sip:alice@a.example",
    to_uri: str = "sip:bob@b.example",
    ruri: str | None = None,
    call_id: str = "one",
) -> RouteRequest:
    message = parse_message(
        (
            f"{method} {ruri or to_uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKx\r\nMax-Forwards: 70\r\n"
            f"From: <{from_uri}>;tag=1\r\nTo: <{to_uri}>\r\nCall-ID: {call_id}\r\nCSeq: 1 {method}\r\n\r\n"
        ).encode()
    )
    return RouteRequest(message, source)


def route(name: str = "r", **fields) -> Route:
    return Route(**{"name": name, "method": "MESSAGE", "action": "msg_to_msrp", **fields})


def decide(table: RoutesTable, asked: RouteRequest):
    table(asked)
    return asked.decision


LOOPBACK = Peer(name="loopback", network="127.0.0.0/8")


def test_an_action_is_one_for_the_model_its_constraint_and_the_decision():
    (known,) = (each for each in Route._meta.constraints if each.name == "route_action_known")
    assert set(Route.Action.values) == set(get_args(Action)) == set(known.condition.children[0][1])


def test_the_request_route_knows_what_to_do_for_each_action():
    for action in Route.Action.values:
        assert decide(RoutesTable([LOOPBACK], [route(method="", action=action)]), request()).action == action


def test_only_enabled_peers_are_trusted():
    table = RoutesTable([LOOPBACK, Peer(name="off", network="192.0.2.0/24", enabled=False)], [])
    assert table.trusts("127.8.9.1")
    assert not table.trusts("192.0.2.1")
    assert not table.trusts("203.0.113.1")
    assert not table.trusts("::1")


def test_ipv6_peers_are_trusted_with_or_without_a_zone():
    table = RoutesTable([Peer(name="v6", network="fe80::/10")], [])
    assert table.trusts("fe80::1%eth0")
    assert table.trusts("fe80::1")


def test_the_first_route_by_priority_that_takes_the_request_decides():
    table = RoutesTable([LOOPBACK], [route("late", priority=20), route("early", priority=10)])
    assert decide(table, request()).route == "early"


def test_a_request_that_no_route_takes_has_no_decision():
    table = RoutesTable([LOOPBACK], [route(method="INVITE", action="msrp_gw_answer"), route("off", enabled=False)])
    assert decide(table, request()) is None


@pytest.mark.parametrize(
    ("fields", "taken"),
    [
        ({"from_pattern": r"sip:alice@.*"}, True),
        ({"from_pattern": r"alice"}, False),  # the whole address must match
        ({"to_pattern": r"sip:bob@b\.example"}, True),
        ({"to_pattern": r"sip:carol@.*"}, False),
        ({"ruri_pattern": r"sip:bob@b\.example"}, True),
        ({"ruri_pattern": r"sip:bob@c\.example"}, False),
        ({"source_network": "127.0.0.1"}, True),
        ({"source_network": "10.0.0.0/8"}, False),
        ({"method": ""}, True),
        ({"method": "INVITE"}, False),
    ],
)
def test_every_condition_of_a_route_must_hold(fields, taken):
    decision = decide(RoutesTable([LOOPBACK], [route(**fields)]), request())
    assert (decision is not None) is taken


def test_a_route_of_a_peer_takes_that_peers_requests_only():
    near, far = Peer(name="near", network="127.0.0.1"), Peer(name="far", network="10.0.0.0/8")
    table = RoutesTable([near, far], [route(peer=far)])
    assert decide(table, request(source="127.0.0.1")) is None
    assert decide(table, request(source="10.1.1.1")) is not None


def test_a_route_of_a_disabled_peer_takes_nothing():
    off = Peer(name="off", network="127.0.0.0/8", enabled=False)
    assert decide(RoutesTable([LOOPBACK, off], [route(peer=off)]), request()) is None


def test_the_default_key_is_the_same_both_ways_and_ignores_parameters_and_case_of_hosts():
    table = RoutesTable([LOOPBACK], [route(method="", action="msg_to_msrp")])
    there = decide(table, request(from_uri="sip:alice@A.example;x=1", to_uri="sip:bob@b.example"))
    back = decide(table, request(from_uri="sip:bob@B.EXAMPLE", to_uri="sip:alice@a.example"))
    assert there.key == back.key == "sip:alice@a.example sip:bob@b.example"


def test_templates_make_the_key_and_the_uris():
    table = RoutesTable(
        [LOOPBACK],
        [
            route(
                key_template="{from}>{ruri}",
                from_template="{to}",
                to_template="{from}",
                ruri_template="{ruri};transport=tcp",
            )
        ],
    )
    decision = decide(table, request(ruri="sip:bob@gw.example"))
    assert decision.key == "sip:alice@a.example>sip:bob@gw.example"
    assert (decision.from_uri, decision.to_uri) == ("sip:bob@b.example", "sip:alice@a.example")
    assert decision.ruri == "sip:bob@gw.example;transport=tcp"


def test_a_key_by_call_id_is_not_remembered_for_another_call():
    table = RoutesTable([LOOPBACK], [route(key_template="{call_id}")])
    assert decide(table, request(call_id="one")).key == "one"
    assert decide(table, request(call_id="two")).key == "two"


def test_a_decision_is_remembered_by_who_asks():
    table = RoutesTable([LOOPBACK], [route()])
    assert decide(table, request(call_id="one")) is decide(table, request(call_id="two"))
    assert decide(table, request(from_uri="sip:carol@a.example")) is not decide(table, request())


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr("sessions_app.gateway.routes_table.REMEMBERED", 10)
    table = RoutesTable([LOOPBACK], [route()])
    for number in range(100):
        decide(table, request(from_uri=f"sip:user{number}@a.example"))
    assert len(table._remembered) <= 10


def test_a_reject_carries_its_code_and_reason():
    table = RoutesTable([LOOPBACK], [route(action="reject", reject_code=603, reject_reason="Not today")])
    decision = decide(table, request())
    assert (decision.action, decision.code, decision.reason) == ("reject", 603, "Not today")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"from_pattern": "("}, "from_pattern"),
        ({"key_template": "{who}"}, "key_template"),
        ({"key_template": "everyone"}, "key_template"),
        ({"from_template": "{to"}, "from_template"),
        ({"from_template": "{from.__class__}"}, "from_template"),
        ({"content_types": "text"}, "content_types"),
        ({"content_types": " "}, "content_types"),
        ({"next_hop": "not a uri"}, "next_hop"),
        ({"next_hop": "sips:proxy.example"}, "next_hop"),
        ({"next_hop": "sip:proxy.example;transport=sctp"}, "next_hop"),
        ({"reject_code": 408}, "reject_code"),
        ({"reject_code": 200}, "reject_code"),
        ({"reject_reason": "two\r\nlines"}, "reject_reason"),
        ({"source_network": "127.0.0.1/8"}, "source_network"),
        ({"method": "INVITE"}, "method"),
    ],
)
@pytest.mark.django_db
def test_a_route_that_cannot_work_names_the_field(fields, field):
    with pytest.raises(ValidationError) as refused:
        route(**fields).full_clean()
    assert field in refused.value.message_dict


@pytest.mark.django_db
def test_the_default_routes_are_valid_and_made_once():
    from sessions_app.defaults import ensure_default_routes

    Peer.objects.all().delete()
    assert ensure_default_routes() is True
    assert ensure_default_routes() is False
    for made in (*Route.objects.all(), *Peer.objects.all()):
        made.full_clean()
    table = RoutesTable.load()
    assert decide(table, request()).action == "msg_to_msrp"
    assert decide(table, request("INVITE")).action == "msrp_gw_answer"
