"""MSRP URIs: parse, write, compare (RFC 4975 s6, s6.1, s9; RULEBOOK S1, S2)."""

from __future__ import annotations

import contextlib
import ipaddress
import re
from urllib.parse import unquote

from protocols.msrp.errors import MsrpUriError
from protocols.remembered import Remembered

MAX_URI = 1024

_URI = re.compile(
    r"(?P<scheme>msrps?)://"
    r"(?:(?P<user>[!-.0-:<-?A-~]*)@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._~%!$&'()*+,=]+)"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?:/(?P<session>[!-:<-~]*))?"
    r";(?P<transport>[A-Za-z0-9]+)"
    r"(?P<params>(?:;[!-:<-~]+)*)",
    re.IGNORECASE | re.ASCII,  # without ASCII the letters also are U+017F and U+212A
)

UriKey = tuple[str, str, int | None, str | None, str]


class MsrpUri:
    """One MSRP URI; two are equal when RFC 4975 s6.1 says that they match (RULEBOOK S1)."""

    __slots__ = ("_key", "_text", "host", "params", "port", "scheme", "session_id", "transport", "userinfo")

    def __init__(
        self,
        host: str,
        port: int | None,
        session_id: str | None = None,
        *,
        scheme: str = "msrp",
        transport: str = "tcp",
        userinfo: str | None = None,
        params: str = "",
    ) -> None:
        self.scheme = scheme
        self.userinfo = userinfo
        self.host = host  # without the brackets of an IPv6 address
        self.port = port
        self.session_id = session_id or None
        self.transport = transport
        self.params = params  # other URI parameters as written, each with its leading ';'
        self._text: str | None = None
        self._key: UriKey | None = None

    @classmethod
    def parse(cls, text: str) -> MsrpUri:
        """The URI in ``text``. Raises MsrpUriError. Results are cached (bounded), so treat them as immutable."""
        return _remembered[text]

    @property
    def secure(self) -> bool:
        """True for ``msrps``: the connection to this hop must be TLS."""
        return self.scheme.lower() == "msrps"

    @property
    def key(self) -> UriKey:
        """What takes part in comparison: scheme, host, port, session-id, transport (RULEBOOK S1)."""
        key = self._key
        if key is None:
            host = unquote(self.host).lower()
            with contextlib.suppress(ValueError):
                host = ipaddress.ip_address(host).compressed
            key = self._key = (self.scheme.lower(), host, self.port, self.session_id, self.transport.lower())
        return key

    def __eq__(self, other: object) -> bool:
        return self.key == other.key if isinstance(other, MsrpUri) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.key)

    def __str__(self) -> str:
        text = self._text
        if text is None:
            user = f"{self.userinfo}@" if self.userinfo is not None else ""
            host = f"[{self.host}]" if ":" in self.host else self.host
            port = f":{self.port}" if self.port is not None else ""
            session = f"/{self.session_id}" if self.session_id is not None else ""
            text = self._text = f"{self.scheme}://{user}{host}{port}{session};{self.transport}{self.params}"
        return text

    def __repr__(self) -> str:
        return f"MsrpUri({str(self)!r})"


def _parse(text: str) -> MsrpUri:
    found = _URI.fullmatch(text) if len(text) <= MAX_URI else None
    if found is None:
        raise MsrpUriError(f"not an MSRP URI: {text[:80]!r}")
    port = int(found["port"]) if found["port"] else None
    if port is not None and not 0 < port < 65536:
        raise MsrpUriError(f"port out of range: {text[:80]!r}")
    host = found["host"]
    if host.startswith("["):
        host = host[1:-1]
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            raise MsrpUriError(f"not an IPv6 address: {text[:80]!r}") from None
    uri = MsrpUri(
        host,
        port,
        found["session"],
        scheme=found["scheme"],
        transport=found["transport"],
        userinfo=found["user"],
        params=found["params"],
    )
    uri._text = text
    return uri


_remembered = Remembered(_parse, most=4096, longest=MAX_URI)


def same_path(left: str, right: str) -> bool:
    """True when two space-separated URI lists match URI by URI (RULEBOOK S1, D32); False when either is malformed."""
    if left == right:
        return True
    ours, theirs = left.split(), right.split()
    if len(ours) != len(theirs):
        return False
    try:
        return all(_remembered[a] == _remembered[b] for a, b in zip(ours, theirs, strict=True))
    except MsrpUriError:
        return False
