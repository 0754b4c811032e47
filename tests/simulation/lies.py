"""What a gateway could do wrong on its wires: between it and the world, so that each rule can be seen to notice.

The usual one is honest. ``out`` may change, drop or add what leaves; ``heard`` says what of what comes reaches the
gateway, while the ledger has seen it; ``seen`` what the ledger sees of it.
"""

from __future__ import annotations

from tests.simulation.world import Address

Datagrams = list[tuple[bytes, Address]]


class Honest:
    """No lies."""

    def sip_out(self, data: bytes, to: Address) -> Datagrams:
        """Datagrams instead of one that leaves."""
        return [(data, to)]

    def msrp_out(self, data: bytes) -> bytes:
        """Octets instead of some that leave."""
        return data

    def hears_sip(self, data: bytes) -> bool:
        """Whether a datagram reaches the gateway, which everybody saw arrive."""
        return True

    def hears_msrp(self, data: bytes) -> bytes:
        """What reaches it of octets which everybody saw arrive."""
        return data
