"""Made-up records: as many as asked, all of them as the database wants them."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

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
