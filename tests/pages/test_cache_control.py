"""What says who talked with whom is kept by no cache and on no browser's disk; static files speak for themselves."""

from __future__ import annotations

import pytest
from django.db import OperationalError
from django.http import HttpResponse
from django.test import Client

from sessions_app.policy import NoStore
from tests.pages.test_admin_permissions import addresses, rows  # noqa: F401 - a fixture
from tests.pages.test_permissions import TABLE, ask, ids  # noqa: F401 - a fixture
from tests.pages.who import WHO
from tests.rows import make_user

pytestmark = pytest.mark.django_db
STATIC = "/static/sessions_app/pages.css"


def kept(answer) -> bool:
    return "no-store" not in answer.get("Cache-Control", "")


@pytest.mark.parametrize("who", ["stranger", "nobody", "viewer", "reader", "operator", "administrator"])
def test_nothing_that_anybody_can_ask_for_is_kept(client, ids, who):  # noqa: F811
    """Pages, exports, frames, REST, streams, probes, and whatever they refuse."""
    user = WHO[who]()
    for method, address, data, _ in TABLE:
        if who != "stranger":
            client.force_login(user)
        answer = ask(client, method, address.format(**ids), data)
        assert not kept(answer), f"{method} {address}: {answer.status_code} {answer.get('Cache-Control')}"


def test_nothing_of_the_admin_is_kept(client, rows):  # noqa: F811
    client.force_login(make_user("root", is_staff=True, is_superuser=True))
    for method, address, _ in addresses(rows):
        if address != "/admin/logout/":
            answer = getattr(client, method)(address)
            assert not kept(answer), f"{method} {address}: {answer.status_code} {answer.get('Cache-Control')}"


def test_a_record_that_a_program_knows_already_is_still_304(client, ids):  # noqa: F811
    client.force_login(WHO["viewer"]())
    for address in ("/api/v1/sessions/", f"/api/v1/sessions/{ids['session']}/"):
        first = client.get(address)
        again = client.get(address, headers={"If-None-Match": first["ETag"]})
        assert again.status_code == 304
        assert not kept(first)
        assert not kept(again)


class TestWhatGoesWrong:
    def test_is_not_kept_either(self, client, settings, monkeypatch):
        def away(*_: object, **__: object) -> None:
            raise OperationalError("away")

        client.force_login(WHO["viewer"]())
        client.raise_request_exception = False
        answers = [
            client.get("/nothing"),
            client.get("/static/nothing.css"),
            client.get("/api/v1/nothing/"),
            client.get("/", headers={"Host": "evil.example"}),
            client.generic("POST", "/login/", b"x", content_type="multipart/form-data; charset=bz2"),
            Client(enforce_csrf_checks=True).post("/login/", {}),
            client.delete("/mi", headers={"Origin": "http://evil.example"}),
            client.delete("/mi"),
        ]
        monkeypatch.setattr("sessions_app.pages.sessions.SessionList.get_context_data", away)
        answers.append(client.get("/sessions/"))
        settings.SECURE_SSL_REDIRECT = True
        answers.append(Client().get("/sessions/"))
        assert [answer.status_code for answer in answers] == [404, 404, 404, 400, 400, 403, 403, 405, 503, 301]
        assert not any(kept(answer) for answer in answers)


def test_static_files_say_themselves_how_long_they_are_good_for(client):
    for headers in ({}, {"Range": "bytes=0-10"}, {"If-Modified-Since": client.get(STATIC)["Last-Modified"]}):
        answer = client.get(STATIC, headers=headers)
        assert answer.status_code in (200, 206, 304)
        assert "public" in answer["Cache-Control"]


@pytest.mark.parametrize("said", ["public, max-age=3600", "private", "no-cache", "max-age=0, no-store"])
def test_a_view_that_allows_more_is_overruled(rf, said):
    answer = NoStore(lambda request: HttpResponse(headers={"Cache-Control": said}))(rf.get("/sessions/"))
    assert answer["Cache-Control"] == (said if "no-store" in said else "no-store")
