"""Typed reading of the environment. Every fault is one line that names the setting and says what to write instead.

No setting has its meaning here: names, defaults and limits stand in settings.py.
"""

from __future__ import annotations

import ipaddress
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple
from urllib.parse import urlsplit

TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS = frozenset({"0", "false", "no", "off", ""})


class EnvError(Exception):
    """A setting that cannot be used.

    Not an ImproperlyConfigured: Django's command line swallows that one and goes on with half a configuration.
    """

    def __init__(self, setting: str, problem: str) -> None:
        self.setting = setting
        self.problem = " ".join(problem.split())
        super().__init__(f"{setting}: {self.problem}")


class Address(NamedTuple):
    """Where one listener binds."""

    transport: str  #: "udp", "tcp" or "tls"
    host: str  #: IP address, IPv6 without its brackets
    port: int

    @property
    def hostport(self) -> str:
        """`host:port` as a URI writes it, an IPv6 address in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.transport}:{self.hostport}"


class Env:
    """Reads one mapping of environment variables. Each method raises EnvError for a value it cannot use."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ

    def text(self, name: str, default: str = "") -> str:
        """The value without surrounding blanks; an empty one counts as unset."""
        return self.environ.get(name, "").strip() or default

    def flag(self, name: str, default: bool = False) -> bool:
        raw = self.environ.get(name)
        if raw is None:
            return default
        word = raw.strip().lower()
        if word in TRUE_WORDS:
            return True
        if word in FALSE_WORDS:
            return False
        raise EnvError(name, f"{raw!r} is neither yes nor no, use 1 or 0")

    def integer(self, name: str, default: int, minimum: int = 0, maximum: int = 2**31 - 1) -> int:
        raw = self.text(name)
        if not raw:
            return default
        try:
            value = int(raw)
        except ValueError:
            raise EnvError(name, f"{raw!r} is not a whole number, use one from {minimum} to {maximum}") from None
        if not minimum <= value <= maximum:
            raise EnvError(name, f"{value} is out of range, use {minimum} to {maximum}")
        return value

    def number(self, name: str, default: float) -> float:
        raw = self.text(name)
        try:
            value = float(raw) if raw else default
        except ValueError:
            raise EnvError(name, f"{raw!r} is not a number, use one such as {default}") from None
        if not math.isfinite(value) or value < 0:
            raise EnvError(name, f"{raw!r} is out of range, use a number from 0 up")
        return value

    def like(self, name: str, default: str | bool | int | float) -> str | bool | int | float:
        """A value of the type that its default has."""
        if isinstance(default, bool):
            return self.flag(name, default)
        if isinstance(default, int):
            return self.integer(name, default)
        if isinstance(default, float):
            return self.number(name, default)
        return self.text(name, default)

    def choice(self, name: str, default: str, choices: Sequence[str]) -> str:
        """One of `choices`, in any case; returned as `choices` spells it."""
        raw = self.text(name, default)
        for choice in choices:
            if raw.lower() == choice.lower():
                return choice
        raise EnvError(name, f"{raw!r} is unknown, use {_either(choices)}")

    def items(self, name: str, default: Sequence[str] = ()) -> list[str]:
        """A comma-separated list without empty items."""
        found = [item.strip() for item in self.environ.get(name, "").split(",") if item.strip()]
        return found or list(default)

    def networks(self, name: str, default: str) -> str:
        """Networks, divided by blanks or commas, without bits of a host; one address is a network, too."""
        raw = self.text(name, default)
        for each in raw.replace(",", " ").split():
            try:
                ipaddress.ip_network(each)
            except ValueError:
                raise EnvError(name, f"{each!r} is not a network, use one such as 192.0.2.0/24") from None
        return raw

    def url(self, name: str, default: str, schemes: Sequence[str]) -> str:
        raw = self.text(name, default)
        if not raw:
            return raw
        try:
            parts = urlsplit(raw)
            _ = parts.port  # urlsplit looks at the port only when asked
        except ValueError as fault:
            raise EnvError(name, f"not a URL: {fault}") from None
        if parts.scheme not in schemes:
            raise EnvError(name, f"unknown scheme {parts.scheme!r}, use {_either([s + '://' for s in schemes])}")
        return raw

    def address(self, name: str, default: str, transport: str = "tcp") -> Address:
        """One `host:port`."""
        return _address(name, transport, self.text(name, default))

    def listen(self, name: str, default: str, transports: Sequence[str]) -> tuple[Address, ...]:
        """A comma-separated list of `transport:host:port`; at least one, none twice."""
        found: list[Address] = []
        for item in self.items(name, default.split(",")):
            transport, colon, rest = item.partition(":")
            if not colon:
                raise EnvError(name, f"{item!r} is not transport:host:port, as in {default.split(',', 1)[0]}")
            if transport.lower() not in transports:
                raise EnvError(name, f"{item!r}: unknown transport {transport!r}, use {_either(transports)}")
            address = _address(name, transport.lower(), rest)
            if address in found:
                raise EnvError(name, f"{item!r} stands there twice, remove one")
            found.append(address)
        return tuple(found)


def _address(name: str, transport: str, hostport: str) -> Address:
    host, colon, port_text = hostport.rpartition(":")
    if not colon or not host:
        raise EnvError(name, f"{hostport!r} is not host:port, as in 127.0.0.1:8000")
    if host == "localhost":
        host = "127.0.0.1"  # one family, so that a listener is one socket
    bracketed = host.startswith("[") and host.endswith("]")
    try:
        ip = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        # A name may mean several addresses and SIP has to write one into Via and Contact.
        raise EnvError(name, f"{host!r} is not an IP address, use one such as 127.0.0.1 or [::1]") from None
    if (ip.version == 6) != bracketed:
        raise EnvError(name, f"{host!r}: write an IPv6 address in brackets and an IPv4 address without")
    if not (port_text.isascii() and port_text.isdigit() and 1 <= int(port_text) <= 65535):
        raise EnvError(name, f"{port_text!r} is not a port, use 1 to 65535")
    return Address(transport, str(ip), int(port_text))


def _either(choices: Sequence[str]) -> str:
    return choices[0] if len(choices) == 1 else f"{', '.join(choices[:-1])} or {choices[-1]}"


@contextmanager
def one_line_errors(also: Callable[[BaseException], str | None] = lambda error: None) -> Iterator[None]:
    """End the process with one line on stderr and status 1 for an EnvError raised inside.

    `also` may name further errors that a user can mend: it returns their line, or None to let them pass.
    """
    try:
        yield
    except Exception as error:
        line = str(error) if isinstance(error, EnvError) else also(error)
        if line is None:
            raise
        print(f"parley: {line}", file=sys.stderr)
        raise SystemExit(1) from None
