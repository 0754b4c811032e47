"""System checks: a gateway with settings that contradict each other does not start."""

from __future__ import annotations

import re
from typing import Any, Final

from django.core.checks import CheckMessage, Error, Tags, register
from django.utils.module_loading import import_string

from sessions_app.conf import BODIES_KEPT, gateway_config
from sessions_app.gateway.destinations import parse_networks
from sessions_app.store.node import HEARTBEAT

BEARER: Final = "[A-Za-z0-9._~+/-]{16,}=*"
"""What a bearer token may be, and long enough not to be guessed."""


@register(Tags.compatibility)
def gateway_settings(**_: Any) -> list[CheckMessage]:
    """Ranges, and the order of the two silences (no start if session_timeout < message_timeout)."""
    config = gateway_config()
    faults: list[CheckMessage] = []

    def fault(number: int, text: str) -> None:
        faults.append(Error(text, id=f"gateway.E{number:03}"))

    if not 0 <= config.hash_size <= 20:
        fault(1, f"GATEWAY_HASH_SIZE is {config.hash_size}: it is the log2 of the number of buckets, 0 to 20.")
    if config.cleanup_interval < 1:
        fault(2, f"GATEWAY_CLEANUP_INTERVAL is {config.cleanup_interval}: at least 1 second.")
    if config.session_timeout < 0 or config.message_timeout < 0:
        fault(3, "GATEWAY_SESSION_TIMEOUT and GATEWAY_MESSAGE_TIMEOUT cannot be negative; 0 switches one off.")
    if config.session_timeout and config.message_timeout and config.session_timeout < config.message_timeout:
        fault(
            4,
            f"GATEWAY_SESSION_TIMEOUT ({config.session_timeout} s, silence of both sides) is shorter than "
            f"GATEWAY_MESSAGE_TIMEOUT ({config.message_timeout} s, silence of the message side): raise the first.",
        )
    if not 0 < config.answer_wait <= 25:
        fault(
            5, f"GATEWAY_ANSWER_WAIT is {config.answer_wait}: more than 0, at most 25 s, inside the sender's Timer F."
        )
    if config.queue_limit < 1 or config.page_queue_limit < 1:
        fault(6, "GATEWAY_QUEUE_LIMIT and GATEWAY_PAGE_QUEUE_LIMIT: at least 1.")
    if config.store_bodies not in BODIES_KEPT:
        fault(8, f"GATEWAY_STORE_BODIES is {config.store_bodies!r}: one of {', '.join(BODIES_KEPT)}.")
    if config.node_timeout < 2 * HEARTBEAT:
        fault(
            9, f"GATEWAY_NODE_TIMEOUT is {config.node_timeout:g}: at least {2 * HEARTBEAT:g} s, two missed heartbeats."
        )
    if config.trace not in ("off", "failures", "all"):
        fault(10, f"GATEWAY_TRACE is {config.trace!r}: one of off, failures, all.")
    if config.trace_bodies not in ("mask", "keep"):
        fault(11, f"GATEWAY_TRACE_BODIES is {config.trace_bodies!r}: mask or keep.")
    if config.hep and not config.hep.rpartition(":")[2].isdigit():
        fault(12, f"GATEWAY_HEP is {config.hep!r}: host:port, as 192.0.2.5:9060.")
    if config.playground not in ("yes", "no", "auto"):
        fault(13, f"GATEWAY_PLAYGROUND is {config.playground!r}: yes, no or auto.")
    if config.refusals_per_second < 1 or config.max_connections < 1 or config.max_connections_per_peer < 1:
        fault(
            15,
            "GATEWAY_REFUSALS_PER_SECOND, GATEWAY_MAX_CONNECTIONS and GATEWAY_MAX_CONNECTIONS_PER_PEER: at least 1.",
        )
    if config.max_held_bytes < 2 * config.max_message_size:
        fault(
            16,
            f"GATEWAY_MAX_HELD_BYTES is {config.max_held_bytes}: at least twice GATEWAY_MAX_MESSAGE_SIZE "
            f"({config.max_message_size}), or no large message would come through.",
        )
    try:
        parse_networks(config.destinations)
    except ValueError as error:
        fault(14, f"GATEWAY_DESTINATIONS: {error}. Write networks, as 192.0.2.0/24 2001:db8::/32.")
    for name, text in (("MI", config.mi_networks), ("METRICS", config.metrics_networks)):
        try:
            parse_networks(text)
        except ValueError as error:
            fault(17, f"GATEWAY_{name}_NETWORKS: {error}.")
    for name, secret in (("MI", config.mi_token), ("METRICS", config.metrics_token)):
        if secret and not re.fullmatch(BEARER, secret):
            fault(18, f"GATEWAY_{name}_TOKEN: at least 16 letters, digits and -._~+/= without blanks (RFC 6750 s2.1).")
    if config.route:
        try:
            if not callable(import_string(config.route)):
                fault(7, f"GATEWAY_ROUTE {config.route!r} is not callable.")
        except ImportError as error:
            fault(7, f"GATEWAY_ROUTE {config.route!r} cannot be imported: {error}")
    return faults
