"""What the body of an INVITE, or of the answer to one, says: the session description, and messages that came with it.

There are four places where such a body comes in, and all of them ask here: the INVITE that begins a session, a
re-INVITE, and the answers to ours of both kinds. A body may be encoded (RFC 3261 s20.12), and may be a multipart whose
other parts are the first messages of the session, as store and forward servers of RCS send them (RFC 5621 s4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from protocols.msrp.negotiation import (
    MessageMedia,
    NegotiationError,
    choose_answer_setup,
    read_answer,
    read_offer,
)
from protocols.payload import encoding
from protocols.payload.errors import PayloadError
from protocols.payload.multipart import parts_of
from protocols.sip.errors import SipError
from sessions_app.gateway import content
from sessions_app.gateway.content import Form
from sessions_app.gateway.routing import accept_types

if TYPE_CHECKING:
    from protocols.msrp.accept import AcceptTypes
    from protocols.payload.multipart import Part
    from protocols.sip.message import Message

SDP: Final = "application/sdp"
ACCEPT: Final = (("Accept", f"{SDP}, multipart/mixed"), ("Accept-Encoding", encoding.ACCEPT_ENCODING))
LARGEST: Final = 256 * 1024
"""Octets of a body with its coding undone, and of a message in it."""


class UnusableOffer(Exception):
    """An offer or answer that makes no session here.

    ``layer`` is ``sdp`` or ``type``; ``code`` answers an offer, with ``headers``.
    """

    def __init__(self, code: int, layer: str, reason: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(reason)
        self.code = code
        self.layer = layer
        self.reason = reason
        self.headers = headers


class Description(NamedTuple):
    """A body that was read."""

    media: MessageMedia
    """The message line of its session description."""
    messages: list[Form]
    """What came with it to be carried, in order."""


def read_description(message: Message, carried: AcceptTypes, *, offer: bool) -> Description:
    """The body of ``message``, whose message line shares a type with ``carried``. Raises UnusableOffer."""
    try:
        sdp, parts = _read_body(message)
        messages = [form for part in parts if (form := _carried(part, carried)) is not None]
    except PayloadError as error:
        raise UnusableOffer(error.code, "sdp", error.reason, ACCEPT if error.code == 415 else ()) from error
    except SipError as error:
        raise UnusableOffer(error.code, "sdp", error.reason) from error
    ours = accept_types(content.offered(carried)[0])
    try:
        media = read_offer(sdp, ours) if offer else read_answer(sdp, ours)
    except NegotiationError as error:
        layer = "type" if error.detail == "no common type" else "sdp"
        raise UnusableOffer(error.code, layer, error.reason) from error
    if offer and media.wants_cema and media.is_anchored and choose_answer_setup(media.setup) == "active":
        # Who is to connect would have to do so by the c-line, and its sender cannot (RFC 6714 s4.3). In all other cases
        # an answer without the attribute is what makes its sender fall back.
        raise UnusableOffer(488, "sdp", "MSRP by c-line and m-line (CEMA) is not served")
    if media.secure:
        raise UnusableOffer(488, "sdp", "MSRP over TLS is not served")
    return Description(media, messages)


def _read_body(message: Message) -> tuple[bytes, list[Part]]:
    """The session description, empty where there is none, and the other parts. Raises PayloadError or SipError."""
    body = message.body
    if not body:
        return b"", []
    if "content-encoding" in message.headers:
        body = encoding.decode(body, ", ".join(message.headers["content-encoding"]), LARGEST)
    content_type = message.content_type
    if content_type is None or content_type.essence == SDP:
        if content_type is None and not body.lstrip().startswith(b"v="):
            raise PayloadError(415, "Body without a Content-Type")
        return body, []
    if content_type.type != "multipart":
        raise PayloadError(415, "Session description expected")
    parts = parts_of(body, str(content_type))
    sdp = next((part for part in parts if part.essence == SDP), None)
    return (b"" if sdp is None else sdp.body(LARGEST)), [part for part in parts if part is not sdp]


def _carried(part: Part, carried: AcceptTypes) -> Form | None:
    """A part as a message to be carried; None for one that may be passed over. Raises PayloadError."""
    body = part.body(LARGEST)
    held = content.read(part.content_type, body)
    within = content.essence_within(part.content_type, held)
    if within == content.COMPOSING or not content.carries(carried, part.content_type, held):
        if part.is_optional or within == content.COMPOSING or part.essence == SDP:
            return None  # another description is an alternative to the first (RFC 2046 s5.1.4)
        raise PayloadError(415, f"A part of the body is not understood: {part.essence[:60]}")
    return Form(part.content_type, body) if held is not None else content.in_utf8(part.content_type, body)
