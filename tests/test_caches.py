"""What is remembered of peers' text is bounded in octets, whatever the peers invent to fill it."""

from __future__ import annotations

import importlib
import pkgutil
import tracemalloc
from collections.abc import Callable
from contextlib import suppress

import pytest

import protocols
from protocols.msrp.accept import media_type
from protocols.msrp.byte_range import parse_byte_range
from protocols.msrp.errors import MsrpError
from protocols.msrp.uri import MsrpUri
from protocols.remembered import Remembered
from protocols.sip.address import NameAddr
from protocols.sip.errors import SipError
from protocols.sip.header_names import header_name
from protocols.sip.locate import numeric
from protocols.sip.media_type import MediaType
from protocols.sip.uri import aor_of, check_uri

MOST = 72 * 1024 * 1024
"""Octets of one cache; all of them together are what a small machine can spare."""
TRIED = 200

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
PARAMS = "".join(f";{letter}" for letter in LETTERS) + "".join(f";{a}{b}" for a in LETTERS for b in LETTERS)
SMILE = "\U0001f600"

FILLED = {
    "protocols.sip.address._remembered": NameAddr.parse,
    "protocols.sip.uri._remembered_aor": aor_of,
    "protocols.sip.uri._remembered_fault": check_uri,
    "protocols.sip.locate._remembered": numeric,
    "protocols.sip.media_type._remembered": MediaType.parse,
    "protocols.sip.header_names._remembered": header_name,
    "protocols.msrp.uri._remembered": MsrpUri.parse,
    "protocols.msrp.accept._remembered": media_type,
    "protocols.msrp.byte_range._remembered": parse_byte_range,
}
"""Each cache, and the reader that fills it with what a peer sent."""


def caches() -> dict[str, Remembered]:
    found = {}
    for module in pkgutil.walk_packages(protocols.__path__, "protocols."):
        if module.name not in {"protocols.server", "protocols.asgi"}:
            for name, value in vars(importlib.import_module(module.name)).items():
                assert not hasattr(value, "cache_info"), f"{module.name}.{name}: use protocols.remembered"
                if isinstance(value, Remembered):
                    found[f"{module.name}.{name}"] = value
    return found


SHAPES: list[Callable[[str, int], str]] = [
    lambda n, size: f"<sip:{n}@h>{PARAMS}"[:size],
    lambda n, size: f"<sip:{n}@h{PARAMS}"[: size - 1] + ">",
    lambda n, size: f"sip:{n}@h{PARAMS}"[:size],
    lambda n, size: f'"{n}{SMILE * (size // 2)}" <sip:{SMILE * (size // 2 - 25)}@h>',
    lambda n, size: f"sip:{n}{SMILE * (size - 15)}@h",
    lambda n, size: f"sip:{n}{'{' * (size - 15)}@h",
    lambda n, size: f"a/{n}{PARAMS}"[:size],
    lambda n, size: f"a/{n};x={SMILE * size}"[:size],
    lambda n, size: f"{n}{'a' * size}"[:size],
    lambda n, size: f"{n}{SMILE * size}"[:size],
    lambda n, size: f"msrp://h:1/{n}{'s' * size}"[: size - 4] + ";tcp",
    lambda n, size: f"fe80::{n[-4:]}%{'z' * size}"[:size],
    lambda n, size: f"msrp://h:1/{n};tcp{';a' * size}"[:size],
]
"""Texts that are another one for every number, and large in their own way."""


def test_every_cache_is_in_the_table() -> None:
    assert set(caches()) == set(FILLED)


@pytest.mark.parametrize("name", FILLED)
def test_a_full_cache_is_bounded_in_octets(name: str) -> None:
    cache = caches()[name]
    read: Callable[[str], object] = FILLED[name]
    for shape in SHAPES:
        for size in (60, 64, 127, 250, 500, 1000, 8000):
            cache.clear()
            with suppress(SipError, MsrpError):
                read(shape("first", size))
            if not cache:
                continue
            cache.clear()
            tracemalloc.start()
            before = tracemalloc.get_traced_memory()[0]
            for number in range(TRIED):
                with suppress(SipError, MsrpError):
                    read(shape(f"{number:06}", size))
            held = tracemalloc.get_traced_memory()[0] - before
            tracemalloc.stop()
            if cache:
                whole = held / len(cache) * cache.most
                assert whole < MOST, f"{shape('0', size)[:60]!a}, {size}: {whole / 1e6:.0f} MB"
    cache.clear()


def test_what_is_too_long_or_not_small_is_read_each_time_and_not_kept() -> None:
    cache = Remembered(str.upper, most=10, longest=4, is_small=str.isascii)
    assert [cache[text] for text in ("a", "a", "abcde", "\xe9")] == ["A", "A", "ABCDE", "\xc9"]
    assert dict(cache) == {"a": "A"}


def test_a_full_cache_begins_anew() -> None:
    cache = Remembered(int, most=10, longest=4)
    for number in range(95):
        assert cache[str(number)] == number
        assert len(cache) <= 10


def test_what_cannot_be_read_is_not_kept() -> None:
    cache = Remembered(int, most=10, longest=4)
    with pytest.raises(ValueError, match="invalid literal"):
        cache["x"]
    assert not cache
