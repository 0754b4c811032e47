"""A REPORT may be faster than the response to its SEND (RFC 4975 s7.1.2): one outcome, and the REPORT has it."""

from __future__ import annotations

from typing import Any

import pytest

from protocols.msrp.connection import MsrpConnection
from tests.gateway.rig import Rig

PEER = b"msrp://127.0.0.1:2900/abcdefghij;tcp"
RELAYED = b"msrp://127.0.0.1:2900/relay;tcp msrp://192.0.2.9:2855/abcdefghij;tcp"


class Reporting(Rig):
    """The chat side takes the INVITE; a second MESSAGE is under way in the session."""

    def __init__(self, path: bytes, **config: Any) -> None:
        super().__init__(**config)
        self.path = path
        self.message("first")
        self.invite = self.flow.take("INVITE")
        self.accept(self.invite, path.decode())
        self.ours = self.invite.body.partition(b"a=path:")[2].partition(b"\r\n")[0]
        self.connection = self.connect()
        self.connection.take_output(self.now)
        self.flow.sent.clear()
        self.message("second")
        self.tid, self.name = self.sent(self.connection.take_output(self.now))

    def sent(self, octets: bytes) -> tuple[bytes, bytes]:
        """Transaction and Message-ID of the SEND among these octets."""
        head, _, rest = octets.partition(b" SEND\r\n")
        return head.rpartition(b" ")[2], rest.partition(b"Message-ID: ")[2].partition(b"\r\n")[0]

    def gets(self, octets: bytes, connection: MsrpConnection | None = None) -> None:
        self.gateway.msrp_side.handle((connection or self.connection).receive(octets, self.now))

    def report(self, code: int, connection: MsrpConnection | None = None) -> None:
        self.gets(
            b"MSRP rep00001 REPORT\r\nTo-Path: %s\r\nFrom-Path: %s\r\nMessage-ID: %s\r\nByte-Range: 1-6/6\r\n"
            b"Status: 000 %d x\r\n-------rep00001$\r\n" % (self.ours, self.path, self.name, code),
            connection,
        )

    def respond(self, code: int) -> None:
        self.gets(
            b"MSRP %s %d x\r\nTo-Path: %s\r\nFrom-Path: %s\r\n-------%s$\r\n"
            % (self.tid, code, self.ours, self.path.split()[0], self.tid)
        )

    @property
    def heard(self) -> str:
        """What the second MESSAGE was answered."""
        codes = [
            data[8:11].decode()
            for data, _ in self.flow.sent
            if data[:8] == b"SIP/2.0 " and b"\r\nCall-ID: c2\r\n" in data
        ]
        assert len(codes) <= 1
        return codes[0] if codes else ""

    @property
    def rows(self) -> list[str]:
        """States of the second MESSAGE's rows."""
        name = self.name.decode()
        return [line.split("\t")[3] for line in self.store.messages if f"\t{name}\t" in line]


AFTERWARDS = {
    "200": lambda rig: rig.respond(200),
    "413": lambda rig: rig.respond(413),
    "481": lambda rig: rig.respond(481),
    "nothing": lambda rig: rig.advance(40.0),
    "its connection is lost": lambda rig: rig.gateway.msrp_side.lost(rig.connection),
    "the peer hangs up": lambda rig: rig.bye(rig.invite),
}


@pytest.mark.parametrize("path", [RELAYED])
@pytest.mark.parametrize("afterwards", AFTERWARDS)
def test_a_success_report_is_the_outcome_whatever_its_send_is_answered(path: bytes, afterwards: str) -> None:
    rig = Reporting(path)
    rig.report(200)
    assert rig.heard == "200"
    AFTERWARDS[afterwards](rig)
    rig.advance(40.0)
    assert rig.heard == "200"
    assert rig.rows == ["delivered"]


@pytest.mark.parametrize("path", [RELAYED, PEER])
@pytest.mark.parametrize("afterwards", AFTERWARDS)
def test_a_failure_report_is_too(path: bytes, afterwards: str) -> None:
    rig = Reporting(path)
    rig.report(413)
    assert rig.heard == "413"
    AFTERWARDS[afterwards](rig)
    rig.advance(40.0)
    assert rig.heard == "413"
    assert rig.rows == ["failed"]


def test_a_report_for_what_waits_for_another_connection_ends_its_wait() -> None:
    rig = Reporting(RELAYED)
    rig.gateway.msrp_side.handle(rig.connection.lost(rig.now))
    invite = rig.flow.take("INVITE")
    rig.ours = invite.body.partition(b"a=path:")[2].partition(b"\r\n")[0]
    other = rig.gateway.endpoint.create_connection(False, rig.now, "127.0.0.1")
    rig.gets(
        b"MSRP bind0001 SEND\r\nTo-Path: %s\r\nFrom-Path: %s\r\nMessage-ID: bindbind\r\nByte-Range: 1-0/0\r\n"
        b"-------bind0001$\r\n" % (rig.ours, RELAYED),
        other,
    )
    assert rig.heard == ""
    rig.report(200, other)
    assert rig.heard == "200"
    other.take_output(rig.now)
    rig.accept(invite, RELAYED.decode())
    assert rig.name not in other.take_output(rig.now)
    assert rig.rows == ["delivered"]


def test_a_new_offer_that_rings_is_taken_back_when_the_session_ends() -> None:
    rig = Reporting(PEER)
    rig.gateway.msrp_side.handle(rig.connection.lost(rig.now))
    offer = rig.flow.take("INVITE")
    rig.answer(offer, 180, "Ringing")
    rig.bye(rig.invite)
    assert rig.flow.take("CANCEL").call_id == offer.call_id


def test_and_one_that_begins_to_ring_only_then_as_well() -> None:
    rig = Reporting(PEER)
    rig.gateway.msrp_side.handle(rig.connection.lost(rig.now))
    offer = rig.flow.take("INVITE")
    rig.bye(rig.invite)
    rig.answer(offer, 180, "Ringing")
    assert rig.flow.take("CANCEL").call_id == offer.call_id
