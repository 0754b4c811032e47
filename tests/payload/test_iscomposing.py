"""application/im-iscomposing+xml (RFC 3994)."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.payload.errors import PayloadError
from protocols.payload.iscomposing import ComposingState, IsComposing, build, parse
from tests.payload.captures import wire

ACTIVE = IsComposing("active")
IDLE = IsComposing("idle")


def document(inner: str) -> bytes:
    return f'<isComposing xmlns="urn:ietf:params:xml:ns:im-iscomposing">{inner}</isComposing>'.encode()


def test_the_examples_of_rfc3994():
    assert parse(wire("rfc3994-s5-active.xml")) == IsComposing("active", 90, "text/plain")
    assert parse(wire("rfc3994-s5-idle.xml")) == IsComposing("idle", None, "audio", "2003-01-27T10:43:00Z")


@pytest.mark.parametrize(
    ("written", "state"), [("active", "active"), (" active ", "active"), ("Active", "idle"), ("x", "idle")]
)
def test_an_unknown_state_is_idle(written, state):
    assert parse(document(f"<state>{written}</state>")).state == state


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("60", 60), ("+007", 7), ("0", None), ("-1", None), ("1.5", None), ("9" * 5000, None), ("", None)],
)
def test_a_refresh_is_a_positive_number_or_none(written, seconds):
    assert parse(document(f"<state>active</state><refresh>{written}</refresh>")).refresh == seconds


def test_extensions_are_passed_over():
    data = document('<x:state xmlns:x="urn:x">active</x:state><state>idle</state><x:y xmlns:x="urn:x"><state/></x:y>')
    assert parse(data) == IDLE


@pytest.mark.parametrize(
    "data", [b"", document(""), b'<isComposing xmlns="urn:x"><state>idle</state></isComposing>', b"<x/>"]
)
def test_malformed(data):
    with pytest.raises(PayloadError) as caught:
        parse(data)
    assert caught.value.code == 400


@given(st.binary())
def test_nothing_else_is_ever_raised(data):
    with suppress(PayloadError):
        parse(data)
    with suppress(PayloadError):
        parse(document("<state>") + data)


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")).map(str.strip)


@given(st.sampled_from(["active", "idle"]), st.none() | st.integers(1, 999_999_999), TEXT, TEXT)
def test_what_is_built_is_read_again(state, refresh, content_type, last_active):
    written = IsComposing(state, refresh, content_type, last_active)
    assert parse(build(written)) == written


def test_what_is_built_has_the_order_of_the_schema():
    assert build(IsComposing("active", 60, "text/plain", "2020-01-01T00:00:00Z")) == (
        b'<?xml version="1.0" encoding="UTF-8"?>\r\n<isComposing xmlns="urn:ietf:params:xml:ns:im-iscomposing">'
        b"<state>active</state><lastactive>2020-01-01T00:00:00Z</lastactive><contenttype>text/plain</contenttype>"
        b"<refresh>60</refresh></isComposing>"
    )


# Who relays


def test_active_is_news_and_so_is_every_refresh_of_it():
    state = ComposingState()
    assert state.seen(IsComposing("active", 60), 0.0)
    assert state.deadline == 60.0
    assert state.seen(IsComposing("active", 60), 1.0)
    assert state.deadline == 61.0
    assert state.active


def test_idle_is_news_once():
    state = ComposingState()
    assert not state.seen(IDLE, 0.0)
    state.seen(ACTIVE, 1.0)
    assert state.seen(IDLE, 2.0)
    assert not state.seen(IDLE, 3.0)
    assert state.deadline is None


def test_an_active_composer_who_named_no_refresh_is_idle_after_120_seconds():
    state = ComposingState()
    state.seen(ACTIVE, 0.0)
    assert not state.expired(119.9)
    assert state.expired(120.0)
    assert not state.expired(240.0)
    assert not state.active


def test_a_content_message_ends_composing_and_idle_is_no_news_then():
    state = ComposingState()
    state.seen(ACTIVE, 0.0)
    state.content(1.0)
    assert not state.seen(IDLE, 2.0)
    assert not state.expired(500.0)
    assert state.seen(ACTIVE, 501.0)
