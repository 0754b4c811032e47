"""Which flow a request takes: the UDP socket, a connection that is there, or one to be made (RFC 3261 s18.1).

Making a connection is the host's work: it gets ``dial(target)`` and answers with :meth:`Transports.connected` or
:meth:`Transports.dial_failed`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Final, Protocol

from protocols.sip.flow import Flow, Target

UDP_LIMIT: Final = 1300
"""Larger requests leave over a congestion controlled transport (s18.1.1, RFC 3428 s8, RULEBOOK M5)."""
LOOPBACK_UDP_LIMIT: Final = 65_000
"""The path MTU to this machine itself is known, 65536; RFC 3428 s8 allows it less 200."""
MOST_DIALS: Final = 4096
"""Connections being made at once. A dial lasts seconds where nobody answers, and peers name the addresses."""


class Waiter(Protocol):
    """What waits for a connection."""

    def flow_ready(self, flow: Flow) -> None:
        """The connection is there."""

    def flow_failed(self, detail: str) -> None:
        """It will not come; ``detail`` says why, as ``connection refused``."""


class Transports:
    """The flows of one process. ``dial`` is set by the host and must not call back before it returns."""

    __slots__ = ("_dialling", "dial", "streams", "udp", "udp6")

    def __init__(self) -> None:
        self.udp: Flow | None = None
        self.udp6: Flow | None = None
        self.streams: dict[Target, Flow] = {}
        self.dial: Callable[[Target], None] | None = None
        self._dialling: dict[Target, list[Waiter]] = {}

    def add_udp(self, flow: Flow, ipv6: bool = False) -> None:
        """A UDP socket that requests may leave from; the first of each address family serves."""
        if ipv6:
            self.udp6 = self.udp6 or flow
        else:
            self.udp = self.udp or flow

    def add_stream(self, flow: Flow, to: Target) -> None:
        """A connection, either way opened; it is reused for requests to ``to`` (s18, RFC 5923 s3).

        The target of one that came in over TLS has no name: nobody has verified whose it is. One that has a name also
        serves a URI that names no more than its address.
        """
        self.streams[to] = self.streams[to._replace(name="")] = flow

    def drop_stream(self, flow: Flow, to: Target) -> None:
        """The connection is gone."""
        for key in {to, to._replace(name="")}:
            if self.streams.get(key) is flow:
                del self.streams[key]

    def udp_to(self, host: str) -> Flow | None:
        """The UDP socket that reaches a numeric address."""
        return self.udp6 if ":" in host else self.udp

    def serves(self, host: str) -> bool:
        """Whether requests can go to a numeric address: UDP has a socket of its family, or nothing is bound to one."""
        return self.udp_to(host) is not None or (self.udp is None and self.udp6 is None)

    def obtain(self, target: Target, waiter: Waiter) -> None:
        """A flow to ``target``, not UDP, given to ``waiter`` now or when it is connected."""
        flow = self._stream_to(target)
        if flow is not None:
            waiter.flow_ready(flow)
            return
        waiting = self._dialling.get(target)
        if waiting is not None:
            waiting.append(waiter)
        elif self.dial is None:
            waiter.flow_failed("no transport for connections")
        elif len(self._dialling) >= MOST_DIALS:
            waiter.flow_failed("too many connections are being made")
        else:
            self._dialling[target] = [waiter]
            self.dial(target)

    def has(self, target: Target) -> bool:
        """Whether a request to ``target``, not UDP, finds a connection."""
        return self._stream_to(target) is not None

    def _stream_to(self, target: Target) -> Flow | None:
        flow = self.streams.get(target)
        if flow is None and target.name == target.host:
            # An address by itself: whatever connection there is to it, as the one that a UA opened (RFC 5626 s4.3).
            flow = self.streams.get(target._replace(name=""))
        return flow if flow is not None and flow.alive else None

    def connected(self, target: Target, flow: Flow) -> None:
        """The host made the connection it was asked for."""
        self.add_stream(flow, target)
        for waiter in self._dialling.pop(target, ()):
            waiter.flow_ready(flow)

    def dial_failed(self, target: Target, detail: str) -> None:
        """The host could not connect."""
        for waiter in self._dialling.pop(target, ()):
            waiter.flow_failed(detail)


def udp_limit(host: str) -> int:
    """The largest request, in octets, that may go to ``host`` over UDP."""
    return LOOPBACK_UDP_LIMIT if is_loopback(host) else UDP_LIMIT


def is_loopback(host: str) -> bool:
    """Whether a numeric address is this machine itself."""
    return host.startswith("127.") or (":" in host and ipaddress.ip_address(host).is_loopback)
