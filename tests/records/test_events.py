"""What a committed batch says has happened, and how it is told to other processes."""

from __future__ import annotations

import json

from sessions_app.events import of_batch
from sessions_app.feed import LARGEST, MOST_TOLD, payloads
from sessions_app.opensips_events import datagram
from sessions_app.store import columns
from sessions_app.store.batch import Batch

SESSION = "0190a000-0000-7000-8000-000000000001"
MESSAGE = "0190a000-0000-7000-8000-000000000002"


def message(**values) -> str:
    return columns.row(
        columns.MESSAGE,
        {
            "id": MESSAGE,
            "session_id": SESSION,
            "direction": "to_msrp",
            "state": "delivered",
            "from_uri": "sip:a\\b\t@x",
            "to_uri": "sip:b@y",
            "call_id": "c1",
            "message_id": "m1",
            "content_type": "text/plain",
            "size": 5,
            "body": None,
            "received_at": 1_700_000_000.0,
            "finished_at": 1_700_000_000.5,
            "sip_code": 200,
            "msrp_code": 200,
            "detail": "",
            **values,
        },
    )


def names(batch: Batch) -> list[str]:
    return [event["event"] for event in of_batch(batch, "n1")]


def test_a_session_that_becomes_live_and_one_that_ends():
    batch = Batch()
    batch.sessions[SESSION] = {"key": "k", "established_at": 1_700_000_000.0, "state": "live"}
    batch.session_changes["other"] = {"state": "ended", "ended_at": 1_700_000_001.0, "end_reason": "BYE"}
    started, ended = of_batch(batch, "n1")
    assert (started["event"], started["session"], started["key"], started["node"]) == (
        "session_started",
        SESSION,
        "k",
        "n1",
    )
    assert started["at"] == "2023-11-14T22:13:20.000+00:00"
    assert (ended["event"], ended["reason"]) == ("session_ended", "BYE")


def test_progress_of_a_session_is_no_event():
    batch = Batch()
    batch.session_changes[SESSION] = {"to_msrp": 3}
    assert names(batch) == []


def test_messages_by_their_outcome_and_never_with_a_body():
    batch = Batch()
    batch.messages += [
        message(body=b"a private word"),
        message(state="failed", side="msrp", layer="response", code=481, lost_with="", detail="481 No session"),
        message(state="pending", finished_at=None),
        message(state="expired"),
    ]
    assert names(batch) == ["message_delivered", "message_failed", "message_failed"]
    told = list(of_batch(batch, "n1"))
    assert "private" not in json.dumps(told)
    assert b"a private word".hex() not in json.dumps(told)
    assert told[0]["from_uri"] == "sip:a\\b\t@x", "as it was before COPY escaped it"
    cause = {name: told[1][name] for name in ("side", "layer", "code", "lost_with", "detail")}
    assert cause == {"side": "msrp", "layer": "response", "code": 481, "lost_with": "", "detail": "481 No session"}
    assert not told[0].keys() & {"side", "layer", "code", "lost_with"}, "what was delivered has no cause"


def test_the_same_thing_has_the_same_id_whenever_it_is_told():
    batch = Batch()
    batch.messages.append(message())
    first, again = (next(of_batch(batch, node))["id"] for node in ("n1", "n2"))
    assert first == again


def test_an_outcome_of_a_message_that_was_kept_is_completed_from_its_row():
    batch = Batch()
    batch.outcomes.append(
        columns.row(
            columns.MESSAGE_OUTCOME,
            {"id": MESSAGE, "state": "failed", "finished_at": 1_700_000_000.5, "sip_code": 480, "detail": "x"},
        )
    )
    (event,) = of_batch(batch, "n1")
    assert event["incomplete"]
    assert event["event"] == "message_failed"


def test_payloads_fit_into_a_notify_and_say_what_was_left_out():
    many = [{"event": "message_delivered", "id": str(number), "detail": "é" * 50} for number in range(MOST_TOLD + 30)]
    pieces = list(payloads([*many, {"event": "session_started", "id": "s"}]))
    assert all(len(piece.encode()) < 8000 for piece in pieces)
    assert LARGEST < 8000
    told = [event for piece in pieces for event in json.loads(piece)]
    assert sum(event["event"] == "message_delivered" for event in told) == MOST_TOLD
    assert {"event": "skipped", "number": 30} in told
    assert any(event["event"] == "session_started" for event in told), "what is rare is never left out"


def test_the_seeds_event_has_the_fields_that_opensips_sends():
    event = {
        "event": "setup_failed", "id": "1", "at": "", "node": "n", "key": "k", "from_uri": "f", "to_uri": "t",
        "ruri": "r", "code": None, "reason": None, "leg": "msrp",
    }  # fmt: skip
    told = json.loads(datagram("E_MSRP_GW_SETUP_FAILED", event))
    assert told == {
        "jsonrpc": "2.0",
        "method": "E_MSRP_GW_SETUP_FAILED",
        "params": {"key": "k", "from_uri": "f", "to_uri": "t", "ruri": "r", "code": None, "reason": None},
    }


def test_of_many_delivered_messages_that_nobody_asked_for_only_some_are_told_and_every_failure():
    batch = Batch()
    batch.messages += [message()] * 10 + [message(state="failed", detail="x")] + [message()] * 10
    told = list(of_batch(batch, "n1", most=5))
    assert [event["event"] for event in told].count("message_delivered") == 5
    assert [event["event"] for event in told].count("message_failed") == 1
    assert told[-1] == {"event": "skipped", "number": 15}
    (payload,) = payloads(told)
    assert json.loads(payload)[-1] == {"event": "skipped", "number": 15}
