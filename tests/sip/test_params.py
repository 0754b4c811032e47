"""Parameters, comma lists and media types."""

from __future__ import annotations

import pytest

from protocols.sip.errors import SipError
from protocols.sip.media_type import MediaType
from protocols.sip.params import format_params, parse_params, split_list


@pytest.mark.parametrize(
    ("text", "params"),
    [
        ("", {}),
        (";a", {"a": None}),
        (";A=B;c=", {"a": "B", "c": ""}),
        (' ; a = "x y" ; b', {"a": "x y", "b": None}),
        (';a="\\"\\\\";b=c', {"a": '"\\', "b": "c"}),
        (";a=b=c:/?", {"a": "b=c:/?"}),
    ],
)
def test_params_that_are_read(text: str, params: dict[str, str | None]) -> None:
    assert parse_params(text) == params
    assert parse_params(format_params(params)) == params


@pytest.mark.parametrize(
    "text", [";", ";;", ";a;", "a", ";=b", ";a;A", ';a="', ';a="x"y', ";a=b,c", ";a<b", ";a b", " "]
)
def test_params_that_are_refused(text: str) -> None:
    with pytest.raises(SipError):
        parse_params(text)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", []),
        (" , ,", []),
        ("a", ["a"]),
        ("a,b , c", ["a", "b", "c"]),
        ('"a,b",c', ['"a,b"', "c"]),
        ('"\\",",b', ['"\\","', "b"]),
        ("<a,b>,c", ["<a,b>", "c"]),
        ('a,"b,c', ["a", '"b,c']),
        ("a,<b,c", ["a", "<b,c"]),
        ("a>b,c", ["a>b", "c"]),
    ],
)
def test_comma_lists(text: str, values: list[str]) -> None:
    assert split_list(text) == values


def test_media_types_compare_by_essence() -> None:
    media_type = MediaType.parse('Text / PLAIN ; Charset="utf8"')
    assert (media_type.type, media_type.subtype, media_type.essence) == ("text", "plain", "text/plain")
    assert media_type.params == {"charset": "utf8"}
    assert str(media_type) == "text/plain;charset=utf8"
    assert MediaType.parse("text/*").essence == "text/*"


@pytest.mark.parametrize("text", ["", "text", "text/", "/plain", "text/plain,x/y", "text/plain;", "te xt/plain"])
def test_malformed_media_types_are_400(text: str) -> None:
    with pytest.raises(SipError):
        MediaType.parse(text)


@pytest.mark.parametrize("blank", ["\u00a0", "\u2003", "\u3000", "\x85"])
def test_only_the_blanks_of_ascii_are_blanks_whichever_pattern_reads_a_value(blank: str) -> None:
    """What is written unquoted is read unquoted, by the pattern for the usual case and by the one for all of them."""
    value = f"{blank}x{blank}"
    assert parse_params(f";a={value}") == parse_params(f" ; a={value}") == {"a": value}
    assert parse_params(format_params({"a": value})) == {"a": value}
