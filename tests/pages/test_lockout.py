"""Guessing passwords is throttled, for one name from one address, and told."""

from __future__ import annotations

import pytest
from django.core.cache import cache

from sessions_app.models import AuditEntry
from tests.rows import viewer

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def throttled(settings):
    settings.AXES_ENABLED = True
    cache.clear()


def guess(client, password: str, name: str = "vera", **extra):
    return client.post("/login/", {"username": name, "password": password}, **extra)


def test_after_eight_wrong_passwords_the_right_one_does_not_help_either(client):
    viewer()
    for number in range(8):
        answer = guess(client, f"wrong {number}")
    assert answer.status_code == 429
    assert "Too many tries" in answer.content.decode()
    assert answer["Retry-After"] == "900"
    assert guess(client, "secret").status_code == 429
    assert AuditEntry.objects.filter(action="log_in_failed", who="vera").count() >= 8


def test_others_and_other_addresses_are_not_locked_out(client):
    viewer()
    viewer("otis")
    for number in range(8):
        guess(client, f"wrong {number}")
    assert guess(client, "secret", name="otis").status_code == 302
    assert guess(client, "secret", REMOTE_ADDR="192.0.2.9").status_code == 302


def test_a_right_password_forgives_the_wrong_ones(client):
    viewer()
    for _ in range(3):
        for number in range(6):
            guess(client, f"wrong {number}")
        assert guess(client, "secret").status_code == 302
        client.post("/logout/")


def test_basic_authentication_of_the_api_is_throttled_too(client):
    import base64

    viewer()
    wrong = base64.b64encode(b"vera:wrong").decode()
    right = base64.b64encode(b"vera:secret").decode()
    for _ in range(8):
        client.get("/api/v1/sessions/", headers={"Authorization": f"Basic {wrong}"})
    assert client.get("/api/v1/sessions/", headers={"Authorization": f"Basic {right}"}).status_code in (401, 403, 429)
