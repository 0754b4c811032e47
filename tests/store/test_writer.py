"""The durable writer against a real PostgreSQL: group commit, order, bad rows, a database that goes away."""

from __future__ import annotations

import asyncio
import threading
import time

import psycopg
import pytest

from sessions_app.cause import NO_CAUSE, Cause, LostWith, Side
from sessions_app.models import GatewaySession, MessageRecord, SessionEvent, SetupFailure
from sessions_app.store import lane, message_rows, writer
from sessions_app.store.claim import claim
from sessions_app.store.confirmations import Confirmation
from sessions_app.store.database import conninfo
from sessions_app.store.writer import Writer

pytestmark = pytest.mark.django_db(transaction=True)

NOW = time.time()


def session_row(key="a b", **changes):
    return {
        "id": message_rows.new_id(NOW),
        "key": key,
        "bucket": 1,
        "node": "test",
        "state": "setting_up",
        "initiator": "message",
        "from_uri": "sip:a@x",
        "to_uri": "sip:b@x",
        "ruri": "sip:b@x",
        "source": "127.0.0.1",
        "route": "",
        "call_id": "c",
        "dialog": {},
        "local_path": "",
        "peer_path": "",
        "peer_types": "",
        "content_types": "text/plain",
        "next_hop": "",
        "back_hop": "",
        "to_msrp": 0,
        "to_page": 0,
        "undelivered": 0,
        "created_at": NOW,
        "last_message_at": NOW,
        "last_send_at": NOW,
        "end_reason": "",
        **changes,
    }


def message_line(session, *, state="pending", call_id="call", body=b"hi", identity=None, cause=NO_CAUSE):
    finished = None if state == "pending" else NOW
    return message_rows.message(
        identity or message_rows.new_id(NOW),
        message_rows.head(session, "to_page"),
        state,
        message_rows.parties("sip:a@x", "sip:b@x"),
        call_id,
        "m",
        "text/plain",
        2,
        body,
        NOW,
        finished,
        None,
        None,
        cause,
        b"",
    )


def run(scenario):
    """Run ``scenario(writer)`` on a loop with a writer, flushed at the end."""

    info = conninfo()

    async def all_of_it():
        store = Writer(info)
        try:
            result = await scenario(store)
            assert await store.flush(10)
            return result
        finally:
            store.stop()

    return asyncio.run(all_of_it())


def test_rows_nobody_waits_for_are_one_transaction():
    row = session_row()

    async def scenario(store):
        store.new_session(row)
        for number in range(50):
            store.new_message(message_line(row["id"], state="delivered", body=None, call_id=f"c{number}"))
        store.event(message_rows.event(row["id"], NOW, "live", ""))
        await store.flush(10)
        return store.batches, store.rows

    assert run(scenario) == (1, 52)
    assert MessageRecord.objects.filter(session_id=row["id"], state="delivered").count() == 50
    assert SessionEvent.objects.get().kind == "live"


def test_who_waits_for_the_commit_is_called_when_the_row_is_there_and_not_before():
    row, info = session_row(), conninfo()

    async def scenario(store):
        store.new_session(row)
        await store.flush(10)
        seen = asyncio.get_running_loop().create_future()

        def committed(context):
            with psycopg.connect(info) as other:  # another connection sees committed rows only
                count = other.execute("SELECT count(*) FROM sessions_app_messagerecord").fetchone()[0]
            seen.set_result((context, count))

        store.keep_message(row["id"], message_line(row["id"]), committed, "context")
        return await asyncio.wait_for(seen, 10)

    assert run(scenario) == ("context", 1)


def test_an_obligation_is_never_committed_before_its_sessions_row():
    row, info = session_row(), conninfo()

    async def scenario(store):
        store.new_session(row)
        kept = asyncio.get_running_loop().create_future()
        store.keep_message(row["id"], message_line(row["id"]), kept.set_result, None)
        await asyncio.wait_for(kept, 10)
        with psycopg.connect(info) as other:
            return other.execute("SELECT count(*) FROM sessions_app_gatewaysession").fetchone()[0]

    assert run(scenario) == 1


def test_obligations_are_told_in_the_order_they_came():
    row = session_row()

    async def scenario(store):
        told = []
        store.new_session(row)
        for number in range(200):
            store.keep_message(row["id"], message_line(row["id"], call_id=str(number)), told.append, number)
            if number % 20 == 0:
                await asyncio.sleep(0)  # lets a batch go
        await store.flush(10)
        return told

    assert run(scenario) == list(range(200))


def test_an_outcome_that_comes_before_the_commit_still_ends_the_row():
    row = session_row()
    identity = message_rows.new_id(NOW)

    async def scenario(store):
        store.new_session(row)
        line = message_line(row["id"], identity=identity)
        obligation = store.keep_message(row["id"], line, lambda _: None, None)
        store.finish_message(obligation, message_rows.outcome(identity, "delivered", NOW, 200, 200, NO_CAUSE))
        while not obligation.kept:
            await store.flush(10)
        await store.flush(10)

    run(scenario)
    message = MessageRecord.objects.get(pk=identity)
    assert (message.state, message.sip_code, message.body) == ("delivered", 200, None)


def test_an_outcome_brings_its_cause_and_a_retry_takes_it_away():
    row = session_row()
    kept, delivered, new = (message_rows.new_id(NOW) for _ in range(3))
    cause = Cause(Side.MSRP, "sip", "486 Busy\tHere", 486, LostWith.SETUP)

    async def scenario(store):
        store.new_session(row)
        for identity, why in ((kept, cause), (delivered, NO_CAUSE)):
            line = message_line(row["id"], identity=identity)
            obligation = store.keep_message(row["id"], line, lambda _: None, None)
            await store.flush(10)
            state = "failed" if why is cause else "delivered"
            store.finish_message(obligation, message_rows.outcome(identity, state, NOW, 480, None, why))
        store.new_message(message_line(row["id"], identity=new, state="failed", cause=cause))
        await store.flush(10)

    run(scenario)
    causes = {str(message.pk): message.cause for message in MessageRecord.objects.all()}
    assert causes == {kept: cause, new: cause, delivered: NO_CAUSE}
    MessageRecord.objects.filter(pk=kept).update(body=b"hi")
    claim(conninfo(), kept)
    assert MessageRecord.objects.get(pk=kept).cause == NO_CAUSE


def test_news_that_takes_a_delivery_back_is_its_cause_and_other_news_is_none():
    row = session_row()
    denied, confirmed = message_rows.new_id(NOW), message_rows.new_id(NOW)
    cause = Cause(Side.MSRP, "report", "REPORT 413 " + "too large " * 10, 413)

    async def scenario(store):
        store.new_session(row)
        for identity in (denied, confirmed):
            store.new_message(message_line(row["id"], identity=identity, state="delivered"))
        await store.flush(10)
        about = {"direction": "to_page", "before": ("delivered",), "text": cause.text}
        store.confirm(Confirmation(state="failed", cause=cause, id=denied, **about))
        store.confirm(Confirmation(state="failed", cause=cause, id=denied, **about))  # said again, it is no news
        store.confirm(Confirmation(state="delivered", id=confirmed, **about))
        await store.flush(10)

    run(scenario)
    found = MessageRecord.objects.get(pk=denied)
    assert (found.state, found.cause, found.confirmation) == ("failed", cause, cause.text[:64])
    assert MessageRecord.objects.get(pk=confirmed).cause == NO_CAUSE


def test_a_session_that_begins_and_ends_within_a_batch_is_one_row():
    row = session_row()

    async def scenario(store):
        store.new_session(row)
        store.change_session(row["id"], {"state": "ended", "ended_at": NOW, "end_reason": "over"})
        await store.flush(10)
        return store.rows

    assert run(scenario) == 1
    assert GatewaySession.objects.get().end_reason == "over"


def test_a_change_leaves_what_it_does_not_name():
    row = session_row(to_msrp=7)

    async def scenario(store):
        store.new_session(row)
        await store.flush(10)
        store.change_session(row["id"], {"state": "live", "established_at": NOW})
        await store.flush(10)

    run(scenario)
    session = GatewaySession.objects.get()
    assert (session.state, session.to_msrp, session.ended_at) == ("live", 7, None)


def test_a_key_is_free_again_in_the_batch_that_ends_its_session():
    old, new = session_row(), session_row()

    async def scenario(store):
        store.new_session(old)
        await store.flush(10)
        store.change_session(old["id"], {"state": "ended", "ended_at": NOW})
        store.new_session(new)

    run(scenario)
    assert str(GatewaySession.objects.get(ended_at=None).pk) == new["id"]


def test_a_row_that_the_database_refuses_costs_itself_only(caplog):
    first, second = session_row("the same key"), session_row("the same key")

    async def scenario(store):
        store.new_session(first)
        store.new_session(second)  # one live session a key
        store.new_message(message_line(first["id"], state="delivered"))
        store.event(message_rows.event(first["id"], NOW, "live", ""))

    run(scenario)
    assert GatewaySession.objects.count() == 1
    assert MessageRecord.objects.count() == 1
    assert SessionEvent.objects.count() == 1
    assert "not kept" in caplog.text
    assert "one_live_session_a_key" in caplog.text


def test_a_refused_obligation_does_not_take_its_batch_along(caplog):
    row = session_row()
    identity = message_rows.new_id(NOW)

    async def scenario(store):
        store.new_session(row)
        await store.flush(10)
        told = []
        store.keep_message(row["id"], message_line(row["id"], identity=identity), told.append, 1)
        await store.flush(10)
        store.keep_message(row["id"], message_line(row["id"], identity=identity), told.append, 2)
        store.keep_message(row["id"], message_line(row["id"]), told.append, 3)
        await store.flush(10)
        return told

    assert run(scenario) == [1, 2, 3]
    assert MessageRecord.objects.count() == 2


def test_a_connection_that_is_cut_is_made_again_and_nothing_is_lost(caplog):
    row, info = session_row(), conninfo()

    async def scenario(store):
        store.new_session(row)
        await store.flush(10)
        with psycopg.connect(info, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'parley-gateway' AND pid <> pg_backend_pid()"
            )
        told = []
        for number in range(10):
            store.keep_message(row["id"], message_line(row["id"], call_id=str(number)), told.append, number)
        store.new_message(message_line(row["id"], state="delivered", call_id="audit"))
        await store.flush(10)
        return told, store.healthy

    assert run(scenario) == (list(range(10)), True)
    assert MessageRecord.objects.count() == 11


def test_while_the_database_is_away_nothing_is_told_and_it_shows():
    async def scenario():
        store = Writer("host=127.0.0.1 port=1 user=nobody dbname=nowhere connect_timeout=1")
        told = []
        store.keep_message("s", message_line("s"), told.append, 1)
        async with asyncio.timeout(10):
            while store.healthy:
                await asyncio.sleep(0.01)
        flushed = await store.flush(0.3)
        store.stop()
        return told, flushed

    assert asyncio.run(scenario()) == ([], False)


def test_the_writer_says_when_it_is_full(monkeypatch):
    monkeypatch.setattr(writer, "MOST", 3)
    row = session_row()

    async def scenario(store):
        store.new_session(row)
        before = store.full
        for _ in range(5):
            store.new_message(message_line(row["id"], state="delivered"))
        return before, store.full

    assert run(scenario) == (False, True)


def test_a_failed_set_up_is_announced_after_it_is_kept():
    async def scenario(store):
        announced = asyncio.get_running_loop().create_future()
        store.setup_failure(
            {
                "id": message_rows.new_id(NOW),
                "session_id": None,
                "key": "k",
                "from_uri": "sip:a@x",
                "to_uri": "sip:b@x",
                "ruri": "sip:b@x",
                "code": 486,
                "reason": "Busy Here",
                "leg": "msrp",
                "layer": "sip",
                "detail": "486 Busy Here",
                "answered": 480,
                "waiting": 1,
                "node": "test",
                "created_at": NOW,
            },
            announced.set_result,
        )
        return await asyncio.wait_for(announced, 10)

    assert run(scenario)["code"] == 486
    assert SetupFailure.objects.get().reason == "Busy Here"


def test_a_lane_that_is_stopped_while_the_database_is_away_promises_nothing():
    async def scenario():
        away = lane.Lane("away", "host=127.0.0.1 port=1 user=nobody dbname=nowhere connect_timeout=1")
        done = []
        away.submit(lambda connection: None, lambda: done.append(1))
        async with asyncio.timeout(10):
            while away.healthy:
                await asyncio.sleep(0.01)
        away.stop()
        return done

    assert asyncio.run(scenario()) == []


def test_of_a_session_no_obligation_is_committed_before_an_earlier_one():
    """The first may still be on its way with the audit when the row of their session is there."""
    row, gate = session_row(), threading.Event()

    async def scenario(store):
        told = []
        store.new_session(row)
        store._submit_audit()
        store.keep_message(row["id"], message_line(row["id"], call_id="1"), told.append, 1)  # for the batch after
        written = asyncio.Event()
        store._audit_lane.submit(lambda _: gate.wait(10), lambda: None)
        store.observer = lambda _: written.set()
        await asyncio.wait_for(written.wait(), 10)
        store.keep_message(row["id"], message_line(row["id"], call_id="2"), told.append, 2)
        await asyncio.sleep(0)
        passed = asyncio.Event()
        store._owed_lane.submit(lambda _: None, passed.set)
        await asyncio.wait_for(passed.wait(), 10)
        gate.set()
        await store.flush(10)
        return told

    assert run(scenario) == [1, 2]
