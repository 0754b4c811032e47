"""Content-Type and the members of Accept (RFC 3261 s20.15)."""

from __future__ import annotations

import re

from protocols.remembered import Remembered
from protocols.sip.errors import SipError
from protocols.sip.grammar import LWS, TCHAR
from protocols.sip.params import Params, format_params, parse_params

_media_type = re.compile(rf"({TCHAR}++){LWS}/{LWS}({TCHAR}++){LWS}(;.*+)?\Z", re.DOTALL).match


class MediaType:
    """``type`` and ``subtype`` in lower case, ``params`` with names in lower case. Shared: read only."""

    __slots__ = ("essence", "params", "subtype", "type")

    def __init__(self, type_: str, subtype: str, params: Params | None = None) -> None:
        self.type = type_.lower()
        self.subtype = subtype.lower()
        self.params: Params = {} if params is None else params
        self.essence = f"{self.type}/{self.subtype}"
        """``text/plain``, what a type is compared by."""

    @classmethod
    def parse(cls, text: str) -> MediaType:
        """Read one value; the few that traffic is made of are remembered. Raises SipError 400."""
        return _remembered[text]

    def __str__(self) -> str:
        return self.essence + format_params(self.params)

    def __repr__(self) -> str:
        return f"<MediaType {self}>"


def _parse(text: str) -> MediaType:
    found = _media_type(text)
    if found is None:
        raise SipError(400, "Malformed media type")
    return MediaType(found[1], found[2], parse_params(found[3] or ""))


_remembered = Remembered(_parse, most=256, longest=128)
