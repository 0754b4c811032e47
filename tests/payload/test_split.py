"""Long texts in numbered parts."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.payload.errors import PayloadError
from protocols.payload.split import split_text

NUMBER = re.compile(rb"\(([0-9]+)/([0-9]+)\) ")


def joined(parts: list[bytes]) -> str:
    if len(parts) == 1:
        return parts[0].decode()
    whole = b""
    for number, part in enumerate(parts, 1):
        found = NUMBER.match(part)
        assert found
        assert (int(found[1]), int(found[2])) == (number, len(parts))
        whole += part[found.end() :]
    return whole.decode()


@given(st.text() | st.text("ab \n"), st.integers(0, 60))
def test_the_parts_are_the_text_and_none_is_too_large(text, budget):
    with suppress(PayloadError):
        parts = split_text(text, budget)
        assert joined(parts) == text
        assert all(len(part) <= budget for part in parts)
        for part in parts:
            part.decode()


def test_what_fits_has_no_number():
    assert split_text("", 0) == [b""]
    assert split_text("é" * 5, 10) == ["é".encode() * 5]
    assert len(split_text("é" * 6, 11)) > 1


def test_parts_end_at_white_space_where_there_is_some_in_the_last_quarter():
    assert split_text("one two three four five", 16) == [b"(1/3) one two ", b"(2/3) three four", b"(3/3)  five"]
    assert split_text("a bcdefghijklmnopqrst", 16) == [b"(1/3) a bcdefghi", b"(2/3) jklmnopqrs", b"(3/3) t"]


@pytest.mark.parametrize(
    "character",
    [
        "e\u0301",
        "❤\ufe0f",
        "👩\u200d👩\u200d👧",
        "👍🏽",
        "🇫🇷",
        "\r\n",
        "각",
        "\u1112\u1161\u11ab",
        "न\u093f",
        "🏴\U000e0067\U000e007f",
    ],
)
def test_what_people_see_as_one_character_is_not_divided(character):
    parts = split_text(character * 40, 6 + 2 * len(character.encode()) + 3)
    assert {part[NUMBER.match(part).end() :].decode().replace(character, "") for part in parts} == {""}


def test_a_character_larger_than_a_part_is_divided_between_code_points():
    assert joined(split_text("a" + "\u0301" * 100, 20)) == "a" + "\u0301" * 100


@pytest.mark.parametrize(("length", "parts"), [(4 * 9, 9), (4 * 9 + 1, 14), (3 * 9 + 2 * 90, 99)])
def test_numbers_of_two_digits_take_their_room(length, parts):
    found = split_text("x" * length, 10)
    assert len(found) == parts
    assert joined(found) == "x" * length


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("x" * (3 * 9 + 2 * 90 + 1), 10),
        ("x" * 1_000_000, 1000),
        ("xx", 1),
        ("x" * 20, 6),
        ("é" * 20, 7),
        ("x", 0),
        ("x", -5),
    ],
)
def test_what_cannot_be_done_is_413(text, budget):
    with pytest.raises(PayloadError) as caught:
        split_text(text, budget)
    assert caught.value.code == 413


def test_half_a_surrogate_pair_is_replaced():
    assert split_text("a\ud83d", 10) == ["a\ufffd".encode()]


def test_a_page_is_as_full_as_it_can_be():
    text = "word " * 1000
    parts = split_text(text, 1000)
    assert joined(parts) == text
    assert len(parts) == 6
