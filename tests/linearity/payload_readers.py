"""Every reader of what messages carry."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Final

from protocols.payload import (
    charset,
    charset_names,
    content_type,
    cpim,
    cpim_escape,
    cpim_lines,
    encoding,
    html,
    imdn,
    iscomposing,
    multipart,
    rfc3339,
    split,
    xml_document,
)
from protocols.payload.errors import PayloadError
from tests.linearity.reader import WHOLE, Places, Reader
from tests.linearity.shapes import repeated

_P: Final = "protocols.payload."
_ERRORS: Final = (PayloadError,)
_CPIM: Final = "From: <sip:a@h>\r\nTo: <sip:b@h>\r\nNS: imdn <urn:ietf:params:imdn>\r\n"

_TYPES: Final[Places] = (
    *WHOLE,
    *(
        ("text/plain", ""),
        ("text/plain;", ""),
        ("text/plain;x=", ""),
        ('text/plain;x="', ""),
        ("text/plain;charset=", ""),
    ),
    *(('text/plain;charset="', '"'), ("text/plain; ", ";charset=latin1")),
)
_CPIMS: Final[Places] = (
    *WHOLE,
    *(
        (_CPIM, ""),
        (_CPIM, "\r\n\r\nContent-Type: text/plain\r\n\r\nhello"),
        (f"{_CPIM}Subject: ", "\r\n\r\n\r\nhello"),
    ),
    *((f"{_CPIM}From: ", "\r\n\r\n\r\nx"), (f"{_CPIM}Require: ", "\r\n\r\n\r\nx"), (f"{_CPIM}NS: ", "\r\n\r\n\r\nx")),
    *((f"{_CPIM}imdn.Disposition-Notification: ", "\r\n\r\n\r\nx"), (f"{_CPIM}imdn.IMDN-Route: ", "\r\n\r\n\r\nx")),
    *(
        (f"{_CPIM}Subject:;", "\r\n\r\n\r\nx"),
        (f"{_CPIM}Subject:;lang=", " \r\n\r\n\r\nx"),
        (f"{_CPIM}DateTime: ", "\r\n\r\n\r\nx"),
    ),
    *((f"{_CPIM}\r\nContent-Type: ", "\r\n\r\nx"), (f"{_CPIM}\r\nContent-Transfer-Encoding: base64\r\n\r\n", "")),
    *(
        (f"{_CPIM}\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n", ""),
        ("Content-Type: message/cpim\r\n", f"\r\n{_CPIM}\r\n\r\nx"),
    ),
    *((f"{_CPIM}\r\nContent-Type: a\r\n", "\r\n\r\nx"),),
)
_MULTIPARTS: Final[Places] = (
    *WHOLE,
    *(("--b\r\n", "\r\n--b--"), ("--b\r\nContent-Type: ", "\r\n\r\nx\r\n--b--"), ("--b\r\n\r\n", "\r\n--b--")),
    *(("--b\r\nContent-Type: multipart/mixed;boundary=c\r\n\r\n--c\r\n", "\r\n--c--\r\n--b--"), ("", "\r\n--b--")),
    *(("--b\r\nContent-Disposition: ", "\r\n\r\nx\r\n--b--"), ("--b\r\nContent-Transfer-Encoding: base64\r\n\r\n", "")),
)
_XMLS: Final[Places] = (
    *WHOLE,
    *(
        ("<a>", "</a>"),
        ("<a ", "/>"),
        ('<a xmlns="', '"/>'),
        ('<a b="', '"/>'),
        ("<", "/>"),
        ("<a><!--", "--></a>"),
        ("<a><![CDATA[", "]]></a>"),
    ),
    *(
        ("<?xml ", "?><a/>"),
        ("<!DOCTYPE a [", "]><a/>"),
        ("<a>&", ";</a>"),
        ("<isComposing><state>", "</state></isComposing>"),
    ),
    *(
        ("<isComposing><state>idle</state><refresh>", "</refresh></isComposing>"),
        ("<imdn><message-id>", "</message-id></imdn>"),
    ),
    *(
        ("<imdn><message-id>a</message-id><delivery-notification>", "</delivery-notification></imdn>"),
        (f'<a xmlns="{"u" * 9_000}">', "</a>"),
    ),
    *((f'<p:a xmlns:p="{"u" * 9_000}">', "</p:a>"), (f'<p:a xmlns:p="{"u" * 9_000}" ', "/>")),
)
_HTMLS: Final[Places] = (
    *WHOLE,
    ("<meta ", ""),
    *(
        ("<a ", ""),
        ("<a ", ">"),
        ('<a href="', '">x</a>'),
        ('<a href="http://', '">x</a>'),
        ("<a href=http://x>", "</a>"),
        ("<pre>", "</pre>"),
    ),
    *(("<script>", "</script>"), ("<!--", "-->"), ("<", ">"), ("<img alt='", "'>"), ("&", ";"), ("<table>", "")),
)


def _multipart(data: bytes) -> None:
    for part in multipart.parts_of(data, "multipart/mixed;boundary=b"):
        _looked = part.content_type, part.essence, part.is_optional
        part.body(len(data))


def _content_type(text: str) -> None:
    content_type.essence(text)
    content_type.parameter(text, "boundary")
    found = content_type.find_charset(text)
    if found is not None:
        content_type.with_charset(text, found, "utf-8")


def _cpim(data: bytes) -> None:
    message = cpim.parse(data)
    _named = message.from_uri, message.to_uri, message.subject, message.content_type
    _others = message.date_time, message.signed, message.notify
    message.imdn_message_id, message.imdn("IMDN-Record-Route"), message.first("From")
    built = cpim.build(message.headers, message.content_headers, message.body)
    cpim.with_record_route(built, "sip:gw@h")
    message.decoded()


def _wrapped(text: str) -> None:
    wrapped = cpim.wrap(
        b"x",
        text,
        from_uri=text,
        to_uri=text,
        at=0,
        subject=text,
        imdn_message_id=text,
        notify=[text],
        disposition=text,
    )
    cpim.without_route(cpim.with_record_route(wrapped, text), text)


def _imdn(data: bytes) -> None:
    imdn.build(imdn.parse(data))


def _composing(data: bytes) -> None:
    state = iscomposing.ComposingState()
    document = iscomposing.parse(data)
    state.seen(document, 0.0), state.active
    iscomposing.build(document)


def _xml(data: bytes) -> None:
    root = xml_document.read_document(data)
    root.text, list(root.each(frozenset({""})))


def _in_charset(name: str) -> Callable[[bytes], object]:
    return lambda data: charset.to_utf8(data, f"text/plain;charset={name}")


def _encoded(make: Callable[[bytes], bytes], coding: str) -> Callable[[bytes], object]:
    return lambda data: encoding.decode(make(data), coding, 4 * len(data))


def _gzip(data: bytes) -> bytes:
    return zlib.compress(data, wbits=31)


CODECS: Final = sorted(set(charset_names.CODECS.values()))
_ENCODED: Final = [repeated(unit) for unit in ("a", "ab\r\n", "\0", "=", "YQ==", "\x1f\x8b")]

PAYLOAD: Final = [
    Reader(
        (
            f"{_P}content_type.find_charset",
            f"{_P}content_type.essence",
            f"{_P}content_type.with_charset",
            f"{_P}content_type.parameter",
        ),
        _content_type,
        (),
        _TYPES,
    ),
    Reader((f"{_P}charset.to_utf8",), lambda text: charset.to_utf8(b"\xe9", text), _ERRORS, _TYPES),
    *(
        Reader((f"{_P}charset.to_utf8", f"{_P}charset.decoded"), _in_charset(name), _ERRORS, octets=True)
        for name in CODECS
    ),
    Reader(
        (
            f"{_P}cpim.parse",
            f"{_P}cpim.build",
            f"{_P}cpim_lines.lay_out",
            *(
                f"{_P}cpim.CpimMessage.{name}"
                for name in (
                    "first",
                    "imdn",
                    "imdn_message_id",
                    "notify",
                    "from_uri",
                    "to_uri",
                    "subject",
                    "date_time",
                    "content_type",
                    "signed",
                    "decoded",
                )
            ),
        ),
        _cpim,
        _ERRORS,
        _CPIMS,
        octets=True,
    ),
    Reader((f"{_P}cpim_lines.lay_out",), cpim_lines.lay_out, _ERRORS, _CPIMS, octets=True),
    Reader(
        (f"{_P}cpim.with_record_route",),
        lambda data: cpim.with_record_route(data, "sip:gw@h"),
        _ERRORS,
        _CPIMS,
        octets=True,
    ),
    Reader(
        (f"{_P}cpim.without_route",), lambda data: cpim.without_route(data, "sip:gw@h"), _ERRORS, _CPIMS, octets=True
    ),
    Reader((f"{_P}cpim.wrap",), _wrapped, _ERRORS, largest=4000),
    Reader(
        (f"{_P}cpim_escape.escape", f"{_P}cpim_escape.unescape", f"{_P}cpim_escape.whole"),
        lambda text: cpim_escape.unescape(cpim_escape.escape(cpim_escape.unescape(text))),
    ),
    Reader((f"{_P}imdn.parse", f"{_P}imdn.build"), _imdn, _ERRORS, _XMLS, octets=True),
    Reader(
        (
            f"{_P}iscomposing.parse",
            f"{_P}iscomposing.build",
            *(f"{_P}iscomposing.ComposingState.{name}" for name in ("seen", "active")),
        ),
        _composing,
        _ERRORS,
        _XMLS,
        octets=True,
    ),
    Reader(
        (f"{_P}xml_document.read_document", f"{_P}xml_document.Element.text", f"{_P}xml_document.Element.each"),
        _xml,
        _ERRORS,
        _XMLS,
        octets=True,
    ),
    Reader(
        (f"{_P}xml_document.element", f"{_P}xml_document.escape_text"), lambda text: xml_document.element("a", text)
    ),
    Reader((f"{_P}html.to_text",), lambda data: html.to_text(data, "text/html"), _ERRORS, _HTMLS, octets=True),
    Reader((f"{_P}html.to_text",), lambda text: html.to_text(b"<p>\xe9", text), _ERRORS, _TYPES),
    Reader(
        (f"{_P}html.to_text",), lambda data: html.to_text(data + b"\xff", "text/html"), _ERRORS, _HTMLS, octets=True
    ),
    Reader(
        (
            f"{_P}multipart.parts_of",
            *(f"{_P}multipart.Part.{name}" for name in ("content_type", "essence", "is_optional", "body")),
        ),
        _multipart,
        _ERRORS,
        _MULTIPARTS,
        octets=True,
    ),
    Reader((f"{_P}multipart.parts_of",), lambda text: multipart.parts_of(b"--b\r\n", text), _ERRORS, _TYPES),
    Reader((f"{_P}charset_names.codec_of",), charset_names.codec_of),
    Reader(
        (f"{_P}rfc3339.parse_date_time",),
        rfc3339.parse_date_time,
        (),
        (*WHOLE, ("2026-01-01T00:00:00.", "Z"), ("2026-01-01T00:00:00", "")),
    ),
    *(
        Reader((f"{_P}split.split_text",), lambda text, budget=budget: split.split_text(text, budget), _ERRORS)
        for budget in (1000, 20_000)
    ),
    Reader(
        (f"{_P}encoding.decode_transfer",), lambda data: encoding.decode_transfer(data, "base64"), _ERRORS, octets=True
    ),
    Reader(
        (f"{_P}encoding.decode_transfer",),
        lambda data: encoding.decode_transfer(data, "quoted-printable"),
        _ERRORS,
        octets=True,
    ),
    Reader((f"{_P}encoding.decode_transfer",), lambda text: encoding.decode_transfer(b"x", text), _ERRORS),
    Reader((f"{_P}encoding.decode",), lambda text: encoding.decode(b"x", text, 100), _ERRORS),
    Reader((f"{_P}encoding.decode",), lambda data: encoding.decode(data, "gzip, deflate", 1000), _ERRORS, octets=True),
    Reader((f"{_P}encoding.decode",), _encoded(zlib.compress, "deflate"), _ERRORS, octets=True, shapes=_ENCODED),
    Reader((f"{_P}encoding.decode",), _encoded(_gzip, "gzip"), _ERRORS, octets=True, shapes=_ENCODED),
    Reader(
        (f"{_P}encoding.decode",),
        _encoded(lambda data: _gzip(b"") * (len(data) // 20), "gzip"),
        _ERRORS,
        octets=True,
        shapes=_ENCODED,
    ),
    Reader(
        (f"{_P}encoding.decode",),
        _encoded(lambda data: _gzip(_gzip(_gzip(data))), "gzip,gzip,gzip"),
        _ERRORS,
        octets=True,
        shapes=_ENCODED,
    ),
]
