"""What SIP headers are made of: URIs, addresses, Vias, parameters, lists, types, dates."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from protocols.sip.address import NameAddr
from protocols.sip.date import format_date, parse_date
from protocols.sip.dialog import is_loose, with_tag, without_tag
from protocols.sip.errors import SipError
from protocols.sip.header_names import header_name
from protocols.sip.locate import is_hostname, numeric
from protocols.sip.media_type import MediaType
from protocols.sip.message import CSeq
from protocols.sip.params import format_params, parse_params, quote, split_list, unquote
from protocols.sip.uri import SipUri, aor_of, check_uri
from protocols.sip.via import Via, stamped
from tests.fuzz.invariant import holds
from tests.fuzz.target import Target


def _uri(text: str) -> None:
    fault: SipError | None = None
    try:
        uri = SipUri.parse(text)
    except SipError as error:
        fault = error
    try:
        check_uri(text, headers_allowed=True)
    except SipError as error:
        holds(fault is not None and fault.code == error.code, "check_uri and SipUri disagree", text)
    else:
        holds(fault is None, "check_uri lets pass what SipUri does not read", text)
    if fault is not None:
        raise fault
    written = str(uri)
    again = SipUri.parse(written)
    holds(again == uri, "a URI is not the same once it was written and read", text, written)
    holds(str(again) == written, "a URI is written in another way the second time", text, written, str(again))
    holds(uri.user is None or again.user == uri.user, "a user is another one", text, uri.user, again.user)
    aor = uri.aor()
    holds(SipUri.parse(aor).aor() == aor, "the address of record of an address of record is another one", text, aor)
    uri.transport, repr(uri)


def _aor(text: str) -> None:
    aor = aor_of(text)
    holds(aor_of(aor) == aor, "an address of record is not its own", text, aor)
    holds("\r" not in aor and "\n" not in aor and " " not in aor, "an address of record with blanks", aor)


def _address(text: str) -> None:
    address = NameAddr.parse(text)
    written = str(address)
    again = NameAddr.parse(written)
    same = (address.display or None, address.uri, address.params)
    holds((again.display or None, again.uri, again.params) == same, "an address changes", text, written, same)
    address.tag, repr(address)


def _addresses(text: str) -> None:
    NameAddr.parse_list(text)


def _tags(text: str) -> None:
    bare = without_tag(text)
    try:
        address = NameAddr.parse(text)
    except SipError:
        return
    left = NameAddr.parse(bare)
    params = {name: value for name, value in address.params.items() if name != "tag"}
    holds((left.uri, left.params) == (address.uri, params), "more than the tag is taken away", text, bare)
    holds(NameAddr.parse(with_tag(bare, "t")).tag == "t", "no tag can be put on", bare)
    is_loose(text)


def _via(text: str) -> None:
    salvaged = Via.salvage(text)
    via = Via.parse(text)
    holds(salvaged is not None, "a Via that can be read cannot be salvaged", text)
    again = Via.parse(str(via))
    fields = (via.transport, via.host, via.port, via.params)
    holds((again.transport, again.host, again.port, again.params) == fields, "a Via changes", text, str(via))
    written = stamped(text, via, "192.0.2.1", 5061)
    marked = Via.parse(written)
    holds(marked.branch == via.branch, "a stamp changes the branch", text, written)
    if "rport" in marked.params:
        holds(marked.rport == 5061 and marked.received == "192.0.2.1", "a stamp that is not ours", text, written)
    _looked = via.sent_by, via.is_rfc3261, via.received, via.rport


def _params(text: str) -> None:
    params = parse_params(text)
    written = format_params(params)
    holds(parse_params(written) == params, "parameters change", text, written)


def _list(text: str) -> None:
    values = split_list(text)
    joined = ", ".join(values)
    holds(split_list(joined) == values, "the values of a list change", text, values)


def _quoted(text: str) -> None:
    holds(unquote(quote(text)) == text, "a quoted string changes", text)


def _type(text: str) -> None:
    media = MediaType.parse(text)
    again = MediaType.parse(str(media))
    holds((again.essence, again.params) == (media.essence, media.params), "a media type changes", text)


def _others(text: str) -> None:
    is_hostname(text), numeric(text)
    date = parse_date(text)
    if date is not None:
        holds(parse_date(format_date(date)) == date, "a date changes", text)
    with suppress(SipError):
        name = header_name(text)
        holds(header_name(name) in (name, header_name(header_name(name))), "a header name has another long name", text)
    cseq = CSeq.parse(text)
    holds(0 <= cseq.number < 2**32, "CSeq out of range", text)


_READERS: Final[list[Callable[[str], None]]] = [
    *(_uri, _aor, _address, _addresses, _tags, _via, _params, _list, _quoted, _type, _others),
]


def run(data: bytes) -> None:
    """One value, read as everything that it could be."""
    text = data.decode("utf-8", "surrogateescape")
    if "\r" in text or "\n" in text:
        return  # no header value has any, once it is unfolded
    for read in _READERS:
        with suppress(SipError):
            read(text)


_WORDS: Final = [
    *(
        b"sip:",
        b"sips:",
        b"tel:",
        b"im:",
        b"pres:",
        b"SIP/2.0/UDP ",
        b"SIP / 2.0 / TCP ",
        b"<",
        b">",
        b'"',
        b'\\"',
        b"\\",
        b"@",
        b":",
    ),
    *(
        b";",
        b"=",
        b",",
        b"?",
        b"&",
        b"%",
        b"%41",
        b"%00",
        b"%25",
        b"%c3%a9",
        b"[::1]",
        b"[:::1]",
        b"192.0.2.1",
        b"example.com",
        b":5060",
    ),
    *(
        b";tag=",
        b";branch=z9hG4bK",
        b";rport",
        b";received=",
        b";lr",
        b";transport=tcp",
        b";maddr=",
        b";user=phone",
        b";phone-context=",
    ),
    *(
        b" ",
        b"\t",
        b"*",
        b"+1-555",
        b"text/plain",
        b";charset=utf-8",
        b"Sat, 13 Nov 2010 23:29:00 GMT",
        b"1 MESSAGE",
        b"\xc3\xa9",
        b"\xff",
        b"\0",
    ),
    *(b"\xc5\xbf", b"\xe2\x84\xaa", b"\xed\xa0\x80", b"\x1f", b"\x7f", b"\xc2\xa0", b"\xe2\x80\xa8"),
]

SIP_VALUES: Final = Target(
    "sip_values",
    run,
    tuple(
        f"protocols.sip.{name}"
        for name in ("uri", "address", "via", "params", "media_type", "date", "header_names", "locate")
    ),
    _WORDS,
    longest=300,
)
