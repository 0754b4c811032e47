"""The database that the tests and the gateway get without setting anything."""

import pytest
from django.contrib.auth import get_user_model
from django.db import connection


@pytest.mark.django_db
def test_a_record_is_written_and_read_back():
    get_user_model().objects.create_user("ada")
    assert get_user_model().objects.get().get_username() == "ada"


@pytest.mark.django_db
def test_the_database_speaks_utf8_and_keeps_what_it_committed():
    with connection.cursor() as cursor:
        for name, wanted in {"server_encoding": "UTF8", "fsync": "on", "synchronous_commit": "on"}.items():
            cursor.execute(f"SHOW {name}")
            assert cursor.fetchone() == (wanted,)
