"""Session descriptions: read and written again, and as offer and answer of MSRP."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from protocols import sdp
from protocols.msrp import negotiation
from protocols.msrp.accept import ANY, AcceptTypes
from protocols.msrp.negotiation import NegotiationError
from tests.fuzz.invariant import holds
from tests.fuzz.target import Target

_OURS: Final = "msrp://127.0.0.1:2855/ours0123456789;tcp"


def run(data: bytes) -> None:
    """One description."""
    with suppress(sdp.SdpError):
        description = sdp.parse(data)
        built = description.build()
        again = sdp.parse(built)
        holds(again.build() == built, "a description is written in another way the second time", built)
        holds(len(again.media) == len(description.media), "media lines come or go", built)
    with suppress(NegotiationError):
        negotiation.read_answer(data)
    for ours in (ANY, AcceptTypes("text/plain message/cpim")):
        with suppress(NegotiationError):
            _answer(negotiation.read_offer(data, ours))


def _answer(media: negotiation.MessageMedia) -> None:
    """Our answer to an offer can be read by who made it, and has as many media lines."""
    holds(media.path and media.accept_types, "an offer without a path or types", media)
    holds(media.next_hop.port is not None, "an offer without a port", media)
    _looked = media.secure, media.fingerprint, str(media.accept_types), media.wants_cema, media.is_anchored
    answer = negotiation.build_answer(
        media,
        host="127.0.0.1",
        port=2855,
        local_path=_OURS,
        accept_types="message/cpim *",
        max_size=1000,
        session_id=1,
        version=1,
    )
    holds(len(sdp.parse(answer).media) == len(media.description.media), "an answer with other media lines", answer)
    read = negotiation.read_answer(answer)
    holds(read.path == (_OURS,) and read.index == media.index, "an answer at another place", answer)
    holds(negotiation.active_side(media.setup, read.setup) in ("offerer", "answerer"), "nobody is active", answer)


_WORDS: Final = [
    *(
        b"v=0\r\n",
        b"o=- 1 1 IN IP4 192.0.2.1\r\n",
        b"s=-\r\n",
        b"c=IN IP4 192.0.2.1\r\n",
        b"c=IN IP6 ::1\r\n",
        b"t=0 0\r\n",
        b"\r\n",
        b"\n",
        b"\r",
    ),
    *(
        b"m=message 2855 TCP/MSRP *\r\n",
        b"m=message 0 TCP/MSRP *\r\n",
        b"m=message 9 TCP/TLS/MSRP *\r\n",
        b"m=audio 1 RTP/AVP 0\r\n",
        b"m=",
    ),
    *(
        b"a=accept-types:* \r\n",
        b"a=accept-types:message/cpim text/plain\r\n",
        b"a=accept-wrapped-types:*\r\n",
        b"a=path:msrp://h:1/s;tcp\r\n",
    ),
    *(
        b"a=setup:active\r\n",
        b"a=setup:passive\r\n",
        b"a=setup:actpass\r\n",
        b"a=sendonly\r\n",
        b"a=inactive\r\n",
        b"a=max-size:100\r\n",
        b"a=",
    ),
    *(
        b"msrps://h:1/s;tcp",
        b" msrp://r:2/t;tcp",
        b";ws",
        b"text/*",
        b'text/plain;x="a b"',
        b"*",
        b"/127",
        b"65536",
        b"=",
        b":",
        b" ",
        b"\0",
        b"\xff",
    ),
]

SDP: Final = Target(
    "sdp",
    run,
    ("protocols.sdp", "protocols.msrp.negotiation", "protocols.msrp.accept", "protocols.msrp.uri"),
    _WORDS,
    longest=2_000,
)
