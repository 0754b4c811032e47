"""Pages for what went wrong: they ask no database, say what to do, and lead somewhere."""

from __future__ import annotations

import pytest
from django.db import OperationalError
from django.test import Client

from sessions_app.pages.trouble import server_error
from tests.rows import operator


def answer_to(error: Exception, rf):
    try:
        raise error
    except type(error):
        return server_error(rf.get("/sessions/?q=bob"))


def test_without_the_database_a_page_is_503_and_can_be_asked_for_again(rf):
    answer = answer_to(OperationalError("connection refused"), rf)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    text = answer.content.decode()
    assert "The database is away" in text
    assert 'href="/sessions/?q=bob"' in text


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
