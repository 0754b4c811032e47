"""Who is a peer, told at the price of one look-up: it is asked several times a message."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Final

from protocols.remembered import Remembered
from sessions_app.gateway.destinations import Network

REMEMBERED: Final = 65_536
"""Addresses kept; when there are more, all are forgotten."""
LONGEST_ADDRESS: Final = 64
"""Characters of a numeric address, with its zone."""


class Trusted(Remembered[bool]):
    """Whether a numeric address is in one of ``networks``, by address; each is worked out when it is first asked for.

    For one thread. Raises ValueError for what is no address.
    """

    def __init__(self, networks: Iterable[Network] = ()) -> None:
        super().__init__(self._is_a_peers, most=REMEMBERED, longest=LONGEST_ADDRESS)
        self._networks = tuple(networks)

    def change(self, networks: Iterable[Network]) -> None:
        """From now on it is these."""
        self._networks = tuple(networks)
        self.clear()

    def _is_a_peers(self, source: str) -> bool:
        address = ipaddress.ip_address(source.partition("%")[0])
        return any(address in network for network in self._networks)
