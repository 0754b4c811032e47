"""When silence ends a session: by both sides together, or by the message side alone (README, DEFECTS D1, D2)."""

from __future__ import annotations

import pytest

from sessions_app.conf import GatewayConfig
from sessions_app.gateway.silence import silence

CONFIG = GatewayConfig(session_timeout=100, message_timeout=40)


@pytest.mark.parametrize(
    ("message_age", "send_age", "ended"),
    [
        (0, 0, None),
        (39, 39, None),
        (40, 0, "message side silent for 40 s"),
        (0, 99, None),
        (0, 1000, None),  # only the MSRP side is silent: that alone ends nothing
        (100, 100, "both sides silent for 100 s"),
        (1000, 99, "message side silent for 40 s"),
    ],
)
def test_silence(message_age: float, send_age: float, ended: str | None) -> None:
    now = 1_000_000.0
    assert silence(CONFIG, now, now - message_age, now - send_age) == ended


def test_d01_a_new_session_is_not_silent_however_long_the_process_runs() -> None:
    """Both times are the creation's until something comes."""
    for now in (0.0, 50.0, 1e9):
        assert silence(CONFIG, now, now, now) is None


def test_d02_a_busy_direction_keeps_a_session_from_session_timeout() -> None:
    config = GatewayConfig(session_timeout=100, message_timeout=0)
    assert silence(config, 1000.0, 0.0, 999.0) is None
    assert silence(config, 1000.0, 999.0, 0.0) is None
    assert silence(config, 1000.0, 0.0, 0.0) is not None


def test_zero_switches_either_off() -> None:
    assert silence(GatewayConfig(session_timeout=0, message_timeout=0), 1e9, 0.0, 0.0) is None
    assert silence(GatewayConfig(session_timeout=0, message_timeout=10), 100.0, 0.0, 99.0) is not None
