"""When a session is to be ended because nobody speaks."""

from __future__ import annotations

from sessions_app.conf import GatewayConfig


def silence(config: GatewayConfig, now: float, last_message_at: float, last_send_at: float) -> str | None:
    """Why a session is to be ended for silence, or None. Times count from its creation (DEFECTS D1, D2).

    ``session_timeout``: silence of both sides together; ``message_timeout``: of the message side alone; 0 is never.
    """
    if config.session_timeout and now - max(last_message_at, last_send_at) >= config.session_timeout:
        return f"both sides silent for {config.session_timeout} s"
    if config.message_timeout and now - last_message_at >= config.message_timeout:
        return f"message side silent for {config.message_timeout} s"
    return None
