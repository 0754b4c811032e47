"""Addresses in headers: name-addr and addr-spec with their header parameters (RFC 3261 s20.10, s25.1)."""

from __future__ import annotations

import re
from typing import Final

from protocols.sip.errors import SipError
from protocols.sip.grammar import LWS, QUOTED
from protocols.sip.params import PLAIN_VALUE, Params, format_params, parse_params, quote, split_list, unquote

_URI: Final = r'[A-Za-z][A-Za-z0-9+.\-]*+:[^\s<>"]++'
# Almost all values of From and To; tried first because it is cheap.
_usual = re.compile(rf'(?:"([^"\\]*+)" ?)?<({_URI})>(?:;tag=({PLAIN_VALUE}))?\Z', re.ASCII).match
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
        """Read one value, unfolded and stripped. Raises SipError 400."""
        found = _usual(text)
        if found is not None:
            display, uri, tag = found.groups()
            return cls(uri, display, {"tag": tag} if tag else {})
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
