"""Pages for what went wrong: they ask no database, say what to do, and lead somewhere."""

from __future__ import annotations

import errno
import json

import pytest
from django.db import OperationalError
from django.test import Client
from psycopg import errors

from sessions_app import shortage
from sessions_app.pages.trouble import server_error
from tests.rows import operator


def answer_to(error: Exception, rf, address: str = "/sessions/?q=bob"):
    try:
        raise error
    except type(error):
        return server_error(rf.get(address))


def test_without_the_database_a_page_is_503_and_can_be_asked_for_again(rf):
    answer = answer_to(OperationalError("connection refused"), rf)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    text = answer.content.decode()
    assert "The database is away" in text
    assert 'href="/sessions/?q=bob"' in text


@pytest.mark.parametrize(
    "error",
    [OSError(errno.EMFILE, "x"), OSError(errno.ENFILE, "x"), MemoryError(), errors.DiskFull("x")],
    ids=repr,
)
def test_what_the_server_has_run_out_of_is_no_database_that_is_away(rf, caplog, error):
    answer = answer_to(error, rf)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    text = answer.content.decode()
    assert "The server has reached a limit" in text
    assert "away" not in text
    assert shortage.of(error) in caplog.text  # what to do about it is for whoever runs the server
    assert shortage.of(error) not in text


def test_a_fault_of_a_query_is_no_database_that_is_away(rf):
    error = OperationalError("deadlock")
    error.__cause__ = errors.DeadlockDetected("deadlock")
    assert answer_to(error, rf).status_code == 500


def test_without_even_its_template_the_page_is_there(rf, monkeypatch):
    def none_left(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "x")

    monkeypatch.setattr("sessions_app.pages.trouble.render_to_string", none_left)
    answer = answer_to(OSError(errno.EMFILE, "x"), rf, "/sessions/?q=<script>")
    text = answer.content.decode()
    assert answer.status_code == 503
    assert "The server has reached a limit" in text
    assert "<script>" not in text


@pytest.mark.parametrize(
    ("error", "status", "detail"),
    [
        (OperationalError("x"), 503, "The database is away."),
        (OSError(errno.EMFILE, "x"), 503, "The server has reached a limit."),
        (ValueError("a secret"), 500, "That went wrong."),
    ],
    ids=repr,
)
def test_in_the_api_each_of_them_is_a_problem(rf, error, status, detail):
    answer = answer_to(error, rf, "/api/v1/sessions/")
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    assert (json.loads(answer.content)["status"], json.loads(answer.content)["detail"]) == (status, detail)


def test_any_other_fault_is_500_and_tells_nothing_of_itself(rf):
    answer = answer_to(ValueError("a secret"), rf)
    assert answer.status_code == 500
    text = answer.content.decode()
    assert "That went wrong" in text
    assert "a secret" not in text


@pytest.mark.django_db
def test_a_form_without_its_token_is_refused_in_words():
    client = Client(enforce_csrf_checks=True)
    client.force_login(operator())
    answer = client.post("/logout/")
    assert answer.status_code == 403
    assert "This form is too old" in answer.content.decode()
