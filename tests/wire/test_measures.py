"""What a running gateway measures and logs of a conversation: /metrics as Prometheus reads it, the journal by key."""

from __future__ import annotations

import json
import time
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families


def measured(gateway):
    """Samples by name."""
    with urllib.request.urlopen(f"{gateway.address}/metrics", timeout=10) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        text = answer.read().decode()
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample)
    return found


def total(samples, **labels):
    return sum(each.value for each in samples if labels.items() <= each.labels.items())


def test_a_conversation_is_counted_by_direction_outcome_code_and_peer(gateway, alice, bob):
    before = measured(gateway).get("parley_messages_total", [])
    sent = alice.message(bob.uri, "first")
    call = bob.take_call()
    call.take_message()
    assert alice.final_answer_to(sent).status == 200
    kept = call.send("to nobody")
    alice.respond(alice.expect("MESSAGE"), 404)
    assert call.wire.response_to(kept).code == 403
    wanted = [
        {"direction": "to_msrp", "outcome": "delivered", "code": "200", "peer": "127.0.0.1"},
        {"direction": "to_page", "outcome": "failed", "code": "404", "peer": "127.0.0.1"},
    ]
    deadline = time.monotonic() + 5
    while True:
        after = measured(gateway)
        if all(total(after.get("parley_messages_total", []), **one) > total(before, **one) for one in wanted):
            break
        assert time.monotonic() < deadline, after.get("parley_messages_total")
        time.sleep(0.1)
    assert total(after["parley_delivery_seconds_count"], direction="to_msrp", outcome="delivered") > 0
    assert total(after["parley_loop_lag_seconds_count"]) > 0
    assert total(after["parley_batch_rows_count"]) > 0
    assert {each.labels["queue"] for each in after["parley_queue_depth"]} == {
        "message_side", "database", "sip_transactions"}  # fmt: skip
    assert {each.labels["what"] for each in after["parley_trace_lost_total"]} >= {"entries", "sessions", "refusals"}
    assert call.bye().status == 200


class TestTheJournal:
    @pytest.fixture
    def gateway(self, served_gateway):
        return served_gateway

    def test_has_one_line_a_change_of_state_with_the_sessions_key(self, gateway, alice, bob):
        sent = alice.message(bob.uri, "first")
        call = bob.take_call()
        call.take_message()
        assert alice.final_answer_to(sent).status == 200
        kept = call.send("to nobody", message_id="Journal1")
        alice.respond(alice.expect("MESSAGE"), 404)
        assert call.wire.response_to(kept).code == 403
        assert call.bye().status == 200
        row = gateway.session_row(call.invite.call_id, state="ended")
        deadline = time.monotonic() + 5
        while True:
            lines = [line for line in self.journal(gateway) if line.get("session") == str(row["id"])]
            if any(line["event"] == "session_ended" for line in lines):
                break
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert sorted(line["event"] for line in lines) == ["message_failed", "session_ended", "session_started"]
        assert {line["key"] for line in lines} == {row["key"]}
        failed = next(line for line in lines if line["event"] == "message_failed")
        assert (failed["sip_code"], failed["direction"], failed["level"]) == (404, "to_page", "info")

    def journal(self, gateway):
        for line in list(gateway.output):
            if '"parley.journal"' in line:
                yield json.loads(line)
