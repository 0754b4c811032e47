"""Offer and answer of MSRP (RULEBOOK S2, S6-S14, X1, D27-D30)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import sdp
from protocols.msrp import negotiation
from protocols.msrp.accept import AcceptTypes
from protocols.msrp.errors import MsrpError
from protocols.msrp.negotiation import (
    NegotiationError,
    active_side,
    build_answer,
    build_offer,
    choose_answer_setup,
    read_answer,
    read_offer,
)

PATH = "msrp://gw.example.com:2855/iau39soe2843z;tcp"
OFFER = {
    "host": "gw.example.com",
    "port": 2855,
    "local_path": PATH,
    "accept_types": "message/cpim text/plain",
    "max_size": 10240,
    "session_id": 2890844526,
    "version": 2890844527,
}


def offer(*lines: str, first: str = "m=message 7394 TCP/MSRP *") -> bytes:
    """A peer's offer with these lines under its message line."""
    return "\r\n".join(
        ["v=0", "o=- 1 1 IN IP4 192.0.2.1", "s= ", "t=3 4", "c=IN IP4 192.0.2.1", first, *lines, ""]
    ).encode()


GOOD = ("a=accept-types:text/plain", "a=path:msrp://alice.example.com:7394/2s93i9ek2a;tcp")


def test_s6_the_offer_as_written():
    assert build_offer(**OFFER, accept_wrapped_types="text/*") == (
        b"v=0\r\no=- 2890844526 2890844527 IN IP4 gw.example.com\r\ns=-\r\nc=IN IP4 gw.example.com\r\nt=0 0\r\n"
        b"m=message 2855 TCP/MSRP *\r\na=accept-types:message/cpim text/plain\r\na=accept-wrapped-types:text/*\r\n"
        b"a=path:msrp://gw.example.com:2855/iau39soe2843z;tcp\r\na=setup:actpass\r\na=max-size:10240\r\n"
    )


def test_the_offer_is_read_back():
    media = read_offer(build_offer(**OFFER, attributes=[("fingerprint", "SHA-256 AA:BB")], direction="sendonly"))
    assert media.path == (PATH,)
    assert str(media.accept_types) == "message/cpim text/plain"
    assert (media.setup, media.max_size, media.direction) == ("actpass", 10240, "sendonly")
    assert (media.host, media.port, media.proto) == ("gw.example.com", 2855, "TCP/MSRP")
    assert (media.next_hop.port, media.secure, media.fingerprint) == (2855, False, "SHA-256 AA:BB")


def test_msrps_means_tls():
    media = read_offer(build_offer(**OFFER | {"local_path": PATH.replace("msrp:", "msrps:")}))
    assert (media.proto, media.secure) == ("TCP/TLS/MSRP", True)


def test_x1_an_offer_never_says_passive():
    with pytest.raises(MsrpError):
        build_offer(**OFFER, setup="passive")


@pytest.mark.parametrize("path", ["", "msrp://gw.example.com/x;tcp", f"{PATH} msrp://gw.example.com/x;tcp", "sip:x"])
def test_s2_d30_our_path_needs_ports(path):
    with pytest.raises(MsrpError):
        build_offer(**OFFER | {"local_path": path})


def test_values_cannot_add_lines():
    with pytest.raises(sdp.SdpError):
        build_offer(**OFFER | {"accept_types": "text/plain\r\na=x"})


def test_s7_a_path_of_several_uris_and_odd_hosts():
    path = "msrp://127.0.0.1:25080/msrp-6b04524e-6fe5-3;tcp msrp://4dz0k0p8.invalid:2855/d5q6w3jy68;ws"
    media = read_offer(offer("a=accept-types:*", f"a=path:{path}"))
    assert " ".join(media.path) == path
    assert media.next_hop.host == "127.0.0.1"


def test_s7_session_ids_with_slashes():
    media = read_offer(offer("a=accept-types:*", "a=path:msrp://127.0.0.1:2857/wo/CuMQ==;tcp"))
    assert media.next_hop.session_id == "wo/CuMQ=="


@pytest.mark.parametrize(
    ("body", "code", "detail"),
    [
        (b"", 488, negotiation.NO_SDP),
        (b" \r\n", 488, negotiation.NO_SDP),
        (b"nonsense", 400, negotiation.MALFORMED_SDP),
        (offer(first="m=audio 4000 RTP/AVP 0"), 488, negotiation.NO_MESSAGE_LINE),
        (offer(*GOOD, first="m=message 0 TCP/MSRP *"), 488, negotiation.LINE_REFUSED),
        (offer(*GOOD, first="m=message 7394 UDP/MSRP *"), 488, negotiation.UNSUPPORTED_TRANSPORT),
        (offer(GOOD[0]), 488, negotiation.NO_PATH),
        (offer(GOOD[0], "a=path:"), 488, negotiation.NO_PATH),
        (offer(GOOD[0], "a=path:sip:alice@example.com"), 488, negotiation.MALFORMED_PATH),
        (offer(GOOD[0], "a=path:msrp://alice.example.com/2s93;tcp"), 488, negotiation.NO_PORT),
        (offer(GOOD[1]), 488, negotiation.NO_ACCEPT_TYPES),
        (offer("a=accept-types:image/png", GOOD[1]), 488, negotiation.NO_COMMON_TYPE),
    ],
)
def test_why_a_description_is_refused(body, code, detail):
    for read in (read_offer, read_answer):
        with pytest.raises(NegotiationError) as caught:
            read(body, AcceptTypes("message/cpim text/plain"))
        assert (caught.value.code, caught.value.detail) == (code, detail)
        assert caught.value.reason


def test_d9_d27_the_second_type_of_ours_will_do():
    assert read_offer(offer(*GOOD), AcceptTypes("message/cpim text/plain"))


def test_d28_types_are_compared_without_case_and_parameters():
    assert read_offer(offer("a=accept-types:Text/Plain;charset=utf-8", GOOD[1]), AcceptTypes("text/plain"))
    assert read_offer(offer("a=accept-types:message/cpim *", GOOD[1]), AcceptTypes("text/plain"))


def test_the_first_usable_message_line_is_taken():
    body = offer("a=path:broken", "m=message 7395 TCP/MSRP *", *GOOD)
    media = read_offer(body)
    assert (media.index, media.port) == (1, 7395)


def test_the_answer_refuses_the_other_lines_and_keeps_their_order():
    body = offer(
        "m=message 7394 tcp/msrp *", *GOOD, "a=sendonly", "m=video 6000 RTP/AVP 31", first="m=audio 4000 RTP/AVP 0 8"
    )
    answer = build_answer(read_offer(body), **OFFER)
    assert answer == (
        b"v=0\r\no=- 2890844526 2890844527 IN IP4 gw.example.com\r\ns=-\r\nc=IN IP4 gw.example.com\r\nt=3 4\r\n"
        b"m=audio 0 RTP/AVP 0 8\r\n"
        b"m=message 2855 TCP/MSRP *\r\na=accept-types:message/cpim text/plain\r\n"
        b"a=path:msrp://gw.example.com:2855/iau39soe2843z;tcp\r\na=setup:passive\r\na=max-size:10240\r\na=recvonly\r\n"
        b"m=video 0 RTP/AVP 31\r\n"
    )
    assert read_answer(answer).direction == "recvonly"


@pytest.mark.parametrize(
    ("offered", "answered"),
    [("sendrecv", "sendrecv"), ("sendonly", "recvonly"), ("recvonly", "sendonly"), ("inactive", "inactive")],
)
def test_s12_directions_are_mirrored(offered, answered):
    assert read_answer(build_answer(read_offer(offer(*GOOD, f"a={offered}")), **OFFER)).direction == answered


@pytest.mark.parametrize("size", ["", "x", "-1", "9" * 30])
def test_s10_a_max_size_that_makes_no_sense_is_none(size):
    assert read_offer(offer(*GOOD, f"a=max-size:{size}")).max_size is None


@pytest.mark.parametrize(
    ("offered", "answered", "active"),
    [
        (None, None, "offerer"),  # RFC 4975
        (None, "active", "offerer"),
        ("actpass", None, "offerer"),  # the answerer knows RFC 4975 only
        ("actpass", "passive", "offerer"),
        ("actpass", "active", "answerer"),
        ("actpass", "actpass", "offerer"),
        ("active", "passive", "offerer"),
        ("active", None, "offerer"),
        ("passive", "active", "answerer"),
        ("passive", "passive", "offerer"),
        ("holdconn", "active", "offerer"),  # ignored
        ("ACTPASS", " Active ", "answerer"),
    ],
)
def test_s14_x1_who_is_active(offered, answered, active):
    assert active_side(offered, answered) == active


@pytest.mark.parametrize(
    ("offered", "reachable", "ours"),
    [
        (None, True, "passive"),
        (None, False, "passive"),
        ("actpass", True, "passive"),
        ("actpass", False, "active"),
        ("active", True, "passive"),
        ("passive", True, "active"),
        ("holdconn", True, "passive"),
    ],
)
def test_x1_our_answer(offered, reachable, ours):
    assert choose_answer_setup(offered, reachable=reachable) == ours


def test_x1_setup_may_stand_at_session_level():
    body = offer(*GOOD).replace(b"m=message", b"a=setup:active\r\nm=message")
    assert read_offer(body).setup == "active"


@given(st.binary(max_size=200) | st.lists(st.text(max_size=30)).map(lambda lines: offer(*lines)))
def test_any_bytes_are_read_or_refused(body):
    try:
        media = read_offer(body)
    except NegotiationError:
        return
    assert media.path
