"""SIP URIs and those that stand in for them: sip, sips, tel, im, pres (RFC 3261 s19.1, RFC 3966, RFC 3861)."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, unquote, unquote_to_bytes

from protocols.remembered import Remembered
from protocols.sip.address import NameAddr
from protocols.sip.errors import SipError
from protocols.sip.grammar import HOST
from protocols.sip.params import Params

# The user part ends at the first colon or at the only "@"; "?" and ";" are legal in it (RFC 4475 s3.1.1.2, s3.1.1.9).
_URI_PARAMS: Final = r'(?:;[^\s;?<>"@]++)*+'
_sip = re.compile(
    r'(sips?|im|pres):(?:([^\s@:<>"]++)(?::([^\s@<>"]*+))?@)?'
    rf'({HOST})(?::([0-9]{{1,5}}))?({_URI_PARAMS})(?:\?([^\s<>"]*+))?\Z',
    re.IGNORECASE | re.ASCII,
).match
_tel = re.compile(rf"(tel):([0-9A-Fa-f*#+().\-]++)({_URI_PARAMS})\Z", re.IGNORECASE | re.ASCII).match
_scheme = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*+):").match
_escape = re.compile(r"%([0-9A-Fa-f]{2})?").sub
_colons = re.compile(":{3,}").sub
_visual_separators: Final = str.maketrans("", "", "-.()")

_UNRESERVED: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.!~*'()")
_USER_SAFE: Final = "-_.!~*'()&=+$,;?/"
_PARAM_SAFE: Final = "-_.!~*'()[]/:&+$"
_MUST_MATCH: Final = ("user", "ttl", "method", "maddr", "transport")
"""Parameters that differ from being absent (s19.1.4)."""


class SipUri:  # noqa: PLW1641 - not hashable, and says why
    """One URI, escapes decoded once in ``user`` and ``params``.

    ``host`` keeps its brackets if it is an IPv6 reference and is empty in a tel URI, whose number is ``user``.
    ``port`` is None where none is written. ``headers`` is raw, less its question mark. Not hashable, because equality
    of SIP URIs is not transitive; use :meth:`aor` for keys.
    """

    __slots__ = ("_user", "headers", "host", "params", "password", "port", "scheme", "user")

    def __init__(
        self,
        scheme: str,
        user: str | None,
        host: str,
        port: int | None = None,
        params: Params | None = None,
        password: str | None = None,
        headers: str = "",
    ) -> None:
        self.scheme = scheme
        self.user = user
        self._user = None if user is None else _escaped(user, _USER_SAFE)
        self.password = password
        self.host = host
        self.port = port
        self.params: Params = {} if params is None else params
        self.headers = headers

    @classmethod
    def parse(cls, text: str) -> SipUri:
        """Read a bare URI, no angle brackets. Raises SipError 416 for a scheme not served, 400 for a fault."""
        if not text.isascii():
            _check_octets(text)
        found = _sip(text)
        if found is None:
            return cls._parse_other(text)
        scheme, user, password, host, port, params, headers = found.groups()
        uri = cls.__new__(cls)
        uri.scheme = scheme.lower()
        if user is None or (user.isalnum() and user.isascii()):
            uri.user = uri._user = user
        else:
            uri.user = _unescaped(user)
            uri._user = _normalised(user)
        uri.password = password
        # RFC 5118 s4.10: an ABNF bug makes peers write three colons where two are meant.
        uri.host = _colons("::", host) if host[0] == "[" else host
        uri.port = None if port is None else _port(port)
        uri.params = _read_params(params) if params else {}
        uri.headers = headers or ""
        return uri

    @classmethod
    def _parse_other(cls, text: str) -> SipUri:
        found = _tel(text)
        if found is not None:
            return cls("tel", found[2], "", params=_read_params(found[3]))
        scheme = _scheme(text)
        if scheme is None or scheme[1].lower() in ("sip", "sips", "tel", "im", "pres"):
            raise SipError(400, "Malformed URI")
        raise SipError(416, "Unsupported URI Scheme")

    @property
    def transport(self) -> str | None:
        """The transport parameter in lower case; None where it is absent, or has no value, as peers write it too."""
        return (self.params.get("transport") or "").lower() or None

    def __str__(self) -> str:
        text = f"{self.scheme}:"
        if self._user is not None:
            text += self._user
            if self.password is not None:
                text += f":{self.password}"
            if self.host:
                text += "@"
        text += self.host
        if self.port is not None:
            text += f":{self.port}"
        for name, value in self.params.items():
            text += f";{_escaped(name, _PARAM_SAFE)}"
            if value is not None:
                text += f"={_escaped(value, _PARAM_SAFE)}"
        return f"{text}?{self.headers}" if self.headers else text

    def __repr__(self) -> str:
        return f"<SipUri {self}>"

    def __eq__(self, other: object) -> bool:
        """Equivalence of s19.1.4: a port or a transport that is written differs from one that is not."""
        if not isinstance(other, SipUri):
            return NotImplemented
        if self.scheme == "tel" or other.scheme == "tel":
            return self.aor() == other.aor()
        return (
            (self.scheme, self._user, self.password, self.host.lower(), self.port)
            == (other.scheme, other._user, other.password, other.host.lower(), other.port)
            and _params_match(self.params, other.params)
            and _header_set(self.headers) == _header_set(other.headers)
        )

    def aor(self) -> str:
        """The address of record, as text that is the same for the same one.

        ``sip:alice@example.com:5080``: scheme and host in lower case, escapes normalised, the port kept where there is
        one, neither password, parameters nor headers (s10.3 step 5). A tel URI loses its visual separators and keeps
        its phone-context (RFC 3966 s4).
        """
        user = self._user
        if self.scheme == "tel":
            context = self.params.get("phone-context")
            number = (user or "").translate(_visual_separators).lower()
            return f"tel:{number};phone-context={context.lower()}" if context else f"tel:{number}"
        text = f"{self.scheme}:{self.host.lower()}" if user is None else f"{self.scheme}:{user}@{self.host.lower()}"
        return text if self.port is None else f"{text}:{self.port}"


def aor_of(text: str) -> str:
    """The address of record of a raw URI or of a name-addr such as a From value; remembered, as the same ones return.

    Raises SipError 400 or 416.
    """
    return _remembered_aor[text]


def check_uri(text: str, *, headers_allowed: bool = False) -> None:
    """Raise what :meth:`SipUri.parse` would; remembered as in :func:`aor_of`.

    Header components raise 400 unless ``headers_allowed``: they belong into Contact and pages, not into a Request-URI,
    From or To (s19.1.1, RFC 4475 s3.1.2.11).
    """
    if _plain(text) is not None:
        return
    fault = _remembered_fault[text]
    if fault is not None and not (headers_allowed and fault is _HAS_HEADERS):
        raise SipError(*fault)


def _aor_of(text: str) -> str:
    # What begins with a scheme and has no spaces is a URI, or an addr-spec whose header parameters do not matter here.
    if _scheme(text) is None or " " in text or "\t" in text:
        text = NameAddr.parse(text).uri
    return SipUri.parse(text).aor()


def _fault_of(text: str) -> tuple[int, str] | None:
    try:
        uri = SipUri.parse(text)
    except SipError as error:
        return error.code, error.reason
    return _HAS_HEADERS if uri.headers else None


_HAS_HEADERS: Final = (400, "URI with header components")
_LONGEST_REMEMBERED: Final = 256
"""Characters, all of them ASCII: others take twelve octets each in an address of record."""
REMEMBERED: Final = 65_536
"""URIs remembered in each cache: a gateway sees a few of every live conversation with every message."""
# Most URIs, and no fault in any of them: told without a cache, which many conversations would wear out.
_USER: Final = r"sip:[A-Za-z0-9_.!~*+-]+@"
_NAME: Final = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_IPV4: Final = r"(?:1?[0-9]{1,2}\.){3}1?[0-9]{1,2}"  # not all of them, but no other
_plain = re.compile(rf"{_USER}(?:{_IPV4}|{_NAME})(?::[1-9][0-9]{{0,3}})?\Z", re.ASCII).match
_remembered_aor = Remembered(_aor_of, most=REMEMBERED, longest=_LONGEST_REMEMBERED, is_small=str.isascii)
_remembered_fault = Remembered(_fault_of, most=REMEMBERED, longest=_LONGEST_REMEMBERED, is_small=str.isascii)


def _check_octets(text: str) -> None:
    """Halves of surrogate pairs, which JSON may hold, stand for no octets, so that no message could be made of them."""
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise SipError(400, "Malformed URI") from None


def _port(digits: str) -> int:
    port = int(digits)
    if not 0 < port < 65_536:
        raise SipError(400, "Malformed port")
    return port


def _read_params(text: str) -> Params:
    params: Params = {}
    parts = text.split(";")
    for part in parts[1:]:
        name, equals, value = part.partition("=")
        if "%" in part:
            # Once only: %25%34%31 is the text %41 (RFC 4475 s3.1.1.3).
            name, value = _unescaped(name), _unescaped(value)
        params[name.lower()] = value if equals else None
    if len(params) != len(parts) - 1:
        raise SipError(400, "Repeated URI parameter")
    return params


def _unescaped(text: str) -> str:
    """``text`` with its escapes decoded: as octets, for one half of a character may be escaped and the other not."""
    if text.isascii():
        return unquote(text, errors="surrogateescape")
    return unquote_to_bytes(text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")


def _escaped(text: str, safe: str) -> str:
    return text if text.isalnum() and text.isascii() else quote(text, safe=safe, errors="surrogateescape")


def _normalised(user: str) -> str:
    """A user part with unreserved characters plain, all else as it was, and what must be escaped escaped."""
    if not user.isascii():
        user = quote(user, safe="%" + _USER_SAFE, errors="surrogateescape")
    return _escape(_normalised_escape, user) if "%" in user else user


def _normalised_escape(found: re.Match[str]) -> str:
    if found[1] is None:  # it stands for itself, and must not become an escape by what is decoded behind it
        return "%25"
    octet = chr(int(found[1], 16))
    return octet if octet in _UNRESERVED else found[0].upper()


def _params_match(ours: Params, theirs: Params) -> bool:
    for name, value in ours.items():
        if name in theirs:
            if (value or "").lower() != (theirs[name] or "").lower():
                return False
        elif name in _MUST_MATCH:
            return False
    return not any(name in theirs and name not in ours for name in _MUST_MATCH)


def _header_set(headers: str) -> list[tuple[str, str]]:
    pairs = (each.partition("=") for each in headers.split("&")) if headers else ()
    return sorted((unquote(name).lower(), unquote(value)) for name, _, value in pairs)
