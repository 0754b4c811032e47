"""A request route of an operator's own, for tests: named by GATEWAY_ROUTE. It also tells failed set-ups to a file."""

from __future__ import annotations

import json
import os
from pathlib import Path

from sessions_app.gateway import RouteRequest, msg_to_msrp, msrp_gw_answer, reject
from sessions_app.signals import setup_failed

TOLD = Path(os.environ.get("PARLEY_STATE_DIR", "/nonexistent")) / "failures"


def route(request: RouteRequest) -> None:
    """Mallory is refused, a MESSAGE is carried under a key of our own, an INVITE is answered; others are nobody's."""
    if "mallory" in request.from_uri:
        reject(request, 603, "Not you")
    elif request.method == "MESSAGE":
        msg_to_msrp(request, f"ours {request.pair}", "text/plain")
    elif request.method == "INVITE":
        msrp_gw_answer(request, f"ours {request.pair}", "text/plain", request.from_uri, request.to_uri, request.ruri)


def tell(**values: object) -> None:
    """A receiver of the signal."""
    with TOLD.open("a") as told:
        told.write(json.dumps({name: values[name] for name in ("key", "code", "reason", "detail")}) + "\n")


setup_failed.connect(tell)
