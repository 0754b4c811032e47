"""Addresses in headers: name-addr and addr-spec with their header parameters (RFC 3261 s20.10, s25.1)."""

from __future__ import annotations

import re
from typing import Final

from protocols.remembered import Remembered
from protocols.sip.errors import SipError
from protocols.sip.grammar import LWS, QUOTED
from protocols.sip.params import PLAIN_VALUE, Params, format_params, parse_params, quote, split_list, unquote

_URI: Final = r'[A-Za-z][A-Za-z0-9+.\-]*+:[^\s<>"]++'
_plain_tag = re.compile(rf"{PLAIN_VALUE}\Z", re.ASCII).match
# Spaces inside the brackets are ignored (RFC 4475 s3.1.2.14). A display name without quotes may have more than tokens,
# as peers write dots, brackets and letters of any script, but nothing that could be another address or a parameter.
_name_addr = re.compile(
    rf'(?:({QUOTED})|([^"<>;:,\\]*+))[ \t]*+<{LWS}({_URI}){LWS}>{LWS}(;.*+)?\Z', re.DOTALL | re.ASCII
).match
# Without brackets a semicolon begins header parameters; comma and question mark must not occur (s20.10).
_addr_spec = re.compile(rf'([A-Za-z][A-Za-z0-9+.\-]*+:[^\s<>";,?]++){LWS}(;.*+)?\Z', re.DOTALL | re.ASCII).match


class NameAddr:
    """One From, To, Contact, Route or like value.

    ``display`` is without quotes and escapes, None where there is none. ``uri`` is the raw text, of any scheme.
    ``params`` are the header's, never the URI's.
    """

    __slots__ = ("display", "params", "uri")

    def __init__(self, uri: str, display: str | None = None, params: Params | None = None) -> None:
        self.display = display
        self.uri = uri
        self.params: Params = {} if params is None else params

    @classmethod
    def parse(cls, text: str) -> NameAddr:
        """Read one value, unfolded and stripped. Raises SipError 400.

        Addresses return with every message and only the tag is new, so what stands before it is remembered.
        """
        address, found, tag = text.partition(";tag=")
        if not found or tag.isalnum() or _plain_tag(tag) is not None:
            known = _remembered[address]
            params = known.params.copy()
            if found:
                if "tag" in params:
                    raise SipError(400, "Repeated parameter")
                params["tag"] = tag
            return cls(known.uri, known.display, params)
        return cls._parse(text)

    @classmethod
    def _parse(cls, text: str) -> NameAddr:
        found = _name_addr(text)
        if found is not None:
            quoted, plain, uri, params = found.groups()
            display = unquote(quoted) if quoted is not None else plain.rstrip(" \t") or None
        else:
            found = _addr_spec(text)
            if found is None:
                raise SipError(400, "Malformed address")
            uri, params = found.groups()
            display = None
        return cls(uri, display, parse_params(params) if params else {})

    @classmethod
    def parse_list(cls, text: str) -> list[NameAddr]:
        """Read a comma list of values. ``*``, legal in the Contact of a REGISTER, comes as that URI."""
        return [cls("*") if each == "*" else cls.parse(each) for each in split_list(text)]

    @property
    def tag(self) -> str | None:
        """The tag parameter; None also where it is empty."""
        return self.params.get("tag") or None

    def __str__(self) -> str:
        display = f"{quote(self.display)} " if self.display else ""
        return f"{display}<{self.uri}>{format_params(self.params)}"

    def __repr__(self) -> str:
        return f"<NameAddr {self}>"


REMEMBERED: Final = 65_536
"""Addresses remembered: two of every live conversation come with every message."""
_LONGEST_REMEMBERED: Final = 256
_LONGEST_WIDE: Final = 64
_MOST_PARAMS: Final = 4


def _is_small(address: str) -> bool:
    """Whether it takes about a kilobyte to remember, whoever made it up: 65,536 with 90 parameters took 560 MB."""
    return (len(address) <= _LONGEST_WIDE or address.isascii()) and address.count(";") <= _MOST_PARAMS


_remembered = Remembered(NameAddr._parse, most=REMEMBERED, longest=_LONGEST_REMEMBERED, is_small=_is_small)
