"""Made-up records: as many as asked, all of them as the database wants them."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from sessions_app.management.commands import seed_demo
from sessions_app.models import GatewaySession, MessageRecord, SessionEvent, SetupFailure, Traffic

pytestmark = pytest.mark.django_db


def test_fills_an_empty_database_with_about_what_was_asked():
    out = StringIO()
    call_command("seed_demo", sessions=400, messages=3000, days=1, stdout=out, stderr=StringIO())
    assert GatewaySession.objects.count() == 400
    assert 2000 < MessageRecord.objects.count() < 4000
    assert SetupFailure.objects.exists()
    assert SessionEvent.objects.exists()
    assert Traffic.objects.exists()
    assert GatewaySession.objects.filter(ended_at=None).exists()
    assert "400 sessions" in out.getvalue()


def test_leaves_records_that_are_there_alone():
    call_command("seed_demo", sessions=5, messages=5, stderr=StringIO(), stdout=StringIO())
    with pytest.raises(CommandError, match="--force"):
        call_command("seed_demo", sessions=5, messages=5)


#: Not their conditions: PostgreSQL writes the same one in other words the second time.
INDEXES = """
SELECT indexname, split_part(indexdef, ' WHERE ', 1),
       (SELECT array_agg(attstattarget::text) FROM pg_attribute WHERE attrelid = indexname::regclass)
  FROM pg_indexes WHERE tablename LIKE 'sessions_app_%' ORDER BY 1
"""


def indexes() -> list[tuple[str, str, list[str] | None]]:
    with connection.cursor() as cursor:
        cursor.execute(INDEXES)
        return cursor.fetchall()


def test_many_are_written_without_indexes_and_all_of_these_are_built_again(monkeypatch):
    monkeypatch.setattr(seed_demo, "MANY", 10)
    before, out = indexes(), StringIO()
    call_command("seed_demo", sessions=100, messages=1000, busiest=200, stdout=StringIO(), stderr=out)
    assert indexes() == before
    assert "indexes" in out.getvalue()
    assert GatewaySession.objects.count() == 101
    busiest = GatewaySession.objects.get(route="busiest")
    assert (busiest.messages.count(), busiest.frames.count()) == (200, 20)
    assert busiest.to_msrp + busiest.to_page + busiest.undelivered == 200


@pytest.mark.django_db(transaction=True)
def test_filling_that_is_broken_off_leaves_the_tables_as_they_were(monkeypatch):
    def broken(*values):
        raise RuntimeError("broken off")

    monkeypatch.setattr(seed_demo, "MANY", 10)
    monkeypatch.setattr(seed_demo.demo, "busiest", broken)
    before = indexes()
    with pytest.raises(RuntimeError, match="broken off"):
        call_command("seed_demo", sessions=100, messages=1000, busiest=200, stdout=StringIO(), stderr=StringIO())
    assert indexes() == before
    assert not GatewaySession.objects.exists()
