"""Accept lists: wildcards anywhere, parameters and case of no matter (RULEBOOK S8, S9)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.msrp.accept import MAX_TYPE, AcceptTypes, common, media_type


@pytest.mark.parametrize(
    ("listed", "sent"),
    [
        ("text/plain", "text/plain"),
        ("Text/Plain", "TEXT/PLAIN;charset=UTF-8"),
        ("text/plain;charset=utf-8", "text/plain"),
        ("message/cpim *", "image/png"),
        ("* message/cpim", "image/png"),
        ("message/cpim text/* image/*", "text/html"),
        ('text/plain;x="a b" image/png', "image/png"),
        ("text/plain", 'text/plain; charset="utf8"'),
        ("broken text/plain", "text/plain"),
    ],
)
def test_s8_d28_allowed(listed, sent):
    assert AcceptTypes(listed).allows(sent)


@pytest.mark.parametrize(
    ("listed", "sent"),
    [
        ("message/cpim", "text/plain"),
        ("text/*", "image/png"),
        ("", "text/plain"),
        ("*", "nonsense"),
        ("*", "a/b\r\nX"),
        ("*", "\u017f/b"),
    ],
)
def test_s8_not_allowed(listed, sent):
    assert not AcceptTypes(listed).allows(sent)


def test_d9_second_type_of_ours_matches():
    assert common(AcceptTypes("message/cpim text/plain"), AcceptTypes("text/plain")) == ["text/plain"]


def test_s9_common_keeps_our_order_and_knows_wildcards():
    assert common(AcceptTypes("text/plain message/cpim"), AcceptTypes("message/cpim *")) == [
        "text/plain",
        "message/cpim",
    ]
    assert common(AcceptTypes("text/*"), AcceptTypes("text/html")) == ["text/*"]
    assert common(AcceptTypes("*"), AcceptTypes("text/html")) == ["*"]
    assert common(AcceptTypes("image/*"), AcceptTypes("text/html")) == []
    assert common(AcceptTypes("text/plain"), AcceptTypes("")) == []


@given(st.text(max_size=200))
def test_any_text_is_a_list(text):
    accept = AcceptTypes(text)
    assert accept.allows("text/plain") in (True, False)
    assert common(accept, accept) is not None


def test_long_hopeless_parameters_end_quickly():
    assert media_type("a/b" + "; " * ((MAX_TYPE - 4) // 2) + "\x00") is None
