"""Where MESSAGEs of the way back go, and how later MESSAGEs of the same user move it (RFC 3428 s4, RFC 5626 s5.3)."""

from __future__ import annotations

from typing import Any

import pytest

from protocols.msrp.connection import MsrpConnection
from protocols.sip.flow import Target
from sessions_app.gateway.routing import RouteRequest, WayBack, msg_to_msrp
from tests.gateway.rig import RecordingFlow, Rig

AT_HOME = ("127.0.0.1", 40001)
ABROAD = ("127.0.0.1", 40002)


class Connection(RecordingFlow):
    """A TCP connection that the phone has opened."""

    transport = "TCP"
    reliable = True


class Phone(Rig):
    """Alice writes no port into From, as many user agents do."""

    def __init__(self, way_back: WayBack, **config: Any) -> None:
        super().__init__(**config)
        self.way_back = way_back
        self.back_hop = ""
        self._number = 0

    def _route(self, request: RouteRequest) -> None:
        msg_to_msrp(request, request.pair, "text/plain", way_back=self.way_back, back_hop=self.back_hop)

    def text(
        self,
        source: tuple[str, int] = AT_HOME,
        flow: RecordingFlow | None = None,
        from_uri: str = "sip:alice@127.0.0.2",
    ) -> None:
        self._number += 1
        transport = "UDP" if flow is None else flow.transport
        data = (
            "MESSAGE sip:bob@127.0.0.1:5090 SIP/2.0\r\n"
            f"Via: SIP/2.0/{transport} 192.0.2.7:5060;branch=z9hG4bKp{self._number};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <{from_uri}>;tag=1\r\nTo: <sip:bob@127.0.0.1:5090>\r\n"
            f"Call-ID: p{self._number}\r\nCSeq: 1 MESSAGE\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi"
        )
        self.gateway.layer.receive(data.encode(), source, flow or self.flow)

    def opens(self, source: tuple[str, int]) -> Connection:
        """Its TCP connection."""
        flow = Connection()
        self.gateway.transports.add_stream(flow, Target("TCP", *source))
        return flow

    def in_session(self, *arguments: Any) -> tuple[MsrpConnection, str]:
        self.text(*arguments)
        invite = self.flow.take("INVITE")
        self.accept(invite)
        connection = self.connect()
        self.msrp_ok(connection)
        self.flow.sent.clear()
        return connection, invite.body.partition(b"a=path:")[2].partition(b"\r\n")[0].decode()

    def reply(self, connection: MsrpConnection, path: str) -> bytes:
        """Bob says something; what he has been answered by then."""
        self._number += 1
        data = (
            f"MSRP reply{self._number:03d} SEND\r\nTo-Path: {path}\r\nFrom-Path: msrp://127.0.0.1:2900/abcdefghij;tcp\r\n"
            f"Message-ID: reply{self._number:03d}\r\nByte-Range: 1-2/2\r\nContent-Type: text/plain\r\n\r\nyo\r\n"
            f"-------reply{self._number:03d}$\r\n"
        )
        self.gateway.msrp_side.handle(connection.receive(data.encode(), self.now))
        return connection.take_output(self.now)

    def went_to(self) -> tuple[str, int]:
        """Where the MESSAGE of the way back went over UDP; it is answered 200."""
        [(data, to)] = [each for each in self.flow.sent if each[0].startswith(b"MESSAGE ")]
        assert data.startswith(b"MESSAGE sip:alice@127.0.0.2")
        self.answer(self.flow.take("MESSAGE"), 200, source=to)
        self.flow.sent.clear()
        return to

    @property
    def moves(self) -> list[str]:
        return [line.split("\t")[3].strip() for line in self.store.events if "\tway_back\t" in line]

    @property
    def row(self) -> dict[str, Any]:
        [row] = self.store.sessions.values()
        return row


@pytest.mark.parametrize(("way_back", "port"), [("from", 5060), ("source", AT_HOME[1]), ("flow", AT_HOME[1])])
def test_a_route_says_where_replies_go(way_back: WayBack, port: int) -> None:
    phone = Phone(way_back)
    connection, path = phone.in_session()
    phone.reply(connection, path)
    assert phone.went_to() == ("127.0.0.2" if way_back == "from" else "127.0.0.1", port)
    assert phone.row["back_hop"] == ("" if way_back == "from" else f"sip:127.0.0.1:{port};transport=udp")


def test_a_hop_that_is_given_stands_above_the_source() -> None:
    phone = Phone("source")
    phone.back_hop = "sip:127.0.0.1:5999"
    connection, path = phone.in_session()
    phone.text(ABROAD)
    phone.reply(connection, path)
    assert phone.went_to() == ("127.0.0.1", 5999)
    assert phone.moves == []


def test_a_live_session_follows_its_user() -> None:
    phone = Phone("source")
    connection, path = phone.in_session()
    phone.reply(connection, path)
    assert phone.went_to() == AT_HOME
    phone.text(ABROAD)
    phone.text(ABROAD)
    phone.msrp_ok(connection)
    phone.flow.sent.clear()
    phone.reply(connection, path)
    assert phone.went_to() == ABROAD
    assert phone.moves == ["sip:127.0.0.1:40002;transport=udp"]
    assert phone.row["back_hop"] == "sip:127.0.0.1:40002;transport=udp"


def test_a_live_session_follows_what_from_says_too() -> None:
    phone = Phone("from")
    connection, path = phone.in_session()
    phone.text(from_uri="sip:alice@127.0.0.2;user=phone")  # the same place
    assert phone.moves == []
    phone.text(from_uri="sip:alice@127.0.0.2;maddr=127.0.0.3")
    phone.msrp_ok(connection)
    phone.flow.sent.clear()
    phone.reply(connection, path)
    assert phone.went_to() == ("127.0.0.3", 5060)
    assert phone.moves == ["sip:alice@127.0.0.2;maddr=127.0.0.3"]
    assert phone.row["back_hop"] == ""  # a user's word, which the operator has not given


def test_somebody_else_in_the_session_does_not_move_it() -> None:
    phone = Phone("source")
    phone._route = None  # type: ignore[assignment]
    phone.gateway.route = lambda request: msg_to_msrp(request, "one for all", "text/plain", way_back="source")
    connection, path = phone.in_session()
    phone.text(ABROAD, None, "sip:mallory@127.0.0.1")
    phone.msrp_ok(connection)
    phone.flow.sent.clear()
    phone.reply(connection, path)
    assert phone.went_to() == AT_HOME
    assert phone.moves == []


@pytest.mark.parametrize("way_back", ["source", "flow"])
def test_a_connection_that_the_phone_has_opened_carries_the_reply(way_back: WayBack) -> None:
    phone = Phone(way_back)
    opened = phone.opens(AT_HOME)
    connection, path = phone.in_session(AT_HOME, opened)
    opened.sent.clear()
    phone.reply(connection, path)
    assert [data.split()[0] for data, _ in opened.sent] == [b"MESSAGE"]


@pytest.mark.parametrize(("way_back", "dialled"), [("source", [Target("TCP", *AT_HOME)]), ("flow", [])])
def test_where_that_is_closed_only_source_opens_another(way_back: WayBack, dialled: list[Target]) -> None:
    phone = Phone(way_back)
    dials: list[Target] = []
    phone.gateway.transports.dial = dials.append
    opened = phone.opens(AT_HOME)
    connection, path = phone.in_session(AT_HOME, opened)
    opened.alive = False
    answer = phone.reply(connection, path)
    assert dials == dialled
    if way_back == "source":
        assert answer == b""  # it waits for that
    else:
        assert b" 408 " in answer.partition(b"\r\n")[0]
        assert "the connection that its MESSAGEs came on is closed" in "".join(phone.store.messages)
        phone.text(ABROAD, phone.opens(ABROAD))
        assert phone.moves == ["sip:127.0.0.1:40002;transport=tcp;ob"]
