"""A flow: one way that SIP bytes leave, a UDP socket or one TCP connection. Sockets live above (RFC 3261 s18)."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class Address(NamedTuple):
    """An IP address, numeric, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Target(NamedTuple):
    """Where a request goes: transport ``UDP`` or ``TCP``, numeric address, port (the outcome of RFC 3263)."""

    transport: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.transport.lower()}:{Address(self.host, self.port)}"


class Flow(Protocol):
    """What a transport offers to the layers above it.

    ``transport``: ``UDP`` or ``TCP``, as it stands in Via. ``reliable``: whether it retransmits by itself.
    ``sent_by``: our ``host:port`` for Via and Contact. ``alive``: False once a connection is gone.
    """

    transport: str
    reliable: bool
    sent_by: str
    alive: bool

    def send(self, data: bytes, to: tuple[str, int]) -> None:
        """Hand bytes over. Never blocks, never raises; ``to`` matters to UDP only."""
