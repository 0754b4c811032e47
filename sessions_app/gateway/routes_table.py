"""The default request route: the Route and Peer tables, compiled when they change and remembered by who asks.

A decision depends on the method, the source and three URIs only, so the table is walked once for each such
combination and not once a message.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar, cast

from protocols.remembered import Remembered
from protocols.sip.uri import aor_of
from sessions_app.gateway.destinations import Network, parse_networks
from sessions_app.gateway.page_end import Profile
from sessions_app.gateway.routing import Decision, RouteRequest, WayBack, msg_to_msrp, msrp_gw_answer, reject
from sessions_app.gateway.trusted import LONGEST_ADDRESS, Trusted
from sessions_app.models import Peer, Route

Value = TypeVar("Value")

REMEMBERED = 65_536
"""Decisions kept; when there are more, all are forgotten."""


@dataclass(frozen=True, slots=True)
class _Rule:
    """A route, ready to be asked."""

    route: Route
    networks: tuple[Network, ...]
    from_pattern: re.Pattern[str] | None
    to_pattern: re.Pattern[str] | None
    ruri_pattern: re.Pattern[str] | None

    def takes(self, request: RouteRequest, source: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
        """Whether it is for this request."""
        route = self.route
        return (
            (not route.method or route.method == request.method)
            and all(source in network for network in self.networks)
            and (self.from_pattern is None or self.from_pattern.fullmatch(request.from_aor) is not None)
            and (self.to_pattern is None or self.to_pattern.fullmatch(request.to_aor) is not None)
            and (self.ruri_pattern is None or self.ruri_pattern.fullmatch(request.ruri_aor) is not None)
        )


def _first_with(table: Iterable[tuple[Network, Value]], host: str, otherwise: Value) -> Value:
    """What stands beside the first network that an IP address is in."""
    address = ipaddress.ip_address(host.partition("%")[0])
    return next((value for network, value in table if address in network), otherwise)


class RoutesTable:
    """Peers and routes as they stood when it was made; it is replaced, never changed."""

    def __init__(self, peers: Iterable[Peer], routes: Iterable[Route]) -> None:
        enabled = [peer for peer in peers if peer.enabled]
        self.networks: tuple[Network, ...] = tuple(ipaddress.ip_network(peer.network) for peer in enabled)
        """Of all peers that are enabled."""
        self._trusted = Trusted(self.networks)
        by_peer = {peer.pk: ipaddress.ip_network(peer.network) for peer in enabled}
        self._rules: list[_Rule] = []
        for route in sorted(routes, key=lambda each: (each.priority, each.name)):
            if not route.enabled or (route.peer_id is not None and route.peer_id not in by_peer):
                continue
            networks: list[Network] = []
            if route.peer_id is not None:
                networks.append(by_peer[route.peer_id])
            if route.source_network:
                networks.append(ipaddress.ip_network(route.source_network))
            self._rules.append(
                _Rule(
                    route,
                    tuple(networks),
                    _compiled(route.from_pattern),
                    _compiled(route.to_pattern),
                    _compiled(route.ruri_pattern),
                )
            )
        # The narrowest network that an address is in says how its users take messages, and where they may have us send.
        narrow_first = sorted(enabled, key=lambda peer: -ipaddress.ip_network(peer.network).prefixlen)
        profiles = [(ipaddress.ip_network(peer.network), _profile(peer)) for peer in narrow_first]
        self._profiles = Remembered(
            lambda host: _first_with(profiles, host, Profile()), most=REMEMBERED, longest=LONGEST_ADDRESS
        )
        self._destinations: list[tuple[Network, tuple[Network, ...]]] = [
            (ipaddress.ip_network(peer.network), found)
            for peer in narrow_first
            if (found := parse_networks(peer.destinations))
        ]
        self._route_destinations = {rule.route.name: parse_networks(rule.route.destinations) for rule in self._rules}
        self._remembered: dict[tuple[str, str, str, str, str], Decision | None] = {}

    @classmethod
    def load(cls) -> RoutesTable:
        """From the database. Takes a query each; not for the event loop."""
        return cls(list(Peer.objects.all()), list(Route.objects.all()))

    def trusts(self, source: str) -> bool:
        """Whether an IP address belongs to an enabled peer."""
        return self._trusted[source]

    def profile_of(self, host: str) -> Profile:
        """How the users of the peer at an IP address take messages; as every peer does where it is none of ours."""
        return self._profiles[host]

    def destinations_of(self, source: str, route: str) -> tuple[Network, ...]:
        """Networks to which a peer at ``source`` may make us send by ``route``; none where neither names any."""
        by_route = self._route_destinations.get(route)
        if by_route or not self._destinations:
            return by_route or ()
        return _first_with(self._destinations, source, ())

    def __call__(self, request: RouteRequest) -> None:
        """The request route: the first route that takes the request decides."""
        asked = (request.method, request.source, request.from_uri, request.to_uri, request.ruri)
        known = self._remembered.get(asked)
        if known is not None:
            request.decision = known
            return
        source = ipaddress.ip_address(request.source.partition("%")[0])
        route = next((rule.route for rule in self._rules if rule.takes(request, source)), None)
        if route is None:
            return
        apply(route, request)
        if "{call_id}" not in route.key_template:
            if len(self._remembered) >= REMEMBERED:
                self._remembered.clear()
            self._remembered[asked] = request.decision


def apply(route: Route, request: RouteRequest) -> None:
    """Do with ``request`` what ``route`` says."""
    if route.action == Route.Action.REJECT:
        reject(request, route.reject_code, route.reject_reason or None)
        return
    uris = {"from": request.from_uri, "to": request.to_uri, "ruri": request.ruri}
    key = (
        request.pair
        if route.key_template == "{pair}"
        else route.key_template.format_map(
            {
                "pair": request.pair,
                "from": request.from_aor,
                "to": request.to_aor,
                "ruri": aor_of(request.ruri),
                "call_id": request.call_id,
            }
        )
    )
    from_uri, to_uri, ruri = (
        template.format_map(uris) for template in (route.from_template, route.to_template, route.ruri_template)
    )
    if route.action == Route.Action.MSG_TO_MSRP:
        msg_to_msrp(
            request,
            key,
            route.content_types,
            from_uri=from_uri,
            to_uri=to_uri,
            ruri=ruri,
            next_hop=route.next_hop,
            back_hop=route.back_hop,
            way_back=cast(WayBack, route.way_back),
            route=route.name,
            notify_failure=route.notify_failure,
            failure_text=route.failure_template,
        )
    else:
        msrp_gw_answer(
            request, key, route.content_types, from_uri, to_uri, ruri, next_hop=route.next_hop, route=route.name
        )


def _profile(peer: Peer) -> Profile:
    return Profile(
        {Peer.Cpim.YES: True, Peer.Cpim.NO: False}.get(Peer.Cpim(peer.takes_cpim)),
        peer.oversize,
        binds_with_content=peer.first_send == Peer.FirstSend.CONTENT,
    )


def _compiled(pattern: str) -> re.Pattern[str] | None:
    return re.compile(pattern) if pattern else None
