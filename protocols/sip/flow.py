"""A flow: one way that SIP bytes leave, a UDP socket or one TCP connection. Sockets live above (RFC 3261 s18)."""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol

PORTS: Final = {"UDP": 5060, "TCP": 5060, "TLS": 5061}
"""Transports, with the port of each where a URI names none (RFC 3261 s19.1.2)."""


class Address(NamedTuple):
    """An IP address, numeric, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Target(NamedTuple):
    """Where a request goes: transport ``UDP``, ``TCP`` or ``TLS``, numeric address, port (the outcome of RFC 3263).

    ``name``, for TLS: whose certificate the peer has to have, the host of the URI (RFC 5922 s4).
    """

    transport: str
    host: str
    port: int
    name: str = ""

    @classmethod
    def over(cls, transport: str, host: str, port: int, name: str) -> Target:
        """One whose URI or Via says ``name``; nobody proves that but by TLS."""
        return cls(transport, host, port, name if transport == "TLS" else "")

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return self.host, self.port

    @property
    def layer(self) -> str:
        """The layer to be blamed where no connection can be made."""
        return "tls" if self.transport == "TLS" else "tcp"

    def __str__(self) -> str:
        return f"{self.transport.lower()}:{Address(self.host, self.port)}"


class Flow(Protocol):
    """What a transport offers to the layers above it.

    ``transport``: ``UDP``, ``TCP`` or ``TLS``, as it stands in Via. ``reliable``: whether it retransmits by itself.
    ``sent_by``: our ``host:port`` for Via and Contact. ``alive``: False once a connection is gone.
    ``certificate_expires``: end of the validity of the peer's certificate, seconds since 1970; None where it has none.
    """

    transport: str
    reliable: bool
    sent_by: str
    alive: bool
    certificate_expires: float | None

    def send(self, data: bytes, to: tuple[str, int]) -> None:
        """Hand bytes over. Never blocks, never raises; ``to`` matters to UDP only."""
