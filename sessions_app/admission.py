"""Who may take up the gateway's time and memory, judged by the address before anything is read.

Peers may, and those whom we have called ourselves; of strangers a few requests a second are looked at, to be refused,
and a few connections are held, shortly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

from protocols.rate import TokenBuckets
from sessions_app.conf import GatewayConfig

STRANGERS_SHARE: Final = ""
"""The name under which all strangers share the turns of a busy socket; no host has it."""
EACH_STRANGERS_PART: Final = 0.1
"""Of the refusals a second, what one source may have."""
BOUNDS: Final = {"sip": (256, 8), "msrp": (4096, 64)}
"""Connections of those who are no peers: of all together, and of one source. Over MSRP come endpoints and relays that a
peer's description has sent to us, and a session-id is what they show."""


class Admission:
    """:class:`protocols.asgi.Admission` of this gateway. ``called`` says whether we have called a host ourselves."""

    def __init__(
        self,
        config: GatewayConfig,
        clock: Callable[[], float],
        trusts: Callable[[str], bool],
        called: Callable[[str], bool],
        count: Callable[[str], object],
    ) -> None:
        self._clock = clock
        self._trusts = trusts
        self._called = called
        self._count = count
        self._most = config.max_connections
        self._most_of_a_peer = config.max_connections_per_peer
        rate = config.refusals_per_second
        each = max(1.0, rate * EACH_STRANGERS_PART)
        self._refusals = TokenBuckets(each, 2 * each, all_rate=rate, all_burst=2 * rate, now=clock())
        self._of_peers = _Held()
        self._of_strangers = {"sip": _Held(), "msrp": _Held()}

    def knows(self, host: str) -> bool:
        """Whether a host is a peer's, or one that we have called."""
        return self._trusts(host) or self._called(host)

    def may_be_refused(self, host: str) -> bool:
        """Whether a stranger is worth an answer now; otherwise nothing of theirs is looked at."""
        if self._refusals.take(host, self._clock()):
            return True
        self._count("strangers_unheard")
        return False

    def takes_datagram(self, host: str) -> bool:
        """See the port."""
        return self._trusts(host) or self._called(host) or self.may_be_refused(host)

    def share_of(self, host: str) -> str:
        """See the port."""
        return host if self.knows(host) else STRANGERS_SHARE

    def takes_connection(self, kind: str, host: str) -> bool:
        """See the port."""
        if self.knows(host):
            held, most, most_of_one = self._of_peers, self._most, self._most_of_a_peer
        else:
            held = self._of_strangers[kind]
            most, most_of_one = BOUNDS[kind]
        if held.total >= most or held.by_host[host] >= most_of_one:
            self._count("connections_refused")
            return False
        held.add(host)
        return True

    def connection_gone(self, kind: str, host: str) -> None:
        """See the port. Who has become a peer meanwhile was counted as a stranger."""
        strangers = self._of_strangers[kind]
        (strangers if host in strangers.by_host else self._of_peers).remove(host)


class _Held:
    """Connections that are held, by host."""

    __slots__ = ("by_host", "total")

    def __init__(self) -> None:
        self.by_host: Counter[str] = Counter()
        self.total = 0

    def add(self, host: str) -> None:
        self.by_host[host] += 1
        self.total += 1

    def remove(self, host: str) -> None:
        self.total -= 1
        self.by_host[host] -= 1
        if self.by_host[host] <= 0:
            del self.by_host[host]
