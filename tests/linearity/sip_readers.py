"""Every reader of SIP, and of what SIP headers are made of."""

from __future__ import annotations

from typing import Any, Final

from protocols.sip import address, builder, date, dialog, header_names, locate, media_type, params, parser, salvage
from protocols.sip import message as messages
from protocols.sip import uri as uris
from protocols.sip import via as vias
from protocols.sip.errors import SipError
from protocols.sip.ids import StatelessTags
from protocols.sip.limits import SipLimits
from protocols.sip.matching import merge_identity, transaction_key
from protocols.sip.parse_error import SipParseError
from protocols.sip.strangers import Strangers, is_head
from protocols.sip.stream import SipStream
from protocols.sip.transaction_client import OutgoingRequest
from protocols.sip.validate import check_hops, check_request, check_response
from tests.linearity.reader import STREAM, WHOLE, Places, Reader, in_pieces
from tests.linearity.shapes import repeated

_P: Final = "protocols.sip."
_ERRORS: Final = (SipError,)
_WIDE: Final = SipLimits(max_head=1 << 20, max_headers=1 << 20, max_header_length=1 << 20)
"""The readers behind the limits must be linear by themselves: limits are settings."""
_VIA: Final = "SIP/2.0/UDP h:5070;branch=z9hG4bKa;rport"
_HEAD: Final = f"MESSAGE sip:b@h SIP/2.0\r\nVia: {_VIA}\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: c\r\n"
_MESSAGE: Final = f"{_HEAD}CSeq: 1 MESSAGE\r\n"

_ADDRESSES: Final[Places] = (
    *WHOLE,
    *(('"', '" <sip:a@h>'), ('"', ""), ("", " <sip:a@h>"), ("<sip:", ">"), ("<sip:a@h;", ">"), ("<sip:a@h>", "")),
    *(("<sip:a@h>;x=", ""), ('<sip:a@h>;x="', '"'), ("<sip:a@h>;tag=", ""), ("sip:a@h", ""), ("<sip:a@h> ", ";tag=a")),
)
_URIS: Final[Places] = (
    *WHOLE,
    *(("sip:", ""), ("sip:", "@h"), ("sip:a:", "@h"), ("sip:a@", ""), ("sip:a@[", "]"), ("sip:a@h:", "")),
    *(("sip:a@h;", ""), ("sip:a@h;x=", ""), ("sip:a@h?", ""), ("tel:", ""), ("tel:1;", ""), ("sip:a@a.", ".a")),
)
_VIAS: Final[Places] = (
    *WHOLE,
    *(("SIP/2.0/", ""), ("SIP/2.0/UDP ", ""), ("SIP/2.0/UDP h", ""), ("SIP/2.0/UDP h:", ""), ("SIP/2.0/UDP h;", "")),
    *(("SIP/2.0/UDP h;branch=", ""), ('SIP/2.0/UDP h;x="', ""), ("SIP / ", ""), ("SIP/2.0/UDP h;x ", ";branch=z")),
)
_MESSAGES: Final[Places] = (
    *WHOLE,
    *(("MESSAGE ", " SIP/2.0\r\n\r\n"), ("MESSAGE sip:a SIP/", "\r\n\r\n"), ("SIP/2.0 200 ", "\r\n\r\n")),
    *((f"{_MESSAGE}", "\r\n\r\n"), (f"{_MESSAGE}Subject: ", "\r\n\r\n"), (f"{_MESSAGE}Subject: \0", "\r\n\r\n")),
    *((f'{_MESSAGE}Subject: \0"', "\r\n\r\n"), (f"{_MESSAGE}Contact: ", "\r\n\r\n"), (f"{_MESSAGE}v: ", "\r\n\r\n")),
    *((f"{_MESSAGE}l:", "\r\n\r\n"), (f"{_MESSAGE}\r\n", ""), (f"{_HEAD}CSeq: ", "\r\n\r\n"), (_MESSAGE, "")),
    *(
        (f"MESSAGE sip:b@h SIP/2.0\r\nVia: {_VIA}, ", "\r\nFrom: <sip:a@h>\r\n\r\n"),
        (f"X\r\nVia: {_VIA}\r\nv: ", "\r\n\r\n"),
    ),
    *(
        (f"MESSAGE sip:b@h SIP/2.0\r\nVia: {_VIA}\r\nv: ", "\r\n\r\n"),
        (f"MESSAGE a SIP/2.0\r\nVia: {_VIA}\r\nTo: ", "\r\n\r\n"),
    ),
)
_FRONTS: Final[Places] = (
    *WHOLE,
    *((_MESSAGE, ""), (f"{_MESSAGE}l: 0\r\n", "\r\n\r\n"), (f"{_MESSAGE}x:", "\r\n\r\n"), ("\r\n", "")),
    *((f"{_MESSAGE}l: 999\r\n\r\n", ""), (f"{_MESSAGE}l: 0\r\n\r\n", ""), ("M", "")),
)
_STREAMED: Final = (
    *map(repeated, ("a", "\r\n", "\r\n\r\n", "\r", "\n", "\r\n ", "a: b\r\n", " ", '"', '\\"', "\0", "<", "\r\n\r\na")),
    repeated("M a SIP/2.0\r\nl:0\r\n\r\n"),
    repeated("M a SIP/2.0\r\nContent-Length: 7\r\n\r\n1234567"),
    repeated("a", before="\r\n" * 100),
)


_SOME_ADDRESSES: Final[Places] = (("<sip:a@h>", ""), ('"', '" <sip:a@h>'), ("<sip:a@h;", ">"), ('<sip:a@h>;x="', '"'))
"""For what reads an address several times, all of whose readers are looked at by themselves."""


def _request(value: str) -> messages.Request:
    """One whose every header is hostile, made without the parser, which would have looked at it."""
    names = (*header_names.SHOWN, "x-other")
    return messages.Request("MESSAGE", "sip:b@h", {name: [value] for name in names}, b"")


_TYPED: Final = (
    *("via", "vias", "from_", "to", "cseq", "content_type", "max_forwards", "expires", "retry_after", "date"),
    *("contacts", "routes", "record_routes", "require", "supported", "call_id"),
)


def _typed(name: str) -> Reader:
    places = {"via": _VIAS, "vias": _VIAS, "date": (("", ""), ("Sat, 13 ", "")), "cseq": (("", ""), ("0", " MESSAGE"))}
    if name in {"from_", "to", "contacts", "routes", "record_routes"}:
        places[name] = _ADDRESSES
    return Reader(
        (f"{_P}message.Message.{name}", f"{_P}message.top_via"),
        lambda text: getattr(_request(text), name),
        _ERRORS,
        places.get(name, WHOLE),
    )


def _uri(text: str) -> None:
    uri = uris.SipUri.parse(text)
    str(uri), uri.aor(), uri.transport
    assert uri == uris.SipUri.parse(text)


def _address(text: str) -> None:
    read = address.NameAddr.parse(text)
    str(read), read.tag


def _via(text: str) -> None:
    via = vias.Via.parse(text)
    str(via), via.received, via.rport, via.sent_by, via.is_rfc3261
    vias.stamped(text, via, "192.0.2.1", 5060)


def _params(text: str) -> None:
    params.format_params(params.parse_params(text))


def _media_type(text: str) -> None:
    str(media_type.MediaType.parse(text))


def _invite(text: str) -> messages.Request:
    return messages.Request(
        "INVITE",
        "sip:b@h",
        {
            "via": [_VIA],
            "from": [text],
            "to": [text],
            "call-id": [text],
            "cseq": ["1 INVITE"],
            "contact": ["<sip:a@h>"],
            "record-route": [text],
        },
    )


def _dialog_of_uac(text: str) -> None:
    ours = OutgoingRequest("INVITE", "sip:b@h", [("Call-ID", "c"), ("From", "<sip:a@h>;tag=1"), ("CSeq", "1 INVITE")])
    headers = {"to": [text], "contact": [text], "record-route": [text]}
    made = dialog.Dialog.of_uac(ours, messages.Response(200, "", headers))
    made.request("BYE"), made.next_hop(), made.identity
    dialog.Dialog.of_record(made.as_record())


def _dialog_of_uas(text: str) -> None:
    made = dialog.Dialog.of_uas(_invite(text), "2")
    made.accept(_invite(text))
    made.request("BYE"), made.next_hop()


def _whole(text: bytes) -> None:
    found = parser.parse_message(text, _WIDE)
    for name in _TYPED:
        try:
            getattr(found, name)
        except SipError:
            continue


def _checked(text: str) -> None:
    request = _invite(text)
    transaction_key(request), merge_identity(request), request.reply_to(("192.0.2.1", 1))
    check_hops(request)
    request.stamp("192.0.2.1", 5060)
    builder.build_response(request, 200)
    check_request(request)


def _response(text: str) -> None:
    check_response(messages.Response(200, "", {"via": [text, _VIA]}))


def _locate(text: str) -> None:
    locator = locate.Locator(lambda: 0.0)
    locator.lookup = lambda name, then: then([])
    locator.locate(text, lambda found: None)
    locator.resolve(text, lambda found: None)


class _Nowhere:
    """A flow whose answers nobody gets."""

    transport, reliable, sent_by, alive, certificate_expires = "UDP", False, "h:5060", True, None

    def send(self, data: bytes, to: tuple[str, int]) -> None:
        assert data


def _stranger(data: bytes) -> None:
    is_head(data)
    Strangers().refuse(data, ("192.0.2.1", 5060), _Nowhere())


def _stream(size: int) -> Any:
    cut = in_pieces(size)

    def read(data: bytes) -> None:
        stream = SipStream(_WIDE)
        for piece in cut(data):
            stream.feed(piece)
            assert stream.waiting <= len(data)

    return read


SIP: Final = [
    Reader(
        (f"{_P}params.parse_params", f"{_P}params.format_params"), _params, _ERRORS, (*WHOLE, (";", ""), (';a="', ""))
    ),
    Reader((f"{_P}params.split_list",), params.split_list, (), (*WHOLE, (",", ""), (',"', ""), (",<", ""))),
    Reader((f"{_P}params.quote", f"{_P}params.unquote"), lambda text: params.unquote(params.quote(text))),
    Reader((f"{_P}address.NameAddr.parse", f"{_P}address.NameAddr.tag"), _address, _ERRORS, _ADDRESSES),
    Reader((f"{_P}address.NameAddr.parse_list",), address.NameAddr.parse_list, _ERRORS, _ADDRESSES),
    Reader((f"{_P}uri.SipUri.parse", f"{_P}uri.SipUri.aor", f"{_P}uri.SipUri.transport"), _uri, _ERRORS, _URIS),
    Reader((f"{_P}uri.aor_of",), uris.aor_of, _ERRORS, (*_URIS, *_ADDRESSES)),
    Reader((f"{_P}uri.check_uri",), uris.check_uri, _ERRORS, _URIS),
    Reader(
        tuple(
            f"{_P}via.{name}"
            for name in ("Via.parse", "Via.sent_by", "Via.received", "Via.rport", "Via.is_rfc3261", "stamped")
        ),
        _via,
        _ERRORS,
        _VIAS,
    ),
    Reader((f"{_P}via.Via.salvage",), vias.Via.salvage, (), _VIAS),
    Reader(
        (f"{_P}media_type.MediaType.parse",), _media_type, _ERRORS, (*WHOLE, ("a/", ""), ("a/b;", ""), ('a/b;c="', ""))
    ),
    Reader((f"{_P}message.CSeq.parse",), messages.CSeq.parse, _ERRORS, (*WHOLE, ("1 ", ""), ("0", " M"))),
    *map(_typed, _TYPED),
    Reader((f"{_P}message.Message.values", f"{_P}message.Message.first"), lambda text: _request(text).values("accept")),
    Reader((f"{_P}header_names.header_name",), header_names.header_name, _ERRORS),
    Reader((f"{_P}date.parse_date",), date.parse_date),
    Reader(
        (f"{_P}dialog.without_tag", f"{_P}dialog.with_tag"),
        lambda text: dialog.with_tag(dialog.without_tag(text), "1"),
        (),
        _ADDRESSES,
    ),
    Reader((f"{_P}dialog.bare", f"{_P}dialog.is_loose"), dialog.is_loose, _ERRORS, _ADDRESSES),
    Reader((f"{_P}dialog.contact_of",), lambda text: dialog.contact_of(_request(text)), _ERRORS, _ADDRESSES),
    Reader(
        tuple(
            f"{_P}dialog.Dialog.{name}"
            for name in ("of_uac", "request", "next_hop", "origin", "identity", "as_record", "of_record")
        ),
        _dialog_of_uac,
        _ERRORS,
        _SOME_ADDRESSES,
    ),
    Reader((f"{_P}dialog.Dialog.of_uas", f"{_P}dialog.Dialog.accept"), _dialog_of_uas, _ERRORS, _SOME_ADDRESSES),
    Reader((f"{_P}parser.parse_message", f"{_P}salvage.salvage"), _whole, (SipParseError,), _MESSAGES, octets=True),
    Reader((f"{_P}salvage.salvage",), lambda data: salvage.salvage(data, _WIDE), (), _MESSAGES, octets=True),
    Reader(
        (f"{_P}parser.head_length",),
        lambda data: parser.head_length(data, _WIDE),
        (SipParseError,),
        _FRONTS,
        octets=True,
    ),
    *(
        Reader(
            (f"{_P}stream.SipStream.feed", f"{_P}stream.SipStream.waiting"),
            _stream(size),
            (),
            _FRONTS,
            octets=True,
            largest=STREAM if size > 1 else STREAM // 12,
            shapes=_STREAMED if size > 1 else _STREAMED[::3],
        )
        for size in (1, 61, 1460, 65_536)
    ),
    Reader(
        (
            *(f"{_P}matching.{name}" for name in ("transaction_key", "merge_identity")),
            *(f"{_P}validate.{name}" for name in ("check_request", "check_hops")),
            *(f"{_P}builder.build_response", f"{_P}message.Request.stamp", f"{_P}message.Request.reply_to"),
        ),
        _checked,
        _ERRORS,
        _SOME_ADDRESSES,
    ),
    Reader((f"{_P}strangers.Strangers.refuse", f"{_P}strangers.is_head"), _stranger, (), _MESSAGES, octets=True),
    Reader((f"{_P}ids.StatelessTags.of",), lambda text: StatelessTags().of(_request(text), ("h", 5060))),
    Reader((f"{_P}validate.check_response",), _response, _ERRORS, _VIAS),
    Reader((f"{_P}locate.Locator.locate", f"{_P}locate.Locator.resolve"), _locate, (), _URIS),
    Reader(
        (f"{_P}locate.is_hostname", f"{_P}locate.numeric"),
        lambda text: (locate.is_hostname(text), locate.numeric(text)),
    ),
]
