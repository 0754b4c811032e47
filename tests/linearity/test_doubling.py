"""Twice as much hostile text takes every reader twice as long, and none raises what its callers do not expect."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from itertools import islice

import pytest

from protocols.sip.grammar import QUOTED
from tests.linearity.doubling import growth_of
from tests.linearity.msrp_readers import MSRP
from tests.linearity.payload_readers import PAYLOAD
from tests.linearity.reader import Reader
from tests.linearity.shapes import SHAPES, repeated
from tests.linearity.sip_readers import SIP

READERS = [*SIP, *MSRP, *PAYLOAD]


@pytest.mark.parametrize("reader", READERS, ids=[f"{number}-{reader}" for number, reader in enumerate(READERS)])
def test_the_work_grows_as_the_text_does(reader: Reader) -> None:
    if sys.gettrace() is not None:
        pytest.skip("a tracer multiplies Python's steps and not those of a regular expression")
    steep = (
        f"{place} {shape.name}: {growth}"
        for place in reader.places
        for shape in reader.shapes
        if (growth := growth_of(lambda size: reader.job(shape, place, size), reader.largest)) is not None  # noqa: B023
    )
    assert list(islice(steep, 3)) == []


_quoted_strings = re.compile(QUOTED, re.DOTALL).sub
_tag_or_opaque = re.compile(rf"({QUOTED}|<[^>]*+>)|[ \t]*+;[ \t]*+tag", re.DOTALL).sub
_lazy_tag = re.compile(r"<[a-z]+(?: [^>]*)*>").search

FAULTY: dict[str, Callable[[str], object]] = {
    "each quote tried as the start of a string": lambda text: _quoted_strings("", text),
    "each bracket tried as the start of a URI": lambda text: _tag_or_opaque("", text),
    "each blank tried as the start of a run": lambda text: re.sub(r"[ \t]*+;x", "", text),
    "a copy of the rest for every line": lambda text: _lines_by_copies(text),
    "a look through what is there for every item": lambda text: [*_seen_by_looking(text)],
}
"""Faults that have been in readers here, and two that could be."""


def _lines_by_copies(text: str) -> None:
    while text:
        _, _, text = text.partition("\n")


def _seen_by_looking(text: str) -> list[str]:
    seen: list[str] = []
    for item in text.split(";"):
        if item not in seen:
            seen.append(item)
    return seen


@pytest.mark.parametrize("fault", FAULTY)
def test_faults_as_they_have_been_would_be_found(fault: str) -> None:
    reader = Reader((fault,), FAULTY[fault], largest=64_000 if "copy" in fault else 8_000)
    assert any(growth_of(lambda size: reader.job(shape, ("\0", ""), size), reader.largest) for shape in SHAPES)  # noqa: B023


def test_linear_work_is_no_fault() -> None:
    for unit in ("a", ";a=b", '"'):
        reader = Reader(("linear",), lambda text: [ord(letter) for letter in text], largest=100_000)
        assert growth_of(lambda size: reader.job(repeated(unit), ("", ""), size), reader.largest) is None  # noqa: B023
