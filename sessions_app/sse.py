"""The stream of events as server-sent events, for whoever can speak HTTP only: `GET /api/v1/events/`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Final

from sessions_app.live import listening

HEARTBEAT: Final = 15.0
"""Seconds of silence after which a comment keeps the connection open."""


async def stream(wanted: frozenset[str]) -> AsyncIterator[str]:
    """Events that are wanted, each with its name and id."""
    yield "retry: 3000\n\n"
    with listening() as listener:
        while True:
            try:
                event = await asyncio.wait_for(listener.get(), timeout=HEARTBEAT)
            except TimeoutError:
                yield ": still here\n\n"
                continue
            name = event["event"]
            if name in wanted or name == "skipped":
                identity = f"id: {event['id']}\n" if "id" in event else ""
                yield f"{identity}event: {name}\ndata: {json.dumps(event)}\n\n"
