"""The log: one line a change of state, with the session's key."""

from __future__ import annotations

import logging

from sessions_app import journal


def test_a_line_an_event_with_the_key_and_no_empty_pairs(caplog):
    with caplog.at_level(logging.INFO, "parley.journal"):
        journal.write(
            [
                {"event": "session_started", "session": "s", "key": "a b", "node": "n", "id": "1", "at": ""},
                {"event": "message_delivered", "message": "m"},
                {
                    "event": "message_failed",
                    "message": "m",
                    "side": "msrp",
                    "layer": "response",
                    "code": 481,
                    "lost_with": "",
                    "detail": "481 No session",
                    "sip_code": None,
                },
            ]
        )
    started, failed = caplog.records
    assert (started.getMessage(), started.key, started.session) == ("session_started", "a b", "s")
    assert (failed.record, failed.side, failed.layer, failed.code) == ("m", "msrp", "response", 481)
    assert failed.detail == "481 No session"
    assert not hasattr(failed, "lost_with"), "what is empty is left out"
    assert not hasattr(failed, "sip_code")
