"""Events as OpenSIPS sends them to its subscribers over UDP: their names there, and JSON-RPC notifications."""

from __future__ import annotations

import json
from typing import Any, Final

UDP_NAMES: Final = {
    "setup_failed": "E_MSRP_GW_SETUP_FAILED",
    "session_started": "E_MSRP_GW_SESSION_STARTED",
    "session_ended": "E_MSRP_GW_SESSION_ENDED",
    "message_delivered": "E_MSRP_GW_MESSAGE_DELIVERED",
    "message_failed": "E_MSRP_GW_MESSAGE_FAILED",
}
_SEED: Final = ("key", "from_uri", "to_uri", "ruri", "code", "reason")
"""What the event of OpenSIPS carries."""


def datagram(name: str, event: dict[str, Any]) -> bytes:
    """A JSON-RPC notification, as OpenSIPS sends it."""
    if name == "E_MSRP_GW_SETUP_FAILED":
        params = {field: event.get(field) for field in _SEED}
    else:
        params = {field: value for field, value in event.items() if field != "event"}
    return json.dumps({"jsonrpc": "2.0", "method": name, "params": params}).encode()
