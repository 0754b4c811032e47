"""JSON from outside that is odd, deep or huge is a fault of the text, at every place that reads any."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from asgiref.sync import async_to_sync
from django.core.cache import cache
from rest_framework.test import APIClient

from sessions_app import json_text, keyset
from sessions_app.api.parsers import LONGEST
from sessions_app.live import Hub
from sessions_app.playground import Playground
from tests.linearity.doubling import growth_of
from tests.rows import make_session, operator

PRODUCT = Path(json_text.__file__).parent
DEEP = json_text.DEEPEST

ODD = {
    "deep": "[" * 100_000,
    "deep object": '{"a":' * 100_000,
    "deep and whole": "[" * 900 + "]" * 900,
    "deep by one": "[" * (DEEP + 2) + "]" * (DEEP + 2),
    "deep in a field": '{"username": ' + "[" * 900 + "]" * 900 + ', "password": "x"}',
    "a huge integer": "1" * 5000,
    "a huge integer in a field": '{"username": %s, "password": "x"}' % ("1" * 5000),
    "a number that is none": "NaN",
    "a number that is no float": "1e999",
    "half a character": '{"username": "\\ud800", "password": "x"}',
    "not whole": '{"username": "a"',
    "nothing": " ",
    "a mark before it": "\ufeff{}",
}
NO_UTF8 = {"latin-1": b'{"username": "\xff"}', "utf-16": '{"username": "a"}'.encode("utf-16")}
EVERY = {**{name: text.encode() for name, text in ODD.items()}, **NO_UTF8}
odd = pytest.mark.parametrize("text", EVERY.values(), ids=EVERY)


@odd
def test_the_reader_says_that_it_is_no_json(text):
    with pytest.raises(json_text.JsonFault):
        json_text.read(text)


@pytest.mark.parametrize(
    "text", ["{}", "[]", "7", "null", '"é"', '"\\ud83d\\ude00"', "[" * (DEEP + 1) + "]" * (DEEP + 1), "1" * 4000, "1e9"]
)
def test_the_reader_takes_what_is_json(text):
    assert json_text.read(text.encode()) == json.loads(text) == json_text.read(text)


@pytest.mark.parametrize("piece", ['{"a": [1, "é"]}, ', "[], ", "1, ", '"\\u00e9", '])
def test_twice_the_text_takes_twice_the_time(piece):
    def reading(size: int) -> Callable[[], object]:
        text = f"[{piece * (size // len(piece))}0]"
        return lambda: json_text.read(text)

    assert growth_of(reading, 800_000) is None


@pytest.mark.django_db
class TestRest:
    @odd
    def test_a_stranger_gets_400_at_the_token_endpoint(self, client, text):
        cache.clear()
        answer = client.post("/api/v1/token/", text, content_type="application/json")
        assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")

    @odd
    def test_every_action_that_takes_a_body_says_400(self, text):
        user = APIClient()
        user.force_authenticate(operator())
        answer = user.generic("POST", "/api/v1/messages/", text, content_type="application/json")
        assert answer.status_code == 400

    @pytest.mark.parametrize(
        "charset", ["bz2", "zlib", "base64", "idna", "rot13", "utf-16", "unicode_escape", "nonsense"]
    )
    def test_the_charset_that_a_request_names_has_no_meaning(self, client, charset):
        cache.clear()
        kind = f"application/json; charset={charset}"
        answer = client.generic("POST", "/api/v1/token/", b'{"username": "a", "password": "b"}', content_type=kind)
        assert answer.status_code == 401
        bomb = __import__("bz2").compress(b" " * 10_000_000)
        assert client.generic("POST", "/api/v1/token/", bomb, content_type=kind).status_code == 400

    def test_a_body_is_read_to_its_bound_and_no_further(self, client):
        cache.clear()
        text = json.dumps({"username": "a", "password": "b" * LONGEST})
        answer = client.post("/api/v1/token/", text, content_type="application/json")
        assert (answer.status_code, answer.json()["status"]) == (413, 413)

    @odd
    @pytest.mark.parametrize("address", ["/sessions/", "/api/v1/sessions/", "/messages/", "/api/v1/messages/"])
    def test_a_cursor_is_json_too(self, client, address, text):
        make_session()
        client.force_login(operator())
        cursor = base64.urlsafe_b64encode(text).decode()
        answer = client.get(address, {"cursor": cursor})
        assert answer.status_code == (404 if address.startswith("/api/") else 200)

    @pytest.mark.parametrize("charset", ["bz2", "idna", "undefined", "utf-16", "rot13"])
    @pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
    def test_a_form_in_a_charset_that_is_none_is_refused_too(self, client, kind, charset):
        form = b'--x\r\nContent-Disposition: form-data; name="username"\r\n\r\na\r\n--x--\r\n'
        for address in ("/login/", "/api/v1/token/"):
            answer = client.generic("POST", address, form, content_type=f"{kind}; charset={charset}")
            assert answer.status_code == 400


@pytest.mark.django_db
@odd
def test_the_management_interface_says_that_it_cannot_be_parsed(client, text):
    answer = client.post("/mi", text[:60_000], content_type="application/json")
    assert answer.json()["error"]["code"] == -32700


@odd
def test_a_cursor_that_is_none_is_a_bad_cursor(text):
    with pytest.raises(keyset.BadCursor):
        keyset._read(base64.urlsafe_b64encode(text).decode(), 2)


@odd
def test_a_line_of_the_playground_that_is_none_changes_nothing(text):
    page = Playground()
    page._agents = {"phone": None}
    async_to_sync(page.receive)(text_data=text.decode("latin-1"))


@odd
def test_an_event_that_is_none_is_told_to_nobody(text):
    Hub()._hand_on(text.decode("latin-1"))


def test_nothing_else_reads_json():
    """What reads its own writing (the history of a rule) is named here; what comes from outside goes by json_text."""
    reads = re.compile(r"json\.loads?\(|\.json\(\)|JSONDecoder|parsers\.JSONParser\b")
    found = {str(path.relative_to(PRODUCT)) for path in PRODUCT.rglob("*.py") if reads.search(path.read_text())}
    assert found == {"json_text.py", "api/parsers.py", "admin/history.py"}
