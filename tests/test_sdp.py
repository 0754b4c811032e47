"""Session descriptions: tolerant reading, legal writing (RFC 8866)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import sdp

OFFER = (
    b"v=0\r\no=- 4004434725 4004434725 IN IP4 127.0.0.1\r\ns=sipsimple 5.5.0\r\nt=0 0\r\n"
    b"m=message 34037 TCP/MSRP *\r\nc=IN IP4 127.0.0.1\r\na=path:msrp://127.0.0.1:34037/c554e9fd13ffc018ba03;tcp\r\n"
    b"a=accept-types:message/cpim text/* image/* application/im-iscomposing+xml\r\na=setup:actpass\r\n"
)


def test_reads_a_real_offer_with_media_level_connection_only():
    found = sdp.parse(OFFER)
    assert (found.name, found.timing, found.connection) == ("sipsimple 5.5.0", "0 0", None)
    [media] = found.media
    assert (media.media, media.port, media.proto, media.formats) == ("message", 34037, "TCP/MSRP", ["*"])
    assert media.connection == sdp.Connection("127.0.0.1")
    assert media.get("setup") == "actpass"
    assert media.get("absent") is None


def test_levels_are_kept_apart():
    found = sdp.parse(b"v=0\na=sendonly\nm=audio 1/2 RTP/AVP 0 8\na=recvonly\nm=message 0 TCP/MSRP *\nc=IN IP6 ::1\n")
    assert found.get("sendonly") == ""
    assert [media.attributes for media in found.media] == [[("recvonly", None)], []]
    assert found.media[0].has("recvonly")
    assert found.media[0].port == 1
    assert found.media[1].connection == sdp.Connection("::1", "IP6")


def test_what_is_written_is_read_back():
    found = sdp.parse(OFFER)
    assert sdp.parse(found.build()) == found
    assert found.build().startswith(
        b"v=0\r\no=- 4004434725 4004434725 IN IP4 127.0.0.1\r\ns=sipsimple 5.5.0\r\nt=0 0\r\n"
    )


@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r"])
def test_any_line_end(end):
    assert sdp.parse(OFFER.replace(b"\r\n", end)) == sdp.parse(OFFER)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\r\n\r\n",
        b"hello",
        b"<xml/>",
        b"v=1\r\n",
        b"v=0\r\nm=message\r\n",
        b"v=0\r\nm=message x TCP/MSRP *\r\n",
        b"v=0\r\nm=message 99999 TCP/MSRP *\r\n",
        b"v=0\r\nc=IN\r\n",
        b"v=0\r\n" + b"m=message 1 TCP/MSRP *\r\n" * (sdp.MAX_MEDIA + 1),
        b"a=" + b"x" * sdp.MAX_BYTES,
    ],
)
def test_unreadable(body):
    with pytest.raises(sdp.SdpError):
        sdp.parse(body)


@given(
    st.binary(max_size=300)
    | st.lists(st.tuples(st.sampled_from("vosctmabk="), st.text(max_size=30))).map(
        lambda lines: "\r\n".join(f"{kind}={value}" for kind, value in lines).encode("utf-8", "replace")
    )
)
def test_any_bytes_give_a_description_or_its_own_error(body):
    try:
        found = sdp.parse(body)
    except sdp.SdpError:
        return
    assert sdp.parse(found.build()).media == found.media


def test_a_value_cannot_add_lines():
    with pytest.raises(sdp.SdpError):
        sdp.SessionDescription(name="x\r\na=evil").build()


def test_connection_for():
    assert str(sdp.connection_for("192.0.2.1")) == "IN IP4 192.0.2.1"
    assert str(sdp.connection_for("[2001:db8::1]")) == "IN IP6 2001:db8::1"
    assert str(sdp.connection_for("gw.example.com")) == "IN IP4 gw.example.com"
