"""Who asked on /mi to be told of an event by UDP, as OpenSIPS's event_subscribe has it, and whom we may tell.

A datagram goes wherever it is said to go, in any number, whether or not that host wants it. So it goes only to
addresses that could have asked themselves (GATEWAY_MI_NETWORKS), for a day at the most, and to few of them. Names are
not taken: what a name means may be changed afterwards, and asking for it would hold up everybody's events.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, Final

from django.db.models import QuerySet
from django.utils import timezone

from sessions_app import addresses
from sessions_app.conf import gateway_config
from sessions_app.models import EventSubscription
from sessions_app.opensips_events import UDP_NAMES

EVENTS: Final = tuple(UDP_NAMES.values())
LONGEST: Final = 86400
"""Seconds that one subscription lasts; whoever wants more asks again."""
MOST: Final = 32
"""Subscriptions at once: one event is at most as many datagrams."""
_SOCKET: Final = re.compile(r"udp:(?P<host>[^\s:]{1,255}):(?P<port>[0-9]{1,5})")


def subscribe(event: str, socket: str, seconds: str) -> None:
    """Send ``event`` to ``udp:address:port`` for so many seconds; 0 ends that. Raises ValueError with the reason."""
    if event not in EVENTS:
        raise ValueError(f"no such event: {event}")
    found = _SOCKET.fullmatch(socket)
    if found is None or not 1 <= int(found["port"]) <= 65535:
        raise ValueError("socket is udp:address:port")
    host = "127.0.0.1" if found["host"] == "localhost" else found["host"]
    which = {"event": event, "host": host, "port": int(found["port"])}
    EventSubscription.objects.filter(expires_at__lt=timezone.now()).delete()
    length = int(seconds) if re.fullmatch("[0-9]{1,9}", seconds) else -1
    if not length:  # whatever it was that was begun
        EventSubscription.objects.filter(**which).delete()
        return
    if not may_be_told(host):
        raise ValueError("socket is not an IPv4 address in GATEWAY_MI_NETWORKS")
    if not 0 < length <= LONGEST:
        raise ValueError(f"expire is a number of seconds, at most {LONGEST}")
    if EventSubscription.objects.exclude(**which).count() >= MOST:
        raise ValueError(f"there are {MOST} subscriptions already")
    until = timezone.now() + timedelta(seconds=length)
    EventSubscription.objects.update_or_create(**which, defaults={"expires_at": until})


def may_be_told(host: str) -> bool:
    """Whether events may be sent there: one machine of GATEWAY_MI_NETWORKS, by its IPv4 address."""
    address = addresses.read(host)
    if address is None or address.version != 4 or str(address) != host:
        return False
    if address.is_multicast or address.is_unspecified or host == "255.255.255.255":
        return False
    return addresses.is_in(address, gateway_config().mi_networks)


def current(event: str = "") -> QuerySet[Any]:
    """Those that have not run out, of one event or of all."""
    rows = EventSubscription.objects.filter(**({"event": event} if event else {}))
    return rows.exclude(expires_at__lt=timezone.now())
