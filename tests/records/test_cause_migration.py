"""The migrations that make columns of the text that causes were, and text of the columns again."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from sessions_app import tally
from sessions_app.groups import groups
from sessions_app.models import FailureTally, MessageRecord
from tests.rows import make_message, make_session

BEFORE = [("sessions_app", "0036_way_back")]

FORMS = [
    # detail, other columns, (side, layer, code, lost_with, detail)
    ("msrp side, response: 481 No session", {"msrp_code": 481}, ("msrp", "response", 481, "", "481 No session")),
    ("msrp side, timeout: no answer", {}, ("msrp", "timeout", None, "", "no answer")),
    ("msrp side, type: type not accepted: image/png", {}, ("msrp", "type", None, "", "type not accepted: image/png")),
    (
        "msrp side, report: REPORT 413 Too large",
        {"msrp_code": 413},
        ("msrp", "report", 413, "", "REPORT 413 Too large"),
    ),
    ("REPORT 408", {"confirmation": "REPORT 408"}, ("msrp", "report", 408, "", "REPORT 408")),
    ("IMDN failed", {"confirmation": "IMDN failed"}, ("msrp", "imdn", None, "", "IMDN failed")),
    (
        "IMDN error",
        {"confirmation": "IMDN error", "direction": "to_page", "sip_code": 202},
        ("message", "imdn", None, "", "IMDN error"),
    ),
    ("message side, sip: 486 Busy Here", {"sip_code": 486}, ("message", "sip", 486, "", "486 Busy Here")),
    (
        "message side, sip: 413 Too large, part 2 of 3",
        {"sip_code": 413},
        ("message", "sip", 413, "", "413 Too large, part 2 of 3"),
    ),
    ("message side, type: it takes none", {"sip_code": 415}, ("message", "type", 415, "", "it takes none")),
    ("message side, timer: no answer in 300 s", {}, ("message", "timer", None, "", "no answer in 300 s")),
    (
        "message side, destination: udp:192.0.2.1:486 is not permitted",
        {},
        ("message", "destination", None, "", "udp:192.0.2.1:486 is not permitted"),
    ),
    (
        "message side, sip: 482, it had come before the restart",
        {"state": "accepted", "sip_code": 482},
        ("message", "sip", 482, "", "482, it had come before the restart"),
    ),
    (
        "set-up failed: msrp side, sip: 486 Busy: at lunch",
        {"sip_code": 480},
        ("msrp", "sip", 486, "setup", "486 Busy: at lunch"),
    ),
    (
        "set-up failed: msrp side, sip: no ACK to our 200 in 32 s",
        {"sip_code": 500},
        ("msrp", "sip", None, "setup", "no ACK to our 200 in 32 s"),
    ),
    (
        "set-up failed: msrp side, tcp: connection refused (192.0.2.1:404)",
        {"sip_code": 500},
        ("msrp", "tcp", None, "setup", "connection refused (192.0.2.1:404)"),
    ),
    (
        "gateway, session: BYE from the MSRP side",
        {"sip_code": 480},
        ("gateway", "session", None, "session", "BYE from the MSRP side"),
    ),
    (
        "gateway, session: msrp side, sip: re-INVITE: 488 No",
        {"sip_code": 480},
        ("msrp", "sip", 488, "session", "re-INVITE: 488 No"),
    ),
    (
        "gateway, session: msrp side, report: REPORT 481",
        {"sip_code": 480},
        ("msrp", "report", 481, "session", "REPORT 481"),
    ),
    ("gateway, queue: full", {"sip_code": 480}, ("gateway", "queue", None, "", "full")),
    ("gateway, queue: expired", {"state": "expired", "sip_code": 480}, ("gateway", "expiry", None, "", "expired")),
    (
        "message side, queue: expired",
        {"state": "expired", "msrp_code": 408},
        ("message", "expiry", None, "", "expired"),
    ),
    ("two\nlines of nothing known", {}, ("gateway", "other", None, "", "two\nlines of nothing known")),
    ("", {}, ("gateway", "other", None, "", "")),
    ("", {"state": "expired"}, ("gateway", "expiry", None, "", "")),
    (
        "message side, sip: 400 " + "é" * 231 + "…",
        {"sip_code": 400},
        ("message", "sip", 400, "", "400 " + "é" * 231 + "…"),
    ),
    (
        "a relay took it, no REPORT in 30 s",
        {"state": "accepted"},
        ("", "", None, "", "a relay took it, no REPORT in 30 s"),
    ),
    ("", {"state": "delivered", "sip_code": 200, "msrp_code": 200}, ("", "", None, "", "")),
    ("", {"state": "pending", "finished_at": None}, ("", "", None, "", "")),
]
COLUMNS = ("side", "layer", "code", "lost_with", "detail")


def back() -> None:
    MigrationExecutor(connection).migrate(BEFORE)


def forward() -> None:
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


def texts() -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id::text, detail FROM sessions_app_messagerecord")
        return dict(cursor.fetchall())


@pytest.mark.django_db(transaction=True)
def test_every_form_of_the_text_becomes_columns_and_is_the_same_text_after_going_back() -> None:
    session = make_session()
    made = []
    for detail, values, _ in FORMS:
        row = {"state": "failed", "sip_code": None, "msrp_code": None, "detail": detail, **values}
        made.append(str(make_message(session, **row).pk))
    old = dict(zip(made, (detail for detail, *_ in FORMS), strict=True))
    try:
        with connection.cursor() as cursor:  # as the rows were before there were columns for it
            cursor.execute("UPDATE sessions_app_messagerecord SET side = ''")
        back()
        assert texts() == old
        with connection.cursor() as cursor:
            cursor.execute("SELECT DISTINCT side FROM sessions_app_failuretally WHERE kind = 'message'")
            assert {side for (side,) in cursor.fetchall()} == {"to_msrp", "to_page"}
        forward()
        rows = {str(pk): tuple(values) for pk, *values in MessageRecord.objects.values_list("pk", *COLUMNS)}
        assert [rows[name] for name in made] == [columns for *_, columns in FORMS]
        now = timezone.now()
        failed = sum(group.count for group in groups(tally.HOUR, now, unseen=True))
        assert failed == MessageRecord.objects.filter(state__in=["failed", "expired"]).count()
        assert set(FailureTally.objects.values_list("side", flat=True)) == {"msrp", "message", "gateway"}
        assert [str(MessageRecord.objects.get(pk=name).cause) for name in made[:2]] == [old[name] for name in made[:2]]
        back()
        assert texts() == old
    finally:
        forward()


@pytest.mark.django_db(transaction=True)
def test_what_is_too_long_with_its_prefix_is_cut_on_the_way_back() -> None:
    message = make_message(
        make_session(), state="failed", side="msrp", layer="sip", lost_with="setup", detail="x" * 255
    )
    try:
        back()
        assert texts()[str(message.pk)] == f"set-up failed: msrp side, sip: {'x' * 223}…"
    finally:
        forward()


@pytest.mark.django_db(transaction=True)
def test_a_failure_is_counted_by_its_columns_or_by_its_direction_whichever_there_are() -> None:
    session = make_session()
    try:
        back()
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO sessions_app_messagerecord (id, session_id, direction, state, from_uri, to_uri, call_id,"
                " message_id, content_type, size, received_at, finished_at, detail) VALUES (gen_random_uuid(), %s,"
                " 'to_msrp', 'failed', 'sip:a@x', 'sip:b@y', '', '', '', 0, now(), now(), 'gateway, queue: full')",
                [session.pk],
            )
            cursor.execute(
                "SELECT side, layer, code, what, sum(number) FROM sessions_app_failuretally GROUP BY 1, 2, 3, 4"
            )
            assert cursor.fetchall() == [("to_msrp", "failed", None, "gateway, queue: full", 1)]
        forward()
        MessageRecord.objects.update(detail="fuller")
        (group,) = groups(tally.HOUR, timezone.now(), unseen=True)
        assert (group.count, group.key[:4]) == (1, ("gateway", "queue", None, "fuller"))
    finally:
        forward()
