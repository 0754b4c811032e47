"""Bodies of INVITEs and of their answers: encoded, in a multipart, with messages (RFC 3261 s8.2.3, RFC 5621 s4).

Each is read the same way at the four entrances: the INVITE that begins a session, a re-INVITE, and the answers to ours.
"""

from __future__ import annotations

import gzip
import zlib
from typing import Any

import pytest

from protocols.payload import cpim
from sessions_app.gateway.routing import RouteRequest, msg_to_msrp, msrp_gw_answer
from tests.gateway.rig import CHAT, PAGE, Rig

PATH = "msrp://127.0.0.1:2900/abcdefghij;tcp"
OTHER = "msrp://127.0.0.1:2900/klmnopqrst;tcp"
BOUNDARY = "----=_Part_1_1.1"
MIXED = f'multipart/mixed;boundary="{BOUNDARY}"'
HELLO = cpim.wrap(
    b"Bonjour",
    "text/plain;charset=utf-8",
    from_uri="sip:anonymous@anonymous.invalid",
    to_uri="sip:anonymous@anonymous.invalid",
    at=1774963276.0,
    imdn_message_id="dd4167b82b86",
    notify=("positive-delivery", "display"),
)


def sdp(path: str = PATH, setup: str = "active") -> bytes:
    return (
        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns= \r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=message 2900 TCP/MSRP *\r\n"
        "a=accept-types:message/cpim text/plain application/im-iscomposing+xml\r\n"
        f"a=accept-wrapped-types:text/plain message/imdn+xml\r\na=setup:{setup}\r\na=path:{path}\r\n"
    ).encode()


def mixed(*parts: tuple[str, bytes]) -> bytes:
    written = [
        f"--{BOUNDARY}\r\nContent-Type: {kind}\r\nContent-Length: 999\r\n\r\n".encode() + octets + b"\r\n"
        for kind, octets in parts
    ]
    return b"".join(written) + f"--{BOUNDARY}--".encode()


Body = tuple[str, str, bytes]
"""Content-Type, more header lines, octets."""


def plain(description: bytes) -> Body:
    return "application/sdp", "", description


def deflated(description: bytes) -> Body:
    return "application/sdp", "Content-Encoding: deflate\r\n", zlib.compress(description)


def zipped(description: bytes) -> Body:
    return "Application/SDP;charset=utf-8", "Content-Encoding: gzip\r\n", gzip.compress(description)


def in_mixed(description: bytes) -> Body:
    return MIXED, "", mixed(("application/sdp", description))


def with_message(description: bytes) -> Body:
    return MIXED, "", mixed(("application/sdp", description), ("message/cpim", HELLO))


def deflated_mixed(description: bytes) -> Body:
    return MIXED, "Content-Encoding: deflate\r\n", zlib.compress(mixed(("application/sdp", description)))


READABLE = [plain, deflated, zipped, in_mixed, with_message, deflated_mixed]
UNREADABLE: dict[str, tuple[Body, int]] = {
    "a coding that nobody knows": (("application/sdp", "Content-Encoding: brotli\r\n", b"\x0b\x02"), 415),
    "a coding that it is not in": (("application/sdp", "Content-Encoding: deflate\r\n", b"not deflated"), 400),
    "another type": (("text/html", "", b"<p>hello</p>"), 415),
    "a multipart without its boundary": ((MIXED, "", b"nothing"), 400),
    "a part that must be understood and is not": (
        (MIXED, "", mixed(("application/sdp", sdp()), ("application/resource-lists+xml", b"<x/>"))),
        415,
    ),
    "a bomb": (("application/sdp", "Content-Encoding: deflate\r\n", zlib.compress(b"v=0\r\n" * 10**6)), 413),
}


class Described(Rig):
    """Its route carries CPIM too."""

    def __init__(self, **config: Any) -> None:
        super().__init__(**config)
        self.gateway.route = self.cpim_route

    def cpim_route(self, request: RouteRequest) -> None:
        function = msg_to_msrp if request.method == "MESSAGE" else msrp_gw_answer
        function(request, request.pair, "text/plain")

    def invite(self, body: Body, *, to_tag: str = "", cseq: int = 1) -> None:
        """An INVITE of carol's for alice, or a re-INVITE."""
        self._branch += 1
        kind, more, octets = body
        head = (
            "INVITE sip:alice@127.0.0.1:5080 SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:5090;branch=z9hG4bKv{self._branch};rport\r\nMax-Forwards: 70\r\n"
            "From: <sip:carol@127.0.0.1:5090>;tag=1\r\n"
            f"To: <sip:alice@127.0.0.1:5080>{to_tag}\r\nCall-ID: v1\r\nCSeq: {cseq} INVITE\r\n"
            f"Contact: <sip:carol@127.0.0.1:5090>\r\n{more}Content-Type: {kind}\r\n\r\n"
        )
        self.gateway.layer.receive(head.encode() + octets, CHAT, self.flow)

    def answer_invite(self, request: Any, body: Body) -> None:
        """The chat side takes an INVITE of ours."""
        kind, more, octets = body
        vias = "".join(f"Via: {via}\r\n" for via in request.headers["via"])
        to = request.first("to")
        head = (
            f"SIP/2.0 200 OK\r\n{vias}From: {request.first('from')}\r\nTo: {to}{'' if ';tag' in to else ';tag=9'}\r\n"
            f"Call-ID: {request.call_id}\r\nCSeq: {request.first('cseq')}\r\nContact: <sip:bob@127.0.0.1:5090>\r\n"
            f"{more}Content-Type: {kind}\r\n\r\n"
        )
        self.gateway.layer.receive(head.encode() + octets, CHAT, self.flow)

    def final(self) -> Any:
        """The final answer to the INVITE that came in last."""
        self.store.commit()
        return self.flow.take("SIP/2.0 ")

    def delivered(self) -> list[bytes]:
        """Bodies of MESSAGEs to alice, which she takes."""
        found = []
        while any(data.startswith(b"MESSAGE") for data, _ in self.flow.sent):
            message = self.flow.take("MESSAGE")
            found.append(message.body)
            self.answer(message, 200, source=PAGE)
        return found


def called(rig: Described) -> str:
    """A session that carol began; our tag in it."""
    rig.invite(plain(sdp()))
    return f";tag={rig.final().to.tag}"


@pytest.mark.parametrize("form", READABLE)
def test_an_invite_is_read_in_any_of_these_forms(form: Any) -> None:
    rig = Described()
    rig.invite(form(sdp()))
    assert rig.final().status == 200
    [session] = rig.gateway.by_id.values()
    assert session.msrp is not None
    assert session.msrp.peer_path == (PATH,)


@pytest.mark.parametrize("form", READABLE)
def test_so_is_a_re_invite(form: Any) -> None:
    rig = Described()
    tag = called(rig)
    rig.invite(form(sdp(OTHER)), to_tag=tag, cseq=2)
    assert rig.final().status == 200
    [session] = rig.gateway.by_id.values()
    assert session.msrp is not None
    assert session.msrp.peer_path == (OTHER,)


@pytest.mark.parametrize("form", READABLE)
def test_so_is_the_answer_to_our_invite(form: Any) -> None:
    rig = Described()
    rig.message("hello")
    rig.answer_invite(rig.flow.take("INVITE"), form(sdp(setup="passive")))
    rig.msrp_ok(rig.connect())
    assert rig.flow.take("SIP/2.0 200").cseq.method == "MESSAGE"


@pytest.mark.parametrize("form", READABLE)
def test_so_is_the_answer_to_our_re_invite(form: Any) -> None:
    rig = Described()
    connection, _ = rig.live()
    rig.message("under way when the connection breaks")
    connection.take_output(rig.now)
    rig.gateway.msrp_side.lost(connection)
    rig.answer_invite(rig.flow.take("INVITE"), form(sdp(OTHER, "passive")))
    rig.msrp_ok(rig.connect())
    assert rig.flow.take("SIP/2.0 200").cseq.method == "MESSAGE"


@pytest.mark.parametrize(("body", "code"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_is_refused_with_what_could_be(body: Body, code: int) -> None:
    rig = Described()
    rig.invite(body)
    refusal = rig.final()
    assert refusal.status == code
    if code == 415:
        assert refusal.first("accept") == "application/sdp, multipart/mixed"
        assert refusal.first("accept-encoding") == "deflate, gzip, identity"
    assert rig.gateway.sessions == {}


@pytest.mark.parametrize(("body", "code"), UNREADABLE.values(), ids=UNREADABLE)
def test_the_same_for_a_re_invite_and_the_session_stays_as_it_was(body: Body, code: int) -> None:
    rig = Described()
    tag = called(rig)
    rig.invite(body, to_tag=tag, cseq=2)
    refusal = rig.final()
    assert refusal.status == code
    assert (refusal.first("accept") is not None) == (code == 415)
    [session] = rig.gateway.by_id.values()
    assert session.msrp is not None
    assert session.msrp.peer_path == (PATH,)


@pytest.mark.parametrize(("body", "_"), UNREADABLE.values(), ids=UNREADABLE)
def test_an_answer_that_cannot_be_read_is_a_failed_set_up_and_ends_with_a_bye(body: Body, _: int) -> None:
    rig = Described()
    rig.message("hello")
    rig.answer_invite(rig.flow.take("INVITE"), body)
    assert rig.flow.take("BYE")
    assert [failure["layer"] for failure in rig.store.failures] == ["sdp"]


def test_a_multipart_without_a_description_is_488() -> None:
    rig = Described()
    rig.invite((MIXED, "", mixed(("message/cpim", HELLO))))
    assert rig.final().status == 488
    assert rig.delivered() == []


def test_a_part_that_may_be_passed_over_is() -> None:
    rig = Described()
    body = mixed(("application/sdp", sdp()), ("application/x\r\nContent-Disposition: render;handling=optional", b"x"))
    rig.invite((MIXED, "", body))
    assert rig.final().status == 200
    assert rig.delivered() == []


# --------------------------------------------------------------------------------------------------- the first message


def test_the_message_of_an_invite_is_kept_before_the_invite_is_answered_and_is_the_sessions_first() -> None:
    rig = Described()
    rig.invite(with_message(sdp()))
    assert not any(data.startswith(b"SIP/2.0 2") for data, _ in rig.flow.sent)
    assert len(rig.store.owed) == 1
    assert rig.final().status == 200
    assert rig.delivered() == [HELLO]
    [row] = rig.store.messages
    columns = row.split("\t")
    assert (columns[2], columns[7], columns[22]) == ("to_page", "dd4167b82b86", "dd4167b82b86")
    assert [outcome.split("\t")[1] for outcome in rig.store.outcomes] == ["delivered"]
    assert rig.gateway.held.used == 0


@pytest.mark.parametrize("entrance", ["re-INVITE", "answer"])
def test_so_is_that_of_a_re_invite_and_of_an_answer(entrance: str) -> None:
    rig = Described()
    if entrance == "re-INVITE":
        tag = called(rig)
        rig.invite(with_message(sdp()), to_tag=tag, cseq=2)
        assert rig.final().status == 200
    else:
        rig.message("hello")
        rig.answer_invite(rig.flow.take("INVITE"), with_message(sdp(setup="passive")))
        rig.store.commit()
    assert rig.delivered() == [HELLO]


def test_a_message_that_comes_again_with_another_invite_is_delivered_once() -> None:
    rig = Described()
    tag = called(rig)
    for cseq in (2, 3):
        rig.invite(with_message(sdp()), to_tag=tag, cseq=cseq)
        assert rig.final().status == 200
    assert rig.delivered() == [HELLO]


def test_an_invite_that_is_cancelled_while_its_message_is_kept_delivers_nothing() -> None:
    rig = Described()
    rig.invite(with_message(sdp()))
    rig.receive(
        "CANCEL sip:alice@127.0.0.1:5080 SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 127.0.0.1:5090;branch=z9hG4bKv{rig._branch};rport\r\nMax-Forwards: 70\r\n"
        "From: <sip:carol@127.0.0.1:5090>;tag=1\r\nTo: <sip:alice@127.0.0.1:5080>\r\n"
        "Call-ID: v1\r\nCSeq: 1 CANCEL\r\n\r\n",
        CHAT,
    )
    rig.store.commit()
    assert sorted(int(data[8:11]) for data, _ in rig.flow.sent) == [200, 487]
    assert rig.delivered() == []
    assert rig.gateway.sessions == {}
    assert [outcome.split("\t")[1] for outcome in rig.store.outcomes] == ["failed"]


def test_where_nothing_may_be_promised_no_message_is_taken_with_an_invite() -> None:
    rig = Described(store_bodies="never")
    rig.invite(with_message(sdp()))
    assert rig.final().status == 415
    assert rig.store.owed == []


# ---------------------------------------------------------------------------------------------- what is not served here


def offered(path: str = PATH, setup: str | None = "active", connection: str = "127.0.0.1", port: int = 2900) -> bytes:
    """An offer with msrp-cema (RFC 6714)."""
    return (
        f"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 {connection}\r\nt=0 0\r\nm=message {port} TCP/MSRP *\r\n"
        f"a=accept-types:text/plain\r\na=path:{path}\r\na=msrp-cema\r\n" + (f"a=setup:{setup}\r\n" if setup else "")
    ).encode()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("msrp://127.0.0.1:2900/abcdefghij;ws", 488),
        ("msrp://127.0.0.1:2900/abcdefghij;WS", 488),
        ("msrp://127.0.0.1:2900/abcdefghij;sctp", 488),
        ("msrp://127.0.0.1:2900/relay;tcp msrp://x.invalid:9/abcdefghij;ws", 200),
    ],
)
def test_the_next_hop_of_a_path_has_to_be_of_a_transport_that_is_served(path: str, status: int) -> None:
    rig = Described()
    rig.invite(plain(sdp(path)))
    assert rig.final().status == status


@pytest.mark.parametrize("setup", ["active", "actpass", None])
@pytest.mark.parametrize("connection", ["127.0.0.1", "192.0.2.7"])
def test_an_offer_with_cema_is_answered_without_it_so_that_its_sender_falls_back(setup: str, connection: str) -> None:
    rig = Described()
    rig.invite(plain(offered(setup=setup, connection=connection)))
    answer = rig.final()
    assert answer.status == 200
    assert b"msrp-cema" not in answer.body
    assert b"a=setup:passive\r\n" in answer.body


@pytest.mark.parametrize(
    ("connection", "port", "status"),
    [("127.0.0.1", 2900, 200), ("192.0.2.7", 2900, 488), ("127.0.0.1", 2901, 488)],
)
def test_where_we_would_have_to_connect_around_a_middlebox_it_is_488(connection: str, port: int, status: int) -> None:
    rig = Described()
    rig.invite(plain(offered(setup="passive", connection=connection, port=port)))
    assert rig.final().status == status
