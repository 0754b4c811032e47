"""/healthz and /readyz: asked by machines, without a login."""

from __future__ import annotations

import pytest
from django.db import connections

from sessions_app import __version__
from tests.rows import ago, make_node


def test_healthz_asks_no_database(client):
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "version": __version__})


@pytest.mark.django_db
class TestReadyz:
    def test_is_200_when_the_database_is_there_and_migrated(self, client):
        answer = client.get("/readyz")
        assert answer.status_code == 200
        assert answer.json() == {"ready": True, "checks": {"database": "ok", "migrations": "ok", "gateway": "ok"}}

    def test_is_503_without_the_database(self, client, monkeypatch):
        from django.db import OperationalError

        def away(*_: object, **__: object) -> None:
            raise OperationalError("away")

        monkeypatch.setattr(connections["default"], "cursor", away)
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["checks"] == {"database": "not reachable"}

    def test_is_503_while_migrations_are_missing(self, client, monkeypatch):
        monkeypatch.setattr("sessions_app.probes._all_migrated", lambda: False)
        assert client.get("/readyz").status_code == 503

    @pytest.mark.parametrize(
        ("values", "status"),
        [({}, 200), ({"heartbeat_at": ago(minutes=2)}, 503), ({"stopped_at": ago(seconds=1)}, 503)],
    )
    def test_tells_whether_the_gateway_beats(self, client, settings, values, status):
        make_node(settings.GATEWAY_NODE_NAME, **values)
        assert client.get("/readyz").status_code == status
