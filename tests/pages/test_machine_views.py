"""Every view that asks nobody to log in, found by code: what it is, and who is kept from it by what."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import resolve
from rest_framework.authentication import SessionAuthentication, TokenAuthentication
from rest_framework.views import APIView

from sessions_app import __version__, machines
from sessions_app.api import problems
from sessions_app.api.authentication import BasicAuthentication
from tests.pages.test_permissions import TABLE, ids  # noqa: F401 - a fixture
from tests.pages.who import routes

pytestmark = pytest.mark.django_db
PRODUCT = Path(machines.__file__).parent

FOR_ANYBODY = {"/login/", "/logout/", "/api/v1/token/", "/api/schema/", "/api/docs/", "/healthz", "/readyz"}
"""What a stranger may ask from anywhere: how to log in, what there is, whether the process does."""
FOR_MACHINES = {"/metrics", "/mi"}
COMMAND = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "which"})

PAGES = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "https://testserver"},
    {"Origin": "http://testserver:8080"},
    {"Origin": "http://testserver.evil.example"},
    {"Origin": "http://testserver", "Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
]
"""What a browser says of a page that is not ours."""
PROXIES = [
    {"X-Forwarded-For": "127.0.0.1"},
    {"X-Forwarded-Proto": "http"},
    {"X-Forwarded-Host": "testserver"},
    {"X-Forwarded-Port": "80"},
    {"X-Forwarded": "for=127.0.0.1"},
    {"X-Real-IP": "127.0.0.1"},
    {"Forwarded": "for=127.0.0.1"},
    {"Via": "1.1 proxy"},
    {"X-Client-IP": "127.0.0.1"},
    {"True-Client-IP": "127.0.0.1"},
    {"CF-Connecting-IP": "127.0.0.1"},
    {"X-Original-Host": "testserver"},
    {"CDN-Loop": "x"},
]
FOREIGN = [*PAGES, *PROXIES]


def ask(client: Client, address: str, **extra: Any) -> Any:
    if address == "/mi":
        return client.post(address, COMMAND, content_type="application/json", **extra)
    return client.get(address, **extra)


def test_a_stranger_gets_to_what_is_for_anybody_and_to_what_is_for_machines_and_nowhere_else():
    assert {address for _, address, _, who in TABLE if "stranger" in who} == FOR_ANYBODY | FOR_MACHINES
    marked = {f"/{route}" for route, view in routes() if hasattr(view, "for_machines")}
    assert marked == FOR_MACHINES


def test_no_view_is_without_a_csrf_token_but_those_that_no_page_can_use():
    """A view of REST framework's is one, where a browser's own credentials open it: its cookie, its password."""
    safe = {TokenAuthentication, SessionAuthentication, BasicAuthentication}
    for route, view in routes():
        if not getattr(view, "csrf_exempt", False) or hasattr(view, "for_machines") or view is problems.not_found:
            continue
        rest = view.cls
        assert issubclass(rest, APIView), route
        assert set(rest.authentication_classes) <= safe, route
        if not rest.authentication_classes:
            assert route == "api/v1/token/", f"{route} has no login: it must refuse the pages of others, and be here"


def test_addresses_origins_and_exemptions_are_judged_in_one_place_each():
    """Whoever needs one of them calls the module that has it; a second place would be a second rule."""
    homes = {
        "REMOTE_ADDR": {"addresses.py"},
        "FORWARDED": {"addresses.py"},
        "csrf_exempt": {"machines.py", "problems.py"},
        "Sec-Fetch": {"origins.py"},
    }
    for word, home in homes.items():
        found = {path.name for path in PRODUCT.rglob("*.py") if word in path.read_text()}
        assert found == home, word


@pytest.mark.parametrize("address", sorted(FOR_MACHINES))
class TestAViewForMachines:
    @pytest.mark.parametrize("headers", FOREIGN, ids=str)
    def test_refuses_what_a_page_or_a_proxy_is_behind(self, client, address, headers):
        assert ask(client, address, headers=headers).status_code == 403

    @pytest.mark.parametrize("headers", [{}, {"Origin": "http://testserver"}, {"Sec-Fetch-Site": "none"},
                                         {"Sec-Fetch-Site": "same-origin"}], ids=str)  # fmt: skip
    def test_answers_a_program_and_what_a_person_typed(self, client, address, headers):
        assert ask(client, address, headers=headers).status_code == 200

    def test_is_for_loopback_alone_unless_its_setting_says_otherwise(self, client, settings, address):
        for here in ("127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"):
            assert ask(client, address, REMOTE_ADDR=here).status_code == 200
        for elsewhere in ("192.0.2.7", "2001:db8::1", "::ffff:192.0.2.7", "", "localhost"):
            assert ask(client, address, REMOTE_ADDR=elsewhere).status_code == 403
        networks, _ = resolve(address).func.for_machines
        setattr(settings, f"GATEWAY_{networks.upper()}", "192.0.2.0/24, 2001:db8::/32")
        assert ask(client, address, REMOTE_ADDR="192.0.2.7").status_code == 200
        assert ask(client, address, REMOTE_ADDR="2001:db8::1").status_code == 200
        assert ask(client, address, REMOTE_ADDR="127.0.0.1").status_code == 403

    def test_is_not_reached_by_a_name_that_a_page_has_made_mean_this_machine(self, client, settings, address):
        assert ask(client, address, headers={"Host": "evil.example"}).status_code == 400
        settings.ALLOWED_HOSTS = ["*"]
        rebound = {"Host": "evil.example", "Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"}
        assert ask(client, address, headers=rebound).status_code == 403
        for host in ("127.0.0.1:8000", "[::1]:8000", "localhost", "192.0.2.1"):
            assert ask(client, address, headers={"Host": host}).status_code == 200, host

    def test_asks_for_its_token_beside_the_address_where_there_is_one(self, client, settings, address):
        _, token = resolve(address).func.for_machines
        setattr(settings, f"GATEWAY_{token.upper()}", "0123456789abcdef")
        missing = ask(client, address)
        assert (missing.status_code, missing["WWW-Authenticate"]) == (401, "Bearer")
        for wrong in ("Bearer 0123456789abcdeX", "Bearer", "Basic 0123456789abcdef", "Bearer ÿ", "0123456789abcdef"):
            assert ask(client, address, headers={"Authorization": wrong}).status_code == 401, wrong
        right = {"Authorization": "Bearer 0123456789abcdef"}
        assert ask(client, address, headers=right).status_code == 200
        assert ask(client, address, headers=right, REMOTE_ADDR="192.0.2.7").status_code == 403
        assert ask(client, address, headers={**right, "Origin": "http://evil.example"}).status_code == 403


class TestProbes:
    @pytest.mark.parametrize("headers", [{}, *FOREIGN], ids=str)
    @pytest.mark.parametrize("source", ["127.0.0.1", "192.0.2.7"])
    def test_an_orchestrator_is_told_from_anywhere_and_by_any_way(self, client, headers, source):
        near = not headers and source == "127.0.0.1"
        answer = client.get("/healthz", headers=headers, REMOTE_ADDR=source)
        assert answer.status_code == 200
        assert answer.json() == {"status": "ok"} | ({"version": __version__} if near else {})
        answer = client.get("/readyz", headers=headers, REMOTE_ADDR=source)
        assert answer.status_code == 200
        assert set(answer.json()) == ({"ready", "checks"} if near else {"ready"})


class TestPasswordsOfABrowser:
    """What a browser adds to requests of any page by itself must not be enough for one of a page that is not ours."""

    @pytest.mark.parametrize("headers", PAGES, ids=str)
    def test_a_page_of_others_does_nothing_with_a_password_that_a_browser_remembers(self, client, ids, headers):  # noqa: F811
        from base64 import b64encode

        from tests.pages.who import WHO

        WHO["operator"]()
        headers = {"Authorization": f"Basic {b64encode(b'otto:secret').decode()}", **headers}
        ends = f"/api/v1/sessions/{ids['session']}/end/"
        allowed = headers.get("Origin") == "http://testserver"  # said by scheme, host and port: our own page
        assert client.post(ends, headers=headers).status_code == (202 if allowed else 403)
        if not allowed:
            assert client.get("/api/v1/events/", headers=headers).status_code == 403

    @pytest.mark.parametrize("headers", PAGES, ids=str)
    def test_a_page_of_others_guesses_no_passwords_from_where_its_reader_is(self, client, headers):
        cache.clear()
        guess = {"username": "vera", "password": "secret"}
        allowed = headers.get("Origin") == "http://testserver"
        answer = client.post("/api/v1/token/", guess, headers=headers)
        assert answer.status_code == (401 if allowed else 403)

    def test_a_page_of_a_trusted_origin_is_ours(self, client, settings):
        cache.clear()
        settings.CSRF_TRUSTED_ORIGINS = ["https://parley.example.com", "https://*.bank.example:8443"]
        for origin, allowed in [
            ("https://parley.example.com", True),
            ("https://parley.example.com:443", True),
            ("https://PARLEY.example.com", True),
            ("http://parley.example.com", False),
            ("https://parley.example.com:8443", False),
            ("https://desk.bank.example:8443", True),
            ("https://bank.example:8443", False),
            ("https://desk.bank.example", False),
            ("https://evilbank.example:8443", False),
        ]:
            answer = client.post("/api/v1/token/", {}, headers={"Origin": origin})
            assert answer.status_code == (400 if allowed else 403), origin
