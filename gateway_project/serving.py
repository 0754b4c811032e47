"""Builds the server for a command from the settings and runs it; nothing about what it serves."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from daphne.endpoints import build_endpoint_description_strings
from django.conf import settings
from django.core.management.base import CommandError

from gateway_project.checks import tls_of_settings
from gateway_project.env import Address
from protocols.server import Listener, ListenError, Server
from protocols.tls import TlsError

logger = logging.getLogger(__name__)


def serve(application: Any, http: Address, announce: Callable[[], None], **options: Any) -> None:
    """Serve HTTP, SIP and MSRP until a signal stops the reactor and the server has drained.

    `announce` is called when every listener is open. Raises CommandError when one could not be opened, or when the
    application refused to start.
    """
    try:
        tls = tls_of_settings()
    except TlsError as fault:
        raise CommandError(str(fault)) from None
    server = Server(
        application=application,
        endpoints=build_endpoint_description_strings(host=http.host, port=http.port),
        sip=[Listener(*address) for address in settings.SIP_LISTEN],
        msrp=[Listener(*address) for address in settings.MSRP_LISTEN],
        tls=tls,
        on_ready=announce,
        action_logger=log_action,
        **options,
    )
    try:
        server.run()
    except ListenError as fault:
        raise CommandError(str(fault)) from None
    if server.failure:
        raise CommandError(server.failure)


def log_action(protocol: str, action: str, details: dict[str, Any]) -> None:
    """One line a request. Called by the server for HTTP and WebSocket."""
    if (protocol, action) == ("http", "complete"):
        level = logging.ERROR if details["status"] >= 500 else logging.INFO
    else:
        level = logging.DEBUG
    plain = {name: value for name, value in details.items() if name in {"method", "path", "status", "client"}}
    if "time_taken" in details:
        plain["seconds"] = round(details["time_taken"], 4)
    logger.log(level, "%s %s", protocol, action, extra=plain)
