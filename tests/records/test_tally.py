"""Tallies of failures: at any moment, by whatever way, their sum is the number of failures."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from urllib.parse import parse_qsl

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import QueryDict
from django.utils import timezone

from sessions_app import tally, tasks
from sessions_app.cause import NO_CAUSE, Cause, LostWith, Side
from sessions_app.conf import GatewayConfig
from sessions_app.filters import MessageFilter, SetupFailureFilter
from sessions_app.groups import groups
from sessions_app.models import Acknowledgement, FailureTally, MessageRecord, SetupFailure
from tests.rows import ago, make_ended, make_failure, make_message, make_session, of_cause

pytestmark = pytest.mark.django_db

CAUSES = [
    Cause(Side.MSRP, "response", "481", 481),
    Cause(Side.MESSAGE, "sip", "486 Busy Here", 486),
    Cause(Side.MSRP, "sip", "486 Busy Here", 486, LostWith.SETUP),
    Cause(Side.GATEWAY, "expiry", "expired"),
    NO_CAUSE,
]
BROKEN = ["failed", "expired"]
WINDOWS = [timedelta(minutes=15), timedelta(hours=1), timedelta(days=1), timedelta(days=7), timedelta(days=30)]


def fail(session, cause=CAUSES[0], **values):
    return make_message(session, cause, **{"state": "failed", "sip_code": None, **values})


def told(since: timedelta = timedelta(days=1), *, unseen: bool = True) -> Counter:
    """Failures by kind, as the page has them."""
    found: Counter = Counter()
    for group in groups(since, timezone.now(), unseen=unseen):
        assert sum(group.bars) == group.count
        found[group.kind] += group.count
    return found


def there(since: timedelta = timedelta(days=1), *, unseen: bool = True) -> Counter:
    """Failures by kind, counted one by one."""
    begin = timezone.now() - since
    rows = [("setup", SetupFailure.objects.filter(created_at__gte=begin))]
    rows.append(("message", MessageRecord.objects.filter(state__in=BROKEN, received_at__gte=begin)))
    seen = Acknowledgement.objects.values("record")
    return +Counter({kind: (found.exclude(pk__in=seen) if unseen else found).count() for kind, found in rows})


class TestOneFailure:
    def test_is_counted_when_it_is_made(self):
        fail(make_session())
        make_failure()
        assert told() == {"message": 1, "setup": 1}

    def test_a_delivered_message_is_none(self):
        make_message(make_session())
        assert not FailureTally.objects.exists()

    def test_is_counted_when_a_message_that_waited_fails(self):
        message = make_message(make_session(), state="pending", finished_at=None)
        message.state, message.finished_at = "failed", timezone.now()
        for name, value in of_cause(CAUSES[1]).items():
            setattr(message, name, value)
        message.save()
        assert told() == {"message": 1}

    def test_is_none_any_more_once_a_retry_delivers_it(self):
        message = fail(make_session())
        MessageRecord.objects.filter(pk=message.pk).update(state="pending", finished_at=None)
        assert told() == {}
        delivered = {"state": "delivered", "finished_at": timezone.now(), **of_cause(NO_CAUSE)}
        MessageRecord.objects.filter(pk=message.pk).update(**delivered)
        assert told() == {}

    def test_moves_to_the_cause_of_its_next_try(self):
        message = fail(make_session())
        MessageRecord.objects.filter(pk=message.pk).update(**of_cause(CAUSES[1]))
        (group,) = groups(timedelta(days=1), timezone.now(), unseen=True)
        assert (group.count, group.key[:4]) == (1, ("message", "sip", 486, "486 Busy Here"))
        assert group.cause == CAUSES[1]

    @pytest.mark.parametrize(("name", "value"), [("side", "gateway"), ("layer", "report"), ("code", None)])
    def test_moves_with_each_part_of_its_cause(self, name, value):
        message = fail(make_session())
        MessageRecord.objects.filter(pk=message.pk).update(**{name: value})
        (group,) = groups(timedelta(days=1), timezone.now(), unseen=True)
        assert group.count == 1
        assert dict(zip(("side", "layer", "code"), group.key, strict=False))[name] == value

    @pytest.mark.parametrize("kind", ["message", "setup"])
    def test_that_is_acknowledged_is_counted_among_all_only(self, kind):
        record = fail(make_session()) if kind == "message" else make_failure()
        note = Acknowledgement.objects.create(record=record.pk, by="otto")
        assert told() == {}
        assert told(unseen=False) == {kind: 1}
        note.delete()
        assert told() == {kind: 1}

    def test_that_was_acknowledged_and_fails_again_stays_acknowledged(self):
        message = fail(make_session())
        Acknowledgement.objects.create(record=message.pk, by="otto")
        MessageRecord.objects.filter(pk=message.pk).update(state="pending", finished_at=None)
        MessageRecord.objects.filter(pk=message.pk).update(state="failed", finished_at=timezone.now())
        assert (told(), told(unseen=False)) == ({}, {"message": 1})

    def test_goes_with_its_row(self):
        fail(make_session()).delete()
        make_failure().delete()
        assert told(unseen=False) == {}


class TestTheCleanup:
    def test_that_deletes_old_records_takes_them_out(self):
        old = make_ended(created_at=ago(days=9), ended_at=ago(days=8))
        noted = fail(old, received_at=ago(days=8))
        Acknowledgement.objects.create(record=noted.pk, by="otto")
        make_failure(old, created_at=ago(days=8))
        fail(make_session())
        assert told(timedelta(days=30), unseen=False) == {"message": 2, "setup": 1}
        tasks.purge(GatewayConfig(retention_days=7), timezone.now())
        tally.merge(timezone.now())
        assert told(timedelta(days=30), unseen=False) == told(timedelta(days=30)) == {"message": 1}
        assert FailureTally.objects.count() == 1
        assert not Acknowledgement.objects.exists()

    def test_puts_an_hour_into_one_row_a_cause_and_keeps_recent_slots_apart(self):
        session = make_session()
        hour = tally.floor(timezone.now(), tally.HOUR) - timedelta(hours=5)
        for minute in range(0, 60, 5):
            fail(session, received_at=hour + timedelta(minutes=minute))
        slot = tally.floor(timezone.now(), tally.SLOT)
        for back in range(3):
            fail(session, received_at=slot - back * tally.SLOT)
        tally.merge(timezone.now())
        assert FailureTally.objects.filter(slot=hour).get().number == 12
        assert FailureTally.objects.filter(slot__gt=hour + tally.HOUR).count() == 3

    def test_runs_with_the_rest(self):
        fail(make_session())
        fail(make_session())
        tasks.cleanup()
        assert FailureTally.objects.get().number == 2


class TestWhateverHappens:
    @pytest.mark.parametrize("seed", range(4))
    def test_the_numbers_are_those_of_the_rows(self, seed):
        dice = random.Random(seed)
        session = make_session(to_uri="sip:bob@example.net")
        records: list = []
        for _ in range(150):
            match dice.randrange(8):
                case 0 | 1:
                    at = timezone.now() - timedelta(hours=dice.choice([0.1, 0.9, 3, 23.5, 24.5, 200]) * dice.random())
                    state = dice.choice(BROKEN)
                    to_uri = f"sip:bob@{dice.choice(['a', 'b'])}.example.net"
                    records.append(fail(session, dice.choice(CAUSES), received_at=at, state=state, to_uri=to_uri))
                case 2:
                    code, reason = dice.choice([(486, "Busy Here"), (None, None)])
                    at = timezone.now() - timedelta(hours=48 * dice.random())
                    records.append(make_failure(created_at=at, code=code, reason=reason))
                case 3 if records:
                    Acknowledgement.objects.get_or_create(record=dice.choice(records).pk, defaults={"by": "otto"})
                case 4 if records:
                    Acknowledgement.objects.filter(record=dice.choice(records).pk).delete()
                case 5 if records:
                    state = dice.choice(["failed", "expired", "delivered", "pending"])
                    finished = None if state == "pending" else timezone.now()
                    MessageRecord.objects.filter(pk=dice.choice(records).pk).update(state=state, finished_at=finished)
                case 6 if records:
                    records.pop(dice.randrange(len(records))).delete()
                case 7:
                    tally.merge(timezone.now())
        for since in WINDOWS:
            for unseen in (True, False):
                assert told(since, unseen=unseen) == there(since, unseen=unseen), (since, unseen)

    def test_each_number_leads_to_as_many_rows(self):
        session = make_session(to_uri="sip:bob@example.net")
        for cause in (*CAUSES[:4], CAUSES[0]):
            fail(session, cause)
        # What differs from the others in one part of the cause only, and what is one group with another.
        fail(session, Cause(Side.MSRP, "report", "481", 481))
        fail(session, Cause(Side.MSRP, "response", "481", 408))
        fail(session, Cause(Side.MSRP, "response", "481"))
        fail(session, Cause(Side.GATEWAY, "response", "481", 481))
        fail(session, CAUSES[0], direction="to_page")
        fail(session, CAUSES[3], state="expired")
        fail(session, Cause(Side.MSRP, "response", "481", 481, LostWith.SESSION))
        make_message(session, CAUSES[0], state="accepted")
        make_failure()
        make_failure(code=None, reason=None)
        Acknowledgement.objects.create(record=fail(session).pk, by="otto")
        for group in groups(timedelta(days=1), timezone.now(), unseen=True):
            kind = SetupFailureFilter if group.kind == "setup" else MessageFilter
            assert dict(parse_qsl(group.address))["acknowledged"] == "false"
            found = kind(QueryDict(group.address)).qs.order_by(*kind.orders[""][1])
            assert found.count() == group.count, group
            assert found.first().pk == group.latest_id

    def test_made_up_records_are_counted_by_the_same_triggers(self):
        call_command("seed_demo", sessions=600, messages=6000, days=1)
        assert told(timedelta(days=7)) == there(timedelta(days=7))
        assert not FailureTally.objects.filter(merged=False).exists()


@pytest.mark.django_db(transaction=True)
class TestTheMigrations:
    def test_go_back_and_count_what_is_there_on_their_way_forward(self):
        fail(make_session())
        Acknowledgement.objects.create(record=fail(make_session()).pk, by="otto")
        make_failure()
        try:
            MigrationExecutor(connection).migrate([("sessions_app", "0030_trace")])
            with connection.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM pg_proc WHERE proname LIKE 'parley_tally%'")
                assert cursor.fetchone() == (0,)
        finally:
            executor = MigrationExecutor(connection)
            executor.migrate(executor.loader.graph.leaf_nodes())
        assert told() == {"message": 1, "setup": 1}
        assert told(unseen=False) == {"message": 2, "setup": 1}

    def test_emptied_tables_have_no_failures(self):
        fail(make_session())
        make_failure()
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE sessions_app_messagerecord, sessions_app_setupfailure")
        assert not FailureTally.objects.exists()
