"""Requests and responses: raw header values by name, and typed views of those that everything needs.

Made by :mod:`protocols.sip.parser`, which has checked that Via, From, To, Call-ID and CSeq are there and that Via and
CSeq can be read. All other typed views are parsed when first asked for and raise SipError 400 for what is malformed.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final, NamedTuple

from protocols.sip.address import NameAddr
from protocols.sip.date import parse_date
from protocols.sip.errors import SipError
from protocols.sip.grammar import TCHAR
from protocols.sip.header_names import SHOWN
from protocols.sip.media_type import MediaType
from protocols.sip.params import split_list
from protocols.sip.via import Via, stamped

Headers = dict[str, list[str]]

_cseq = re.compile(rf"0*([0-9]{{1,10}})[ \t]++({TCHAR}++)\Z").match
_number = re.compile(r"0*([0-9]{1,20})\Z").match
_delta_seconds = re.compile(r"0*+([0-9]*+)[ \t]*+(?:[(;].*+)?\Z").match

CSEQ_END: Final = 2**32  # RFC 3261 s8.1.1.5 wants less than 2**31, RFC 4475 s3.1.2.4 refuses from here on
LONGEST_DELTA: Final = 2**32 - 1  # seconds, s25.1 delta-seconds by s20.19


class CSeq(NamedTuple):
    """``number`` below 2**32 and the method it counts."""

    number: int
    method: str

    @classmethod
    def parse(cls, text: str) -> CSeq:
        """Read the value. Raises SipError 400."""
        found = _cseq(text)
        if found is None:
            raise SipError(400, "Malformed CSeq header field")
        digits, method = found.groups()
        number = int(digits)
        if number >= CSEQ_END:
            raise SipError(400, "CSeq number out of range")
        return cls(number, method)


class Message:
    """What requests and responses have in common.

    ``headers``: lower-case long name to raw values, unfolded and stripped, one for each occurrence, in order. Octets
    that are not UTF-8 are lone surrogates and are written as they came. ``body``: octets, never None.
    """

    __slots__ = ("_content_type", "_cseq", "_from", "_to", "_via", "body", "headers")

    def __init__(self, headers: Headers, body: bytes = b"", via: Via | None = None, cseq: CSeq | None = None) -> None:
        self.headers = headers
        self.body = body
        self._via = via
        self._cseq = cseq
        self._from: NameAddr | None = None
        self._to: NameAddr | None = None
        self._content_type: MediaType | None = None

    def first(self, name: str) -> str | None:
        """The first raw value of the header with this lower-case long name."""
        found = self.headers.get(name)
        return found[0] if found else None

    def values(self, name: str) -> list[str]:
        """All values of a header whose grammar is a comma list, raw, in order (s7.3.1)."""
        found = self.headers.get(name)
        if found is None:
            return []
        return split_list(found[0]) if len(found) == 1 else [value for each in found for value in split_list(each)]

    def _one(self, name: str) -> str:
        try:
            return self.headers[name][0]
        except KeyError:
            raise _missing(name) from None

    @property
    def via(self) -> Via:
        """The topmost Via."""
        via = self._via
        if via is None:
            via = self._via = top_via(self._one("via"))
        return via

    @property
    def vias(self) -> list[Via]:
        """All of them, topmost first."""
        return [self.via, *map(Via.parse, self.values("via")[1:])]

    @property
    def from_(self) -> NameAddr:
        """From."""
        address = self._from
        if address is None:
            address = self._from = self._address("from")
        return address

    @property
    def to(self) -> NameAddr:
        """To."""
        address = self._to
        if address is None:
            address = self._to = self._address("to")
        return address

    @property
    def call_id(self) -> str:
        """Call-ID, compared octet by octet (s20.8)."""
        return self._one("call-id")

    @property
    def cseq(self) -> CSeq:
        """CSeq."""
        cseq = self._cseq
        if cseq is None:
            cseq = self._cseq = CSeq.parse(self._one("cseq"))
        return cseq

    @property
    def content_type(self) -> MediaType | None:
        """Content-Type, None without one. Compare by ``essence``."""
        media_type = self._content_type
        if media_type is None:
            value = self.headers.get("content-type")
            if value is None:
                return None
            media_type = self._content_type = MediaType.parse(value[0])
        return media_type

    @property
    def max_forwards(self) -> int | None:
        """Hops left; None where it is absent or above 255, which counts as absent (RFC 4475 s3.1.2.4)."""
        value = self.first("max-forwards")
        if value is None:
            return None
        found = _number(value)
        if found is None:
            raise SipError(400, "Malformed Max-Forwards header field")
        hops = int(found[1])
        return hops if hops < 256 else None

    @property
    def expires(self) -> int | None:
        """Seconds; None where it is absent or no number. Overlarge values are cut to 2**32-1 (RFC 4475 s3.1.2.4)."""
        return _seconds(self.first("expires"))

    @property
    def retry_after(self) -> int | None:
        """Seconds of Retry-After, treated as :attr:`expires` is."""
        return _seconds(self.first("retry-after"))

    @property
    def date(self) -> datetime | None:
        """Date; None where it is absent or malformed, which must not fail a message (RFC 4475 s3.1.2.12)."""
        value = self.first("date")
        return None if value is None else parse_date(value)

    @property
    def contacts(self) -> list[NameAddr]:
        """Contact values, in order."""
        return self._addresses("contact")

    @property
    def routes(self) -> list[NameAddr]:
        """Route values, in order."""
        return self._addresses("route")

    @property
    def record_routes(self) -> list[NameAddr]:
        """Record-Route values, in order."""
        return self._addresses("record-route")

    @property
    def require(self) -> list[str]:
        """Option tags of Require."""
        return self.values("require")

    @property
    def supported(self) -> list[str]:
        """Option tags of Supported."""
        return self.values("supported")

    def _address(self, name: str) -> NameAddr:
        try:
            return NameAddr.parse(self.headers[name][0])
        except KeyError:
            raise _missing(name) from None
        except SipError as error:
            raise _malformed(name) from error

    def _addresses(self, name: str) -> list[NameAddr]:
        found = self.headers.get(name)
        if found is None:
            return []
        try:
            return [address for each in found for address in NameAddr.parse_list(each)]
        except SipError as error:
            raise _malformed(name) from error


class Request(Message):
    """A request. ``uri`` is the raw Request-URI, checked by :func:`protocols.sip.validate.check_request`."""

    __slots__ = ("identity", "method", "uri")

    def __init__(
        self,
        method: str,
        uri: str,
        headers: Headers,
        body: bytes = b"",
        *,
        via: Via | None = None,
        cseq: CSeq | None = None,
    ) -> None:
        Message.__init__(self, headers, body, via, cseq)
        self.method = method
        self.uri = uri
        self.identity: str | None = None
        """That of :func:`protocols.sip.matching.merge_identity`, once somebody has asked for it."""

    def stamp(self, host: str, port: int) -> None:
        """Write into the topmost Via where the request came from, as its server must (s18.2.1, RFC 3581 s4)."""
        via = self.via
        values = self.headers["via"]
        first = values[0]
        if "," in first:
            values[:1] = split_list(first)
        values[0] = stamped(values[0], via, host, port)

    def reply_to(self, source: tuple[str, int]) -> tuple[str, int]:
        """Where answers go (s18.2.2, RFC 3581 s4): back to ``source`` with rport, else to the port in Via.

        ``maddr`` is ignored: following it would let a stranger aim our answers at somebody else.
        """
        via = self.via
        return source if "rport" in via.params else (source[0], via.port or 5060)

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.uri}>"


class Response(Message):
    """A response. ``status`` is 100 to 699; ``reason`` may be empty."""

    __slots__ = ("reason", "status")

    def __init__(
        self,
        status: int,
        reason: str,
        headers: Headers,
        body: bytes = b"",
        *,
        via: Via | None = None,
        cseq: CSeq | None = None,
    ) -> None:
        Message.__init__(self, headers, body, via, cseq)
        self.status = status
        self.reason = reason

    def __repr__(self) -> str:
        return f"<Response {self.status} {self.reason}>"


def top_via(value: str) -> Via:
    """The topmost Via of the first Via header field, which may be a list. Raises SipError 400."""
    if "," in value:
        value = next(iter(split_list(value)), "")
    return Via.parse(value)


def _missing(name: str) -> SipError:
    return SipError(400, f"Missing {SHOWN[name]} header field")


def _malformed(name: str) -> SipError:
    return SipError(400, f"Malformed {SHOWN[name]} header field")


def _seconds(value: str | None) -> int | None:
    found = None if value is None else _delta_seconds(value)
    if value is None or found is None or not value[:1].isdigit():
        return None
    digits = found[1] or "0"
    return LONGEST_DELTA if len(digits) > 10 else min(int(digits), LONGEST_DELTA)
