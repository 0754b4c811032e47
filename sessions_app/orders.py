"""Commands carried out by the process they were written for. Called in the thread that listens for them.

===============  =======================================================================================
end_session      the session of the row
expire_session   the same, if it is silent
retry_message    ``message``: id of a failed message; ``ruri``, ``next_hop``: elsewhere
send_message     ``session`` and ``direction``, or ``from``, ``to`` and ``source``; ``type``, ``body`` (base64)
capture          the session of the row; ``seconds``: its frames are stored for so long
drain, resume    take no new sessions, take them again
===============  =======================================================================================

The result is a line of words; that of ``send_message`` is ``sent`` and the id of the message.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sessions_app.gateway import submit
from sessions_app.gateway.retry import retry
from sessions_app.store.claim import NotClaimed, claim
from sessions_app.store.node import mark_draining

if TYPE_CHECKING:
    from sessions_app.gateway.gateway import Gateway

OnLoop = Callable[..., str]
Capture = Callable[[str, float], str]


class Orders:
    """``on_loop(work, *arguments)`` runs work on the event loop, with the gateway at the present time."""

    def __init__(self, gateway: Gateway, conninfo: str, on_loop: OnLoop, capture: Capture) -> None:
        self._gateway = gateway
        self._conninfo = conninfo
        self._on_loop = on_loop
        self._capture = capture
        self._most = gateway.config.max_sessions

    def carry_out(self, verb: str, session: str | None, by: str, argument: dict[str, Any]) -> str:
        """Do it; what came of it in words."""
        gateway = self._gateway
        match verb:
            case "end_session":
                return self._on_loop(gateway.end_session, session, by)
            case "expire_session":
                return self._on_loop(gateway.expire_session, session)
            case "retry_message":
                return self._retry(argument)
            case "send_message":
                return self._send(argument)
            case "capture":
                return self._capture(str(session), float(argument.get("seconds", 60)))
            case "drain":
                return self._drain(True)
            case "resume":
                return self._drain(False)
        return f"{verb} is not known to this version"

    def _retry(self, argument: dict[str, Any]) -> str:
        gateway = self._gateway
        if gateway.draining or not gateway.config.max_sessions:
            return "not retried: this node takes nothing new"
        try:
            owed = claim(self._conninfo, str(argument["message"]))
        except NotClaimed as why:
            return f"not retried: {why}"
        return self._on_loop(retry, gateway, owed, argument.get("ruri", ""), argument.get("next_hop", ""))

    def _send(self, argument: dict[str, Any]) -> str:
        body = base64.b64decode(argument["body"])
        kind = argument["type"]
        try:
            if argument.get("session"):
                sent = self._on_loop(
                    submit.into_session, self._gateway, argument["session"], argument["direction"], kind, body
                )
            else:
                sent = self._on_loop(
                    submit.by_route,
                    self._gateway,
                    argument["from"],
                    argument["to"],
                    argument.get("source") or "127.0.0.1",
                    kind,
                    body,
                )
        except submit.NotSent as why:
            return f"not sent: {why}"
        return f"sent {sent}"

    def _drain(self, wish: bool) -> str:
        # New sessions are refused exactly as when there are too many: 503 with Retry-After.
        def set_limit() -> str:
            gateway = self._gateway
            gateway.config = replace(gateway.config, max_sessions=0 if wish else self._most)
            return "takes no new sessions" if wish else "takes new sessions"

        result = self._on_loop(set_limit)
        mark_draining(self._conninfo, self._gateway.config.node_name, wish)
        return result
