"""E_MSRP_GW_SETUP_FAILED as a Django signal."""

from __future__ import annotations

import pytest

from sessions_app import signals

FAILURE = {
    "id": "f",
    "session_id": "s",
    "key": "k",
    "from_uri": "sip:a@x",
    "to_uri": "sip:b@x",
    "ruri": "sip:b@x",
    "code": None,
    "reason": None,
    "leg": "msrp",
    "layer": "timer",
    "detail": "ring timeout (40 s)",
    "answered": 480,
    "waiting": 2,
    "node": "gateway-1",
    "created_at": 0.0,
}


@pytest.fixture
def receivers():
    connected = []

    def connect(receiver):
        signals.setup_failed.connect(receiver, weak=False)
        connected.append(receiver)

    yield connect
    for receiver in connected:
        signals.setup_failed.disconnect(receiver)


def test_a_receiver_gets_the_seeds_parameters_null_where_no_reply_came(receivers):
    got = []
    receivers(lambda **values: got.append(values))
    signals.send_setup_failed(FAILURE)
    (values,) = got
    assert {name: values[name] for name in ("key", "from_uri", "to_uri", "ruri", "code", "reason")} == {
        "key": "k",
        "from_uri": "sip:a@x",
        "to_uri": "sip:b@x",
        "ruri": "sip:b@x",
        "code": None,
        "reason": None,
    }
    assert (values["layer"], values["detail"], values["failure_id"]) == ("timer", "ring timeout (40 s)", "f")


def test_a_receiver_that_fails_stops_no_other(receivers, caplog):
    got = []

    def broken(**values):
        raise RuntimeError("no")

    receivers(broken)
    receivers(lambda **values: got.append(values["key"]))
    signals.send_setup_failed(FAILURE)
    assert got == ["k"]
    assert "of setup_failed failed" in caplog.text
