"""Finding a session by any part of what names it, by every index that serves it."""

from __future__ import annotations

import pytest
from django.db import connection

from sessions_app import search
from sessions_app.models import GatewaySession
from sessions_app.search import sessions_with, sources_in
from tests.rows import make_message, make_session

pytestmark = pytest.mark.django_db


@pytest.fixture
def wanted():
    make_session()
    session = make_session(
        key="the-key-of-it",
        from_uri="sip:Carol@example.org",
        to_uri="sip:+49301234567@carrier.example",
        ruri="sip:dave@192.0.2.99",
        call_id="call-4711@gateway",
        local_path="msrp://192.0.2.1:2855/our-id+x/9=;tcp",
        peer_path="msrp://192.0.2.7:2855/their_id;tcp",
    )
    make_message(session, call_id="page-call-1@phone", message_id="msg-ID-77")
    return session


@pytest.mark.parametrize(
    "text",
    [
        "key-of",
        "carol",
        "CAROL@EXAMPLE",
        "30123",
        "192.0.2.99",
        "4711",
        "our-id+x/9=",
        "their_id",
        "page-call-1@phone",
        "call-1@ph",
        "msg-ID-77",
        "ID-7",
        "  carol  ",
    ],
)
def test_part_of_anything_finds_it_and_nothing_else(wanted, text):
    assert list(sessions_with(GatewaySession.objects.all(), text)) == [wanted]


@pytest.mark.parametrize("text", ["their%id", "their_i_", "nobody", "\\", "carol  sip", "'; DROP", "100%"])
def test_signs_of_patterns_are_taken_as_they_are(wanted, text):
    assert list(sessions_with(GatewaySession.objects.all(), text)) == []


def test_a_whole_id_is_found_among_messages_that_are_not_the_latest(wanted, monkeypatch):
    monkeypatch.setattr(search, "LATEST", 1)
    for _ in range(3):
        make_message(make_session())
    assert list(sessions_with(GatewaySession.objects.all(), "msg-ID-77")) == [wanted]
    assert list(sessions_with(GatewaySession.objects.all(), "msg-ID-7")) == [], "part of one: only of the latest"


def test_the_trigram_index_is_asked_not_the_table(wanted):
    with connection.cursor() as cursor:
        found = sessions_with(GatewaySession.objects.order_by(), "carol")
        cursor.execute("SET LOCAL enable_seqscan = off")
        assert "session_text" in found.explain()


def test_sources_of_a_network():
    for source in ("192.0.2.7", "192.0.2.8", "192.0.2.8", "198.51.100.1", "", "2001:db8::7"):
        make_session(source=source)
    assert sorted(sources_in("192.0.2.0/24")) == ["192.0.2.7", "192.0.2.8"]
    assert sources_in("2001:db8::/32") == ["2001:db8::7"]
    assert sources_in("203.0.113.0/24") == []
