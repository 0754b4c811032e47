"""Via: one hop of a message's way, and what a server writes into it (RFC 3261 s18.2.1, s20.42, RFC 3581)."""

from __future__ import annotations

import re

from protocols.sip.errors import SipError
from protocols.sip.grammar import HOST, LWS, TCHAR
from protocols.sip.params import PLAIN_VALUE, Params, format_params, parse_params

COOKIE = "z9hG4bK"
"""What a branch of RFC 3261 begins with (s8.1.1.7)."""

# Almost all values; tried first because it is cheap.
_usual = re.compile(
    rf"SIP/2\.0/([A-Z]++) ({HOST})(?::([0-9]{{1,5}}))?(;rport)?;branch=({PLAIN_VALUE})(;rport)?\Z", re.ASCII
).match
_via = re.compile(
    rf"SIP{LWS}/{LWS}2\.0{LWS}/{LWS}({TCHAR}++)[ \t]++({HOST})(?:{LWS}:{LWS}([0-9]{{1,5}}))?{LWS}(;.*+)?\Z",
    re.IGNORECASE | re.ASCII | re.DOTALL,
).match
_readable = re.compile(
    rf"SIP{LWS}/{LWS}([0-9.]++){LWS}/{LWS}({TCHAR}++)[ \t]++({HOST})(?:{LWS}:{LWS}([0-9]{{1,5}}))?(?=[\s;,]|\Z)",
    re.IGNORECASE | re.ASCII,
).match
_branch = re.compile(rf";{LWS}branch{LWS}={LWS}({TCHAR}++)", re.IGNORECASE | re.ASCII).search


class Via:
    """One Via value. ``transport`` is in upper case, ``host`` as it is written, with brackets around IPv6.

    ``port`` is None where none is written, ``branch`` None where there is none, as with RFC 2543 peers.
    """

    __slots__ = ("branch", "host", "params", "port", "transport")

    def __init__(self, transport: str, host: str, port: int | None = None, params: Params | None = None) -> None:
        self.transport = transport
        self.host = host
        self.port = port
        self.params: Params = {} if params is None else params
        self.branch = self.params.get("branch")

    @classmethod
    def parse(cls, text: str) -> Via:
        """Read one value, unfolded and stripped. Raises SipError 400."""
        params: Params
        found = _usual(text)
        if found is not None:
            transport, host, port, before, branch, after = found.groups()
            if before is None:
                params = {"branch": branch} if after is None else {"branch": branch, "rport": None}
            elif after is None:
                params = {"rport": None, "branch": branch}
            else:
                raise SipError(400, "Repeated parameter")
        else:
            found = _via(text)
            if found is None:
                raise SipError(400, "Malformed Via header field")
            transport, host, port, rest = found.groups()
            transport = transport.upper()
            params = parse_params(rest) if rest else {}
        return cls(transport, host, None if port is None else _port(port), params)

    @classmethod
    def salvage(cls, text: str) -> Via | None:
        """Of a malformed value what an answer needs: sent-by and branch, of any version; None if not even that."""
        found = _readable(text)
        if found is None:
            return None
        _, transport, host, port = found.groups()
        branch = _branch(text, found.end())
        params: Params = {} if branch is None else {"branch": branch[1]}
        try:
            return cls(transport.upper(), host, None if port is None else _port(port), params)
        except SipError:
            return None

    @property
    def is_rfc3261(self) -> bool:
        """Whether the branch identifies a transaction: the magic cookie and something after it (s17.2.3)."""
        branch = self.branch
        return branch is not None and len(branch) > 7 and branch[:7] == COOKIE

    @property
    def sent_by(self) -> str:
        """``host:port`` in lower case, the transport's port where none is written."""
        port = self.port
        if port is None:
            port = 5061 if self.transport == "TLS" else 5060
        return f"{self.host.lower()}:{port}"

    @property
    def received(self) -> str | None:
        """The address that the request came from, without brackets (RFC 5118 s4.5)."""
        value = self.params.get("received")
        return value.strip("[]") if value else None

    @property
    def rport(self) -> int | None:
        """The port that the request came from; None where it is not filled in."""
        value = self.params.get("rport")
        return int(value) if value and len(value) < 6 and value.isascii() and value.isdigit() else None

    def __str__(self) -> str:
        port = "" if self.port is None else f":{self.port}"
        return f"SIP/2.0/{self.transport} {self.host}{port}{format_params(self.params)}"

    def __repr__(self) -> str:
        return f"<Via {self}>"


def _port(digits: str) -> int:
    port = int(digits)
    if 0 < port < 65_536:
        return port
    raise SipError(400, "Malformed port in Via")


def stamped(raw: str, via: Via, source_host: str, source_port: int) -> str:
    """The topmost Via of a request as its server keeps it; ``via``, which is ``raw`` read, is brought up to date.

    ``received`` is added where the request came from elsewhere than sent-by says, and always with ``rport``, which gets
    the source port (RFC 3261 s18.2.1, RFC 3581 s4). What the sender claimed for either is overwritten.
    """
    params = via.params
    asks_rport = "rport" in params
    claims = "received" in params or (asks_rport and params["rport"] is not None)
    if not asks_rport and not claims and via.host == source_host:
        return raw
    address = source_host.partition("%")[0]  # a zone means nothing to the peer
    if not asks_rport and via.host.strip("[]").lower() == address.lower():
        if claims:
            del params["received"]
            return str(via)
        return raw
    params["received"] = address
    if not asks_rport:
        return str(via) if claims else f"{raw};received={address}"
    params["rport"] = str(source_port)
    if not claims:
        # As written by almost every peer; anything else is written anew.
        if raw.endswith(";rport"):
            return f"{raw}={source_port};received={address}"
        head, found, tail = raw.partition(";rport;")
        if found and '"' not in raw:
            return f"{head};rport={source_port};{tail};received={address}"
    return str(via)
