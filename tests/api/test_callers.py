"""Who a caller counts as, for limits, lockouts and the audit trail: of what is said of it only a proxy is believed."""

from __future__ import annotations

import pytest
from django.core.cache import cache

from sessions_app.addresses import of_caller
from sessions_app.models import AuditEntry
from tests.rows import viewer

CLIENT = "198.51.100.7"


def counts_as(rf, remote, **headers):
    return of_caller(rf.get("/", REMOTE_ADDR=remote, headers=headers))


@pytest.mark.parametrize(
    "header", [{}, {"X-Forwarded-For": CLIENT}, {"Forwarded": f"for={CLIENT}"}, {"X-Real-IP": CLIENT}]
)
def test_without_a_proxy_it_is_the_connections_address(rf, header):
    assert counts_as(rf, "192.0.2.1", **header) == "192.0.2.1"
    assert counts_as(rf, "::ffff:192.0.2.1", **header) == "192.0.2.1"
    assert counts_as(rf, "fe80::1%eth0", **header) == "fe80::1"
    assert counts_as(rf, "", **header) is None


class TestBehindAProxy:
    @pytest.fixture(autouse=True)
    def proxy(self, settings):
        settings.HTTPS_ONLY = True

    def test_it_is_the_proxys_last_word(self, rf):
        assert counts_as(rf, "127.0.0.1", **{"X-Forwarded-For": CLIENT}) == CLIENT
        assert counts_as(rf, "::1", **{"X-Forwarded-For": f"203.0.113.9, 127.0.0.1, {CLIENT}"}) == CLIENT

    @pytest.mark.parametrize("word", ["", "nobody", "<script>", f"{CLIENT}, nobody"])
    def test_a_word_that_is_no_address_leaves_the_connections(self, rf, word):
        assert counts_as(rf, "127.0.0.1", **{"X-Forwarded-For": word}) == "127.0.0.1"

    def test_whoever_is_not_the_proxy_is_not_believed(self, rf, settings):
        assert counts_as(rf, "192.0.2.1", **{"X-Forwarded-For": CLIENT}) == "192.0.2.1"
        settings.TRUSTED_PROXIES = "192.0.2.0/24"
        assert counts_as(rf, "192.0.2.1", **{"X-Forwarded-For": CLIENT}) == CLIENT
        assert counts_as(rf, "127.0.0.1", **{"X-Forwarded-For": CLIENT}) == "127.0.0.1"

    @pytest.mark.parametrize(("address", "code"), [("127.0.0.1", 200), ("192.0.2.1", 301)])
    @pytest.mark.django_db
    def test_the_scheme_is_the_proxys_to_say_and_nobody_elses(self, client, settings, address, code):
        settings.SECURE_SSL_REDIRECT = True
        settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
        answer = client.get("/login/", REMOTE_ADDR=address, headers={"X-Forwarded-Proto": "https"})
        assert answer.status_code == code

    @pytest.mark.django_db
    def test_another_address_at_each_guess_is_no_way_around_the_limits(self, client, settings):
        cache.clear()
        settings.AXES_ENABLED = settings.SECURE_SSL_REDIRECT = False
        codes = [
            client.post(
                "/api/v1/token/",
                {"username": "vera", "password": "wrong"},
                REMOTE_ADDR="192.0.2.1",
                headers={"X-Forwarded-For": f"198.51.100.{number}"},
            ).status_code
            for number in range(12)
        ]
        assert codes[-1] == 429
        cache.clear()

    @pytest.mark.django_db
    def test_nor_around_the_lockout_of_the_login(self, client, settings):
        settings.AXES_ENABLED = True
        viewer()
        for number in range(8):
            answer = client.post(
                "/login/",
                {"username": "vera", "password": "wrong"},
                REMOTE_ADDR="192.0.2.1",
                headers={"X-Forwarded-For": f"198.51.100.{number}"},
            )
        assert answer.status_code == 429
        assert set(AuditEntry.objects.values_list("address", flat=True)) == {"192.0.2.1"}
