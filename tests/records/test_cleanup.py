"""The cleanup: silent sessions, sessions of dead processes, records past their time."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from sessions_app import tasks
from sessions_app.conf import GatewayConfig
from sessions_app.gateway.silence import silence
from sessions_app.models import GatewaySession, MessageRecord, NodeCommand, SessionEvent, SetupFailure
from tests.rows import ago, make_ended, make_event, make_failure, make_message, make_node, make_session

pytestmark = pytest.mark.django_db

HOUR = 3600


def seen(message: float, send: float, **values):
    """A live session: seconds since the last sign of the message side, and of the MSRP side."""
    return make_session(
        created_at=ago(days=1), last_message_at=ago(seconds=message), last_send_at=ago(seconds=send), **values
    )


class TestSilence:
    @pytest.mark.parametrize(
        ("message", "send", "config", "expires"),
        [
            (1, 1, {}, False),
            (2 * HOUR + 1, 1, {}, True),  # the message side alone
            (1, 13 * HOUR, {}, False),  # the MSRP side alone is no reason
            (2 * HOUR + 1, 1, {"message_timeout": 0}, False),
            (13 * HOUR, 13 * HOUR, {"message_timeout": 0}, True),  # both together
            (13 * HOUR, 1, {"message_timeout": 0}, False),
            (13 * HOUR, 13 * HOUR, {"session_timeout": 0, "message_timeout": 0}, False),
        ],
    )
    def test_is_judged_as_the_gateway_judges_it(self, message, send, config, expires):
        make_node()
        session = seen(message, send)
        config = GatewayConfig(**config)
        now = timezone.now()
        tasks.sweep(config, now, 0, config.buckets)
        assert NodeCommand.objects.filter(session=session, verb="expire_session").exists() is expires
        told = silence(config, now.timestamp(), session.last_message_at.timestamp(), session.last_send_at.timestamp())
        assert (told is not None) is expires

    def test_counts_from_the_creation(self):
        make_node()
        now = timezone.now()
        make_session(created_at=now)
        assert tasks.sweep(GatewayConfig(), now + timedelta(hours=1), 0, 1024)["expired"] == 0

    def test_leaves_ended_sessions_alone(self):
        make_node()
        make_ended(created_at=ago(days=2))
        assert tasks.cleanup()["expired"] == 0

    def test_a_second_cleanup_does_not_repeat_a_wish_that_is_open(self):
        make_node()
        seen(3 * HOUR, 3 * HOUR)
        assert [tasks.cleanup()["expired"] for _ in range(2)] == [1, 0]
        assert NodeCommand.objects.get().by == "cleanup"


class TestBuckets:
    def test_are_all_swept_by_the_shares_together(self):
        make_node()
        for bucket in (0, 63, 64, 511, 512, 1023):
            seen(3 * HOUR, 0, bucket=bucket)
        assert [tasks.cleanup(share, 3)["expired"] for share in range(3)] == [3, 2, 1]

    def test_beyond_the_present_hash_size_are_swept_too(self, settings):
        settings.GATEWAY_HASH_SIZE = 2
        make_node()
        seen(3 * HOUR, 0, bucket=900)
        assert tasks.cleanup()["expired"] == 1

    def test_cost_few_queries_for_many_buckets(self, django_assert_max_num_queries):
        make_node()
        with django_assert_max_num_queries(2 + 16 * 4):
            tasks.sweep(GatewayConfig(), timezone.now(), 0, 1024)


class TestSessionsOfADeadProcess:
    @pytest.mark.parametrize(
        "node",
        [None, {"heartbeat_at": ago(seconds=3601)}, {"stopped_at": ago(hours=2), "heartbeat_at": ago(hours=2)}],
        ids=["gone", "silent", "stopped"],
    )
    def test_are_closed_in_the_database(self, node):
        if node is not None:
            make_node(**node)
        session = make_session(created_at=ago(hours=2))
        assert tasks.cleanup()["closed"] == 1
        session.refresh_from_db()
        assert (session.state, session.end_reason) == ("ended", "node gateway-1 is gone")
        event = SessionEvent.objects.get(session=session)
        assert (event.kind, event.detail) == ("ended", "node gateway-1 is gone")

    def test_have_failed_where_they_were_being_set_up(self):
        session = make_session(state="setting_up", created_at=ago(hours=2))
        tasks.cleanup()
        session.refresh_from_db()
        assert session.state == "failed"

    def test_take_their_open_commands_along(self):
        session = make_session(created_at=ago(hours=2))
        NodeCommand.objects.create(node="gateway-1", verb="end_session", session=session)
        tasks.cleanup()
        assert NodeCommand.objects.get().result == "node gateway-1 is gone"

    def test_are_left_to_a_process_that_lives(self):
        make_node()
        make_session(created_at=ago(hours=2))
        assert tasks.cleanup()["closed"] == 0

    def test_wait_an_hour_for_it_or_for_its_heir(self):
        """Whoever takes them over says good-bye to their peers, which a row cannot."""
        make_node(heartbeat_at=ago(minutes=50), stopped_at=ago(minutes=50))
        make_session(created_at=ago(hours=2))
        make_session(node="gateway-2")
        assert tasks.cleanup()["closed"] == 0


class TestBodies:
    def test_are_wiped_when_their_days_are_over(self):
        make_node()
        session = make_ended()
        old = make_message(session, received_at=ago(days=8), body=b"old")
        new = make_message(session, received_at=ago(days=6), body=b"new")
        owed = make_message(session, received_at=ago(days=8), state="pending", finished_at=None, body=b"owed")
        config = GatewayConfig(store_bodies="always", body_retention_days=7)
        assert tasks.wipe_bodies(config, timezone.now()) == 1
        for message, body in ((old, None), (new, b"new"), (owed, b"owed")):
            message.refresh_from_db()
            assert (message.body and bytes(message.body)) == body

    def test_are_all_wiped_where_they_are_not_kept_always_any_more(self):
        session = make_ended()
        make_message(session, body=b"left")
        assert tasks.wipe_bodies(GatewayConfig(store_bodies="never"), timezone.now()) == 1

    def test_of_delivered_messages_are_wiped_where_only_failed_ones_are_kept(self):
        session = make_ended()
        failed = make_message(session, state="failed", body=b"try again")
        make_message(session, body=b"left from when all were kept")
        make_message(session, state="expired", received_at=ago(days=8), body=b"nobody tried again")
        config = GatewayConfig(store_bodies="undelivered", body_retention_days=7)
        assert tasks.wipe_bodies(config, timezone.now()) == 2
        failed.refresh_from_db()
        assert bytes(failed.body) == b"try again"

    def test_stay_for_ever_where_no_days_are_set(self):
        make_message(make_ended(), received_at=ago(days=400), body=b"kept")
        assert tasks.wipe_bodies(GatewayConfig(store_bodies="always", body_retention_days=0), timezone.now()) == 0


class TestRetention:
    def test_deletes_what_is_older_with_all_that_hangs_on_it(self):
        make_node()
        old = make_ended(created_at=ago(days=40), ended_at=ago(days=31))
        make_message(old, received_at=ago(days=35), finished_at=ago(days=35))
        make_message(old, received_at=ago(days=35), finished_at=None, state="pending", body=b"x")
        make_event(old, at=ago(days=35))
        make_failure(old, created_at=ago(days=40))
        NodeCommand.objects.create(node="gateway-1", verb="end_session", session=old, done_at=ago(days=31))
        done = tasks.cleanup()
        assert (done["sessions"], done["messages"], done["failures"], done["commands"]) == (1, 1, 1, 1)
        for model in (GatewaySession, MessageRecord, SessionEvent, SetupFailure, NodeCommand):
            assert not model.objects.exists()

    def test_keeps_what_is_younger(self):
        make_node()
        session = make_ended(created_at=ago(days=40), ended_at=ago(days=29))
        make_message(session, received_at=ago(days=29), finished_at=ago(days=29))
        make_failure(created_at=ago(days=29))
        tasks.cleanup()
        assert (GatewaySession.objects.count(), MessageRecord.objects.count(), SetupFailure.objects.count()) == (
            1,
            1,
            1,
        )

    def test_keeps_a_session_that_lives_and_what_it_owes(self):
        make_node()
        session = make_session(created_at=ago(days=40), last_message_at=ago(days=0))
        owed = make_message(session, received_at=ago(days=40), finished_at=None, state="pending", body=b"x")
        tasks.cleanup()
        assert MessageRecord.objects.get() == owed

    def test_of_zero_days_is_for_ever(self, settings):
        settings.GATEWAY_RETENTION_DAYS = 0
        make_node()
        make_ended(created_at=ago(days=4000), ended_at=ago(days=4000))
        tasks.cleanup()
        assert GatewaySession.objects.exists()

    def test_goes_chunk_by_chunk(self, monkeypatch):
        monkeypatch.setattr(tasks, "CHUNK", 3)
        make_node()
        for _ in range(8):
            make_failure(created_at=ago(days=40))
        assert tasks.cleanup()["failures"] == 8

    def test_of_one_run_is_bounded_and_the_next_goes_on(self, monkeypatch):
        monkeypatch.setattr(tasks, "CHUNK", 2)
        monkeypatch.setattr(tasks, "MOST_CHUNKS", 2)
        make_node()
        for _ in range(5):
            make_failure(created_at=ago(days=40))
        assert [tasks.cleanup()["failures"] for _ in range(2)] == [4, 1]


@pytest.mark.django_db(transaction=True)
def test_two_cleanups_do_not_wait_for_each_other():
    make_node()
    held = make_ended(created_at=ago(days=40), ended_at=ago(days=40))
    make_ended(created_at=ago(days=40), ended_at=ago(days=40))
    result = {}

    def other() -> None:
        result.update(tasks.cleanup())
        connection.close()

    with transaction.atomic():
        GatewaySession.objects.select_for_update().get(pk=held.pk)
        worker = threading.Thread(target=other)
        worker.start()
        worker.join(timeout=10)
        assert not worker.is_alive()
    assert result["sessions"] == 1
    assert GatewaySession.objects.get() == held


def test_the_task_has_the_name_that_beat_calls(settings):
    assert settings.CELERY_BEAT_SCHEDULE["cleanup"]["task"] == tasks.cleanup.name
