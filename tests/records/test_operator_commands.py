"""manage.py for operators: lists as a table and as JSON, and what a name finds."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from sessions_app.cause import Cause, Side
from sessions_app.models import AuditEntry, NodeCommand
from tests.rows import make_ended, make_event, make_failure, make_message, make_node, make_session

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nobody_waits(monkeypatch):
    monkeypatch.setattr("sessions_app.commands.wait", lambda command, seconds: False)


def run(*command, **options) -> str:
    out = StringIO()
    call_command(*command, stdout=out, stderr=StringIO(), **options)
    return out.getvalue()


def test_sessions_are_listed_by_the_filters_of_the_page():
    make_session()
    wanted = make_session(from_uri="sip:carol@example.org", undelivered=2)
    assert "sip:carol@example.org" in run("sessions", "carol")
    assert "alice" not in run("sessions", "carol")
    rows = json.loads(run("sessions", "--outcome", "undelivered", "--json"))
    assert [row["id"] for row in rows] == [str(wanted.pk)]
    assert run("sessions", "nobody").strip() == "None."
    with pytest.raises(CommandError, match="q:"):
        run("sessions", "x")


def test_a_session_is_shown_with_steps_and_messages():
    session = make_session(key="the key")
    make_event(session, "invite_sent", detail="udp 192.0.2.7:5070")
    make_message(session, Cause(Side.MSRP, "msrp", "481", 481), state="failed")
    for name in (str(session.pk), "the key", "he ke"):
        text = run("session", name)
        assert "invite_sent udp 192.0.2.7:5070" in text
        assert "failed" in text
        assert "msrp side, msrp: 481" in text
    document = json.loads(run("session", "the key", "--json"))
    assert (len(document["messages"]), len(document["events"])) == (1, 1)
    with pytest.raises(CommandError, match="No session"):
        run("session", "nothing like it")


def test_an_end_is_a_command_and_audited():
    session = make_session()
    assert "has been asked" in run("end", str(session.pk))
    assert NodeCommand.objects.get().verb == "end_session"
    assert AuditEntry.objects.get().target == str(session.pk)
    with pytest.raises(CommandError, match="ended already"):
        run("end", str(make_ended().pk))


def test_failures_by_cause_and_one_by_one():
    make_failure()
    make_failure()
    make_message(make_session(), Cause(Side.MESSAGE, "sip", "404 Not Found", 404), state="failed")
    text = run("failures")
    assert "2  " in text
    assert "is busy (486)" in text
    rows = json.loads(run("failures", "--json"))
    assert {(row["count"], row["code"]) for row in rows} == {(2, 486), (1, 404)}
    assert all(row["try"] for row in rows)
    each = json.loads(run("failures", "--each", "--json"))
    assert len(each) == 3
    assert "message side, sip: 404 Not Found" in {row["detail"] for row in each}


def test_a_retry_needs_a_message_with_its_body_and_a_node():
    message = make_message(make_session(), state="failed", body=b"x")
    with pytest.raises(CommandError, match="No gateway process"):
        run("retry", str(message.pk))
    make_node()
    assert "asked" in run("retry", "--failed-since", "1h")
    assert NodeCommand.objects.get().argument["message"] == str(message.pk)
    with pytest.raises(CommandError, match="Name messages"):
        run("retry")


def test_a_message_that_nobody_takes_says_why(monkeypatch):
    make_node()

    def refused(command, seconds):
        command.result = "not sent: no route takes this message"
        return True

    monkeypatch.setattr("sessions_app.commands.wait", refused)
    with pytest.raises(CommandError, match="no route"):
        run("send", "sip:a@x", "sip:b@y", "hello")
