"""Where the gateway may send to or connect: one policy, asked wherever a target is settled.

A Request-URI, a Contact, a Route and an ``a=path`` are words of a peer, and following them sends our octets, or opens
our connections, wherever it likes (RFC 4975 s14.5, RULEBOOK S34). Addresses that are nobody's, everybody's or only this
link's are never followed, and our own listeners never, as what is sent there comes back (RULEBOOK U2). Beyond that a
peer names addresses of its own scope or of a wider one: nobody from outside names an address inside. What the operator
wrote into a route or a setting is the operator's to know.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection
from typing import Final, NamedTuple

from protocols.remembered import Remembered
from protocols.sip.flow import Target
from protocols.sip.locate import Origin
from protocols.sip.transaction_client import Failure

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LOOP: Final = "loop"
"""Layer of a failure: the target is this gateway."""
DESTINATION: Final = "destination"
"""Layer of a failure: the policy does not permit the target."""

_INSIDE: Final = tuple(
    ipaddress.ip_network(each)
    for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7", "fec0::/10")
)
"""Addresses that mean something only within an organisation or its carrier (RFC 1918, RFC 6598, RFC 4193)."""
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_WILDCARDS: Final = ("0.0.0.0", "::")  # noqa: S104 - compared, not bound


class Destinations:
    """The policy of one process.

    ``own``: where our listeners are and by which address and port peers reach them; one on a wildcard address is on
    every address that ``is_local``. ``allowed(source, route)``: networks to which a peer at ``source`` may make us send
    by a route of that name, None where nobody has said. ``is_peer``: whether an address belongs to a peer.
    """

    def __init__(
        self,
        own: Collection[tuple[str, int]],
        *,
        is_local: Callable[[str], bool] = lambda host: False,
        allowed: Callable[[str, str], Collection[Network] | None] = lambda source, route: None,
        is_peer: Callable[[str], bool] = lambda host: False,
    ) -> None:
        self._own: set[tuple[str, int]] = set()
        self._everywhere: set[int] = set()
        for host, port in own:
            if host in _WILDCARDS:
                self._everywhere.add(port)
            elif (place := _place(host)) is not None:
                self._own.add((place.text, port))
        self._is_local = is_local
        self._allowed = allowed
        self._is_peer = is_peer

    def refusal(self, target: Target, origin: Origin) -> Failure | None:
        """Why ``target``, which ``origin`` has named, must not be used; None where it may be."""
        place = _place(target.host)
        if place is None:
            return Failure(DESTINATION, f"{target} is no address")
        if (place.text, target.port) in self._own or (target.port in self._everywhere and self._is_local(place.text)):
            return Failure(LOOP, f"{target} is this gateway itself")
        if place.unfit:
            return Failure(DESTINATION, f"{target} is {place.unfit}")
        source = _place(origin.source)
        if source is None:  # the operator's own word
            return None
        allowed = self._allowed(origin.source, origin.route)
        if allowed is not None:
            permitted = any(place.address in network for network in allowed)
            return None if permitted else Failure(DESTINATION, f"{target} is not among the permitted destinations")
        if place.on_loopback and not source.on_loopback:
            return Failure(DESTINATION, f"{target} is on loopback, and {source.text} is not")
        if place.inside and not (source.inside or source.on_loopback or self._is_peer(place.text)):
            return Failure(DESTINATION, f"{target} is a private address, and {source.text} is not")
        return None


class _Place(NamedTuple):
    """An address and all that the policy asks of it. ``unfit``: what it is where nobody can be there, else empty."""

    address: IpAddress
    text: str
    unfit: str
    on_loopback: bool
    inside: bool


def _place(host: str) -> _Place | None:
    """None for what is no address. The same few come with every set-up, so they are remembered."""
    return _remembered[host]


def _place_of(host: str) -> _Place | None:
    address = _address(host)
    if address is None:
        return None
    inside = any(address in network for network in _INSIDE)
    return _Place(address, str(address), _unfit(address), address.is_loopback, inside)


_remembered = Remembered(_place_of, most=4096, longest=64)


def _address(host: str) -> IpAddress | None:
    """A numeric address as it is compared: that within an IPv6 address which only carries an IPv4 one."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return ipaddress.IPv4Address(address.packed[-4:])
        return address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1] or address
    return address


def _unfit(address: IpAddress) -> str:
    """What kind of address nobody can be at; empty where somebody can."""
    if address.is_unspecified or (address.version == 4 and address.packed[0] == 0):
        return "unspecified"
    if address.is_multicast:
        return "a multicast address"
    if address.is_link_local:
        return "a link-local address"
    if address.version == 4 and address.packed[0] >= 240:
        return "a broadcast or reserved address"
    return ""


def parse_networks(text: str) -> tuple[Network, ...]:
    """The networks of a setting or column, separated by blanks or commas. Raises ValueError for what is none."""
    return tuple(ipaddress.ip_network(each) for each in text.replace(",", " ").split())
