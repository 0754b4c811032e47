"""Who is a peer, told at the price of one look-up: it is asked several times a message."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Final

from sessions_app.gateway.destinations import Network

REMEMBERED: Final = 65_536
"""Addresses kept; when there are more, all are forgotten."""


class Trusted(dict[str, bool]):
    """Whether a numeric address is in one of ``networks``, by address; each is worked out when it is first asked for.

    For one thread. Raises ValueError for what is no address.
    """

    def __init__(self, networks: Iterable[Network] = ()) -> None:
        super().__init__()
        self._networks = tuple(networks)

    def change(self, networks: Iterable[Network]) -> None:
        """From now on it is these."""
        self._networks = tuple(networks)
        self.clear()

    def __missing__(self, source: str) -> bool:
        if len(self) >= REMEMBERED:
            self.clear()
        address = ipaddress.ip_address(source.partition("%")[0])
        known = self[source] = any(address in network for network in self._networks)
        return known
