"""Where the gateway may be made to send or connect, and that it never carries anything to itself (RULEBOOK S34, U2)."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest

from protocols.sip.flow import Target
from protocols.sip.locate import OPERATOR, Origin
from sessions_app.gateway.destinations import Destinations, parse_networks
from sessions_app.gateway.routing import RouteRequest, msg_to_msrp, msrp_gw_answer
from sessions_app.own_addresses import is_local, own_addresses
from tests.gateway.rig import CHAT, PAGE, Rig

OWN = [("192.0.2.9", 5060), ("2001:db8::9", 5060), ("192.0.2.9", 2855)]
OUTSIDE, INSIDE, LOOPBACK = Origin("203.0.113.5"), Origin("10.1.2.3"), Origin("127.0.0.1")


def layer(host: str, origin: Origin, port: int = 5090, **ports: Any) -> str | None:
    """The layer that refuses; None where it is permitted."""
    refusal = Destinations(OWN, **ports).refusal(Target("UDP", host, port), origin)
    return None if refusal is None else refusal.layer


@pytest.mark.parametrize("origin", [OUTSIDE, INSIDE, LOOPBACK, OPERATOR])
@pytest.mark.parametrize(
    "host",
    [
        *("0.0.0.0", "0.1.2.3", "::", "224.0.0.1", "239.255.255.250", "ff02::1", "255.255.255.255", "240.0.0.1"),
        *("169.254.169.254", "169.254.1.1", "fe80::1", "fe80::1%eth0", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe"),
        *("2002:a9fe:a9fe::", "::ffff:224.0.0.1", "::ffff:0.0.0.0"),
    ],
)
def test_addresses_of_nobody_everybody_and_this_link_are_never_sent_to(host: str, origin: Origin) -> None:
    assert layer(host, origin) == "destination"


@pytest.mark.parametrize("origin", [OUTSIDE, INSIDE, LOOPBACK, OPERATOR])
@pytest.mark.parametrize(
    ("host", "port"),
    [
        *(("192.0.2.9", 5060), ("192.0.2.9", 2855), ("2001:db8::9", 5060), ("2001:DB8:0:0::9", 5060)),
        *(("::ffff:192.0.2.9", 5060), ("64:ff9b::c000:209", 2855)),
    ],
)
def test_our_own_listeners_are_a_loop_however_they_are_written(host: str, port: int, origin: Origin) -> None:
    assert layer(host, origin, port) == "loop"


def test_a_listener_on_every_address_is_on_each_address_of_this_machine_and_no_other() -> None:
    everywhere = Destinations([("0.0.0.0", 5060)], is_local=is_local)
    for host, expected in (("127.0.0.1", "loop"), ("127.8.8.8", "loop"), ("::ffff:127.0.0.1", "loop")):
        refusal = everywhere.refusal(Target("UDP", host, 5060), LOOPBACK)
        assert refusal is not None
        assert refusal.layer == expected
    assert everywhere.refusal(Target("UDP", "203.0.113.77", 5060), LOOPBACK) is None
    assert everywhere.refusal(Target("UDP", "127.0.0.1", 5090), LOOPBACK) is None


@pytest.mark.parametrize(
    ("host", "origin", "expected"),
    [
        ("127.0.0.1", LOOPBACK, None),
        ("127.0.0.1", INSIDE, "destination"),
        ("127.0.0.1", OUTSIDE, "destination"),
        ("::1", OUTSIDE, "destination"),
        ("::ffff:127.0.0.1", OUTSIDE, "destination"),
        ("127.0.0.1", OPERATOR, None),
        ("10.9.9.9", LOOPBACK, None),
        ("10.9.9.9", INSIDE, None),
        ("192.168.0.1", INSIDE, None),
        ("10.9.9.9", OUTSIDE, "destination"),
        ("100.64.0.1", OUTSIDE, "destination"),
        ("fd00::1", OUTSIDE, "destination"),
        ("64:ff9b::a00:1", OUTSIDE, "destination"),
        ("10.9.9.9", OPERATOR, None),
        ("198.51.100.1", LOOPBACK, None),
        ("198.51.100.1", OUTSIDE, None),
        ("2001:db8::1", OUTSIDE, None),
    ],
)
def test_a_peer_names_addresses_of_its_own_scope_or_a_wider_one(
    host: str, origin: Origin, expected: str | None
) -> None:
    assert layer(host, origin) == expected


def test_a_private_address_that_is_a_peers_may_be_named_by_any_peer() -> None:
    assert layer("10.9.9.9", OUTSIDE, is_peer=lambda host: host == "10.9.9.9") is None
    assert layer("127.0.0.1", OUTSIDE, is_peer=lambda host: True) == "destination"


def test_where_networks_are_named_they_decide() -> None:
    allowed = parse_networks("198.51.100.0/24, 127.0.0.1")
    assert allowed == (ipaddress.ip_network("198.51.100.0/24"), ipaddress.ip_network("127.0.0.1/32"))
    asked: list[tuple[str, str]] = []

    def of(source: str, route: str) -> Any:
        asked.append((source, route))
        return allowed

    assert layer("198.51.100.1", Origin("203.0.113.5", "a route"), allowed=of) is None
    assert layer("127.0.0.1", OUTSIDE, allowed=of) is None
    assert layer("203.0.113.6", OUTSIDE, allowed=of) == "destination"
    assert layer("169.254.169.254", OUTSIDE, allowed=lambda *_: parse_networks("0.0.0.0/0")) == "destination"
    assert layer("192.0.2.9", OUTSIDE, 5060, allowed=lambda *_: parse_networks("0.0.0.0/0")) == "loop"
    assert layer("203.0.113.6", OPERATOR, allowed=of) is None
    assert asked[0] == ("203.0.113.5", "a route")


def test_our_own_addresses_are_numeric_and_there_for_each_listener_by_each_name() -> None:
    class Listener:
        def __init__(self, host: str, port: int) -> None:
            self.host, self.port = host, port

    found = own_addresses([Listener("127.0.0.1", 5060), Listener("0.0.0.0", 2855)], "localhost")
    assert {("127.0.0.1", 5060), ("0.0.0.0", 2855), ("127.0.0.1", 2855)} <= set(found)
    assert own_addresses([Listener("127.0.0.1", 5060)], "no-such-host.invalid") == [("127.0.0.1", 5060)]


# ------------------------------------------------------------------------------------------- through the whole gateway

OFFER = (
    "v=0\r\no=x 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=message 2900 TCP/MSRP *\r\n"
    "a=accept-types:*\r\na=path:{path}\r\na=setup:{setup}\r\n"
)
SELF = ["sip:zed@127.0.0.1:5060", "sip:zed@127.0.0.1", "sip:zed@x.example;maddr=127.0.0.1", "sip:zed@127.0.0.1:2855"]


def message(rig: Rig, ruri: str, from_uri: str = "sip:alice@127.0.0.1:5080") -> None:
    rig._branch += 1
    rig.receive(
        f"MESSAGE {ruri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bKd{rig._branch};rport\r\n"
        f"Max-Forwards: 70\r\nFrom: <{from_uri}>;tag=1\r\nTo: <sip:zed@127.0.0.1>\r\n"
        f"Call-ID: d{rig._branch}\r\nCSeq: 1 MESSAGE\r\nContent-Type: text/plain\r\n\r\nhello",
        PAGE,
    )


def invite(rig: Rig, ruri: str, path: str = "msrp://127.0.0.1:2900/abcdefghij;tcp", setup: str = "active") -> None:
    rig._branch += 1
    rig.receive(
        f"INVITE {ruri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5090;branch=z9hG4bKi{rig._branch};rport\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:carol@127.0.0.1:5090>;tag=1\r\nTo: <{ruri}>\r\n"
        f"Call-ID: i{rig._branch}\r\nCSeq: 1 INVITE\r\nContact: <sip:carol@127.0.0.1:5090>\r\n"
        f"Content-Type: application/sdp\r\n\r\n{OFFER.format(path=path, setup=setup)}",
        CHAT,
    )


def only_answer(rig: Rig) -> int:
    [(data, _)] = [each for each in rig.flow.sent if not each[0].startswith(b"SIP/2.0 100")]
    return int(data[8:11])


@pytest.mark.parametrize("ruri", SELF)
def test_a_message_to_the_gateway_itself_is_a_loop(ruri: str) -> None:
    rig = Rig()
    message(rig, ruri)
    assert only_answer(rig) == 482
    [failure] = rig.store.failures
    assert (failure["layer"], failure["answered"]) == ("loop", 482)
    assert rig.gateway.sessions == {}


@pytest.mark.parametrize("ruri", SELF)
def test_an_invite_for_the_gateway_itself_is_a_loop_before_anything_is_promised(ruri: str) -> None:
    rig = Rig()
    invite(rig, ruri)
    assert only_answer(rig) == 482
    [failure] = rig.store.failures
    assert (failure["leg"], failure["layer"], failure["answered"]) == ("message", "loop", 482)
    assert rig.gateway.sessions == {}
    assert rig.store.sessions == {}


@pytest.mark.parametrize("method", ["MESSAGE", "INVITE"])
def test_the_same_by_a_name_for_it(method: str) -> None:
    rig = Rig()
    asked: list[Any] = []
    rig.gateway.agent.locator.lookup = lambda name, then: asked.append(then)
    (message if method == "MESSAGE" else invite)(rig, "sip:zed@gateway.example")
    assert not any(data.startswith(b"SIP/2.0 2") for data, _ in rig.flow.sent)
    asked.pop()(["127.0.0.1"])
    assert only_answer(rig) == 482


def test_an_invite_that_is_cancelled_while_its_way_is_looked_up_makes_no_session() -> None:
    rig = Rig()
    asked: list[Any] = []
    rig.gateway.agent.locator.lookup = lambda name, then: asked.append(then)
    invite(rig, "sip:zed@phone.example")
    rig.receive(
        "CANCEL sip:zed@phone.example SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 127.0.0.1:5090;branch=z9hG4bKi{rig._branch};rport\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:carol@127.0.0.1:5090>;tag=1\r\nTo: <sip:zed@phone.example>\r\n"
        f"Call-ID: i{rig._branch}\r\nCSeq: 1 CANCEL\r\n\r\n",
        CHAT,
    )
    asked.pop()(["127.0.0.1"])
    assert sorted(int(data[8:11]) for data, _ in rig.flow.sent) == [200, 487]
    assert rig.gateway.sessions == {}


def test_a_way_back_that_is_the_gateway_itself_refuses_what_comes_back_and_nothing_else() -> None:
    """Phones are in use whose From has no port: by it they are at 5060, where we are."""
    rig = Rig()
    message(rig, "sip:bob@127.0.0.1:5090", from_uri="sip:alice@127.0.0.1")
    rig.accept(rig.flow.take("INVITE"))
    connection = rig.connect()
    rig.msrp_ok(connection)
    assert rig.flow.take("SIP/2.0 200")
    [session] = rig.gateway.by_id.values()
    assert session.msrp is not None
    send = (
        f"MSRP tid1 SEND\r\nTo-Path: {session.local_path}\r\nFrom-Path: {session.msrp.peer_path[0]}\r\n"  # type: ignore[index]
        "Message-ID: answer01\r\nByte-Range: 1-2/2\r\nSuccess-Report: yes\r\nContent-Type: text/plain\r\n\r\nhi\r\n"
        "-------tid1$\r\n"
    )
    rig.gateway.msrp_side.handle(connection.receive(send.encode(), rig.now))
    said = connection.take_output(rig.now)
    assert b"MSRP tid1 403 " in said
    assert b"REPORT" not in said
    assert [row.split("\t")[3] for row in rig.store.messages] == ["delivered", "failed"]


def test_a_request_of_ours_that_comes_back_is_a_loop_whatever_way_it_took() -> None:
    rig = Rig()
    rig.message("round and round")
    ours = rig.flow.sent[-1][0]
    assert ours.startswith(b"INVITE")
    rig.flow.sent.clear()
    rig.gateway.layer.receive(ours, ("127.0.0.1", 5060), rig.flow)  # straight
    assert int(rig.flow.sent[-1][0][8:11]) == 482
    line, rest = ours.split(b"\r\n", 1)
    by_proxy = line + b"\r\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bKproxy\r\n" + rest
    rig.gateway.layer.receive(by_proxy, ("127.0.0.1", 5070), rig.flow)
    assert int(rig.flow.sent[-1][0][8:11]) == 482
    assert len(rig.gateway.by_id) == 1


@pytest.mark.parametrize(
    ("path", "layer"),
    [
        ("msrp://127.0.0.1:2855/abcdefghij;tcp", "loop"),
        ("msrp://127.0.0.1:5060/abcdefghij;tcp", "loop"),
        ("msrp://224.0.0.1:2855/abcdefghij;tcp", "destination"),
        ("msrp://169.254.169.254:80/abcdefghij;tcp", "destination"),
        ("msrp://0.0.0.0:22/abcdefghij;tcp", "destination"),
        ("msrp://[::ffff:127.0.0.1]:2855/abcdefghij;tcp", "loop"),
    ],
)
def test_a_path_is_not_followed_to_where_nobody_may_be_sent(path: str, layer: str) -> None:
    rig = Rig()
    rig.message("hello")
    rig.accept(rig.flow.take("INVITE"), path)
    assert rig.dialled == []
    assert [failure["layer"] for failure in rig.store.failures] == [layer]
    assert rig.flow.take("BYE")


def test_a_path_by_name_is_looked_up_first_and_its_permitted_addresses_are_tried_in_order() -> None:
    rig = Rig()
    asked: list[Any] = []
    rig.gateway.agent.locator.lookup = lambda name, then: asked.append((name, then))
    rig.message("hello")
    rig.accept(rig.flow.take("INVITE"), "msrp://relay.example:2900/abcdefghij;tcp")
    name, then = asked.pop()
    assert name == "relay.example"
    then(["169.254.1.1", "127.0.0.2", "127.0.0.3"])
    assert rig.dialled == [("127.0.0.2", 2900)]
    rig.gateway.msrp_side.dial_failed(rig.dialled.pop(), "connection refused")
    assert rig.dialled == [("127.0.0.3", 2900)]
    rig.msrp_ok(rig.connect())
    assert any(data.startswith(b"SIP/2.0 200") for data, _ in rig.flow.sent)


def narrow(request: RouteRequest) -> None:
    """Every request, by a route of that name."""
    begin = msg_to_msrp if request.method == "MESSAGE" else msrp_gw_answer
    begin(request, request.pair, "text/plain", route="narrow")


@pytest.mark.parametrize("calls", ["the gateway", "the MSRP side"])
def test_the_networks_of_a_route_hold_within_the_dialog_too(calls: str) -> None:
    """A Contact is as much a peer's word as the path beside it is."""
    rig = Rig()
    rig.gateway.route = narrow
    asked: list[tuple[str, str]] = []

    def allowed(source: str, route: str) -> Any:
        asked.append((source, route))
        return parse_networks("127.0.0.1") if route == "narrow" else None

    rig.gateway.agent.locator.refusal = Destinations([], allowed=allowed).refusal
    contact = "Contact: <sip:bob@127.0.0.77:5090>\r\nContent-Type: application/sdp\r\n"
    body = OFFER.format(path="msrp://127.0.0.1:2900/abcdefghij;tcp", setup="passive")
    if calls == "the gateway":
        rig.message("hello")
        rig.answer(rig.flow.take("INVITE"), 200, extra=contact, body=body)
    else:
        rig.receive(
            "INVITE sip:alice@127.0.0.1:5080 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5090;branch=z9hG4bKr;rport\r\n"
            "Max-Forwards: 70\r\nFrom: <sip:bob@127.0.0.1:5090>;tag=b\r\nTo: <sip:alice@127.0.0.1:5080>\r\n"
            f"Call-ID: r\r\nCSeq: 1 INVITE\r\n{contact}\r\n{body}",
            CHAT,
        )
        rig.gateway.end_session(next(iter(rig.gateway.by_id)), "somebody")
    assert ("127.0.0.1", "narrow") in asked
    assert not any(to[0] == "127.0.0.77" for _, to in rig.flow.sent)


def test_a_contact_that_must_not_be_followed_gets_no_bye_and_the_session_ends() -> None:
    rig = Rig()
    rig.message("hello")
    asked = rig.flow.take("INVITE")
    extra = "Contact: <sip:bob@224.0.0.9:5090>\r\nContent-Type: application/sdp\r\n"
    path = "msrp://127.0.0.1:2900/abcdefghij;tcp"
    rig.answer(asked, 200, extra=extra, body=OFFER.format(path=path, setup="passive"))
    assert all(to == PAGE for _, to in rig.flow.sent)
    assert [(failure["layer"], failure["waiting"]) for failure in rig.store.failures] == [("destination", 1)]
