"""From a SIP URI to the transport, address and port a request is sent to (RFC 3263, the part without NAPTR and SRV).

Numeric hosts are settled at once. Names are looked up by the host through ``lookup`` and remembered for a minute, the
failures for five seconds.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Final, NamedTuple

from protocols.remembered import Remembered
from protocols.sip.errors import SipError
from protocols.sip.flow import PORTS, Target
from protocols.sip.transaction_client import Failure
from protocols.sip.uri import SipUri

REMEMBER: Final = 60.0
REMEMBER_FAILURE: Final = 5.0
MOST_NAMES: Final = 10_000
MOST_LOOKUPS: Final = 1_000
"""Names being looked up at once; peers name them, and a resolver that does not answer takes its time."""

Then = Callable[[Target | Failure], object]
Addresses = list[str]


class Origin(NamedTuple):
    """Whose word a URI is.

    ``source``: numeric address of the peer that wrote it, empty for the operator; ``route``: name of the route that
    its request took.
    """

    source: str = ""
    route: str = ""


OPERATOR: Final = Origin()

Refusal = Callable[[Target, Origin], Failure | None]
"""Why a target must not be used, None where it may be."""


def _refuses_nothing(_: Target, __: Origin) -> Failure | None:
    return None


class Locator:
    """Finds targets. ``lookup(name, then)`` is the host's; ``then`` gets numeric addresses, or a text of why not.

    ``usable`` tells whether there is a transport for an address, ``refusal`` whether it may be sent to: the first
    address of a name for which both hold is taken.
    """

    __slots__ = ("_names", "_waiting", "clock", "lookup", "refusal", "usable")

    def __init__(self, clock: Callable[[], float], refusal: Refusal = _refuses_nothing) -> None:
        self.clock = clock
        self.refusal = refusal
        self.lookup: Callable[[str, Callable[[Addresses | str], None]], None] | None = None
        self.usable: Callable[[str], bool] = lambda _: True
        self._names: dict[str, tuple[float, Addresses | str]] = {}
        self._waiting: dict[str, list[Callable[[Addresses | str], object]]] = {}

    def locate(self, uri: str, then: Then, origin: Origin = OPERATOR) -> None:
        """Call ``then`` with the target of ``uri``, or with why there is none; at once where no name is involved.

        ``origin``: whose word the URI is.
        """
        try:
            parsed = SipUri.parse(uri)
        except SipError as error:
            then(Failure("uri", error.reason))
            return
        if parsed.scheme != "sip" or not parsed.host:
            then(Failure("uri", f"cannot reach a {parsed.scheme}: URI"))
            return
        transport = (parsed.transport or "udp").upper()
        if transport not in PORTS:
            then(Failure("uri", f"transport {transport.lower()} is not served"))
            return
        host = (parsed.params.get("maddr") or parsed.host).strip("[]").lower()  # s4: TARGET
        port = parsed.port or PORTS[transport]
        name = numeric(host) or host.removesuffix(".")
        self.resolve(name, lambda found: then(self._target(transport, name, port, found, origin)))

    def resolve(self, host: str, then: Callable[[Addresses | str], object]) -> None:
        """Call ``then`` with the addresses of a name, or a numeric address by itself, or with why there are none."""
        address = numeric(host)
        if address is not None:
            then([address])
        else:
            self._by_name(host, then)

    def _by_name(self, host: str, then: Callable[[Addresses | str], object]) -> None:
        known = self._names.get(host)
        if known is not None and known[0] > self.clock():
            then(known[1])
            return
        if self.lookup is None:
            then("no resolver")
            return
        waiting = self._waiting.get(host)
        if waiting is not None:
            waiting.append(then)
            return
        if not is_hostname(host):
            then("no host name")
            return
        if len(self._waiting) >= MOST_LOOKUPS:
            then("too many names are being looked up")
            return
        self._waiting[host] = [then]
        self.lookup(host, lambda found: self._found(host, found))

    def _found(self, host: str, found: Addresses | str) -> None:
        if len(self._names) >= MOST_NAMES:
            self._names.clear()
        keep = REMEMBER_FAILURE if isinstance(found, str) or not found else REMEMBER
        self._names[host] = (self.clock() + keep, found)
        for then in self._waiting.pop(host, ()):
            then(found)

    def _target(self, transport: str, name: str, port: int, found: Addresses | str, origin: Origin) -> Target | Failure:
        if isinstance(found, str):
            return Failure("dns", f"{name}: {found}")
        failure = Failure("dns", f"{name}: no address")
        for address in list(filter(self.usable, found)) or found:
            target = Target.over(transport, address, port, name)
            refusal = self.refusal(target, origin)
            if refusal is None:
                return target
            failure = refusal
        return failure


def numeric(host: str) -> str | None:
    """An IP address, without brackets, in the form that a socket gives it; None for a name."""
    if not host or not (host[-1].isdigit() or ":" in host):
        return None
    return _remembered[host]


def _canonical(host: str) -> str | None:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return None


_remembered = Remembered(_canonical, most=4096, longest=64)


def is_hostname(host: str) -> bool:
    """Whether a resolver may be asked: labels of 1 to 63 octets, 253 in all (RFC 1035 s2.3.4)."""
    return len(host) <= 253 and host.isascii() and all(0 < len(label) < 64 for label in host.split("."))
