"""Texts in other character sets, both ways, by themselves and within message/cpim: what goes out is what was meant."""

from __future__ import annotations

import pytest

from tests.gateway.rig import PAGE, Rig
from tests.gateway.test_ends import answers

UTF16 = bytes.fromhex("041f04400438")
"""Three letters, with no mark of their order: big endian (RFC 2781 s4.3)."""
HEAD = (
    b"From: <sip:alice@127.0.0.1:5080>\r\nTo: <sip:bob@127.0.0.1:5090>\r\n\r\n"
    b"Content-Type: text/plain;charset=utf-16\r\n\r\n"
)


def message(rig: Rig, content_type: str, body: bytes) -> None:
    """A MESSAGE of alice's with these octets."""
    head = (
        "MESSAGE sip:bob@127.0.0.1:5090 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bKutf16;rport\r\n"
        "Max-Forwards: 70\r\nFrom: <sip:alice@127.0.0.1:5080>;tag=1\r\nTo: <sip:bob@127.0.0.1:5090>\r\n"
        f"Call-ID: utf16\r\nCSeq: 1 MESSAGE\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    rig.gateway.layer.receive(head.encode() + body, PAGE, rig.flow)


@pytest.mark.parametrize("mark", [b"", b"\xfe\xff"])
def test_utf_16_towards_msrp_is_what_its_definition_says(mark: bytes) -> None:
    rig = Rig()
    connection, _ = rig.live()
    message(rig, "text/plain;charset=utf-16", mark + UTF16)
    sent = connection.take_output(rig.now)
    assert b"Content-Type: text/plain;charset=utf-8\r\n\r\n" + "При".encode() + b"\r\n-------" in sent


def test_within_cpim_it_goes_on_as_it_is_to_who_takes_the_wrapper() -> None:
    rig = Rig()
    connection, _ = rig.live()
    message(rig, "message/cpim", HEAD + UTF16)
    assert b"\r\n\r\n" + HEAD + UTF16 + b"\r\n-------" in connection.take_output(rig.now)


@pytest.mark.parametrize(
    ("content_type", "body"), [("text/plain;charset=utf-16", UTF16), ("message/cpim", HEAD + UTF16)]
)
def test_and_towards_the_message_side(content_type: str, body: bytes) -> None:
    rig = Rig()
    connection, path = rig.live()
    head = (
        b"MSRP utf16 SEND\r\nTo-Path: %b\r\nFrom-Path: msrp://127.0.0.1:2900/abcdefghij;tcp\r\nMessage-ID: utf16a\r\n"
        % path
    )
    data = b"%bByte-Range: 1-*/*\r\nContent-Type: %b\r\n\r\n%b\r\n-------utf16$\r\n" % (
        head,
        content_type.encode(),
        body,
    )
    rig.gateway.msrp_side.handle(connection.receive(data, rig.now))
    assert rig.flow.take("MESSAGE").body == "При".encode()


@pytest.mark.parametrize("octets", [b"\x04", b"\xd8\x3d", b"\xfe\xff\xdc\x00"])
def test_what_is_no_utf_16_is_415(octets: bytes) -> None:
    rig = Rig()
    rig.live()
    message(rig, "text/plain;charset=utf-16", octets)
    assert answers(rig) == ["415"]
