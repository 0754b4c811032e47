"""Where this process listens, as peers may name it, and which addresses are this machine's."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from functools import lru_cache
from typing import Any


def own_addresses(listeners: Iterable[Any], public_host: str) -> list[tuple[str, int]]:
    """Numeric address and port of each listener, and of each by ``public_host``, by which peers reach this machine."""
    listeners = list(listeners)
    hosts = {each.host for each in listeners} | ({public_host} if public_host else set())
    found = {host: _numeric(host) for host in hosts}
    own = [(address, each.port) for each in listeners for address in found[each.host]]
    return own + [(address, each.port) for each in listeners for address in found.get(public_host, ())]


def _numeric(host: str) -> list[str]:
    try:
        return list(dict.fromkeys(str(each[4][0]) for each in socket.getaddrinfo(host.strip("[]"), None)))
    except (OSError, UnicodeError):
        return []


@lru_cache(maxsize=4096)
def is_local(host: str) -> bool:
    """Whether a numeric address is one of this machine's: then, and only then, a socket can be bound to it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((host, 0))
    except OSError:
        return False
    return True
