"""name-addr and addr-spec: RFC 3261 s20.10."""

from __future__ import annotations

import pytest

from protocols.sip.address import NameAddr
from protocols.sip.errors import SipError


@pytest.mark.parametrize(
    ("text", "display", "uri", "params"),
    [
        ("<sip:a@b>;tag=x", None, "sip:a@b", {"tag": "x"}),
        ('"A \\"B\\" \\\\ C" <sip:a@b>', 'A "B" \\ C', "sip:a@b", {}),
        ('""<sip:a@b>', "", "sip:a@b", {}),
        ("A. G. Bell <sip:a@b>", "A. G. Bell", "sip:a@b", {}),
        ("Jörg (work) <sip:a@b>", "Jörg (work)", "sip:a@b", {}),
        ("caller<sip:a@b>", "caller", "sip:a@b", {}),
        ("sip:a@b;tag=x;y", None, "sip:a@b", {"tag": "x", "y": None}),
        ("sip:a@b ; tag = x", None, "sip:a@b", {"tag": "x"}),
        ("<sip:a@b;lr?h=1>;q=0.5", None, "sip:a@b;lr?h=1", {"q": "0.5"}),
        (
            '<sip:a@b>;+sip.instance="<urn:uuid:1>";X="a;b,c\\""',
            None,
            "sip:a@b",
            {"+sip.instance": "<urn:uuid:1>", "x": 'a;b,c"'},
        ),
        ("< sip:a@b >", None, "sip:a@b", {}),
        ("<tel:+1555;phone-context=x>;tag=1-a~b", None, "tel:+1555;phone-context=x", {"tag": "1-a~b"}),
        ('"x;tag=1" <sip:a@b>;tag=2', "x;tag=1", "sip:a@b", {"tag": "2"}),
        ("<sip:a@b;tag=1>", None, "sip:a@b;tag=1", {}),
        ("<sip:a@b>;p=1;tag=2", None, "sip:a@b", {"p": "1", "tag": "2"}),
    ],
)
def test_forms_that_are_read(text: str, display: str | None, uri: str, params: dict[str, str | None]) -> None:
    for _ in range(2):  # remembered the second time
        address = NameAddr.parse(text)
        assert (address.display, address.uri, address.params) == (display, uri, params)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Bell, Alexander <sip:a@b>",
        '"A <sip:a@b>',
        "<sip:a@b",
        "sip:a@b>",
        "<>",
        "<a@b>",
        "<sip:a b@c>",
        "<sip:a@b>;;",
        "<sip:a@b>;",
        "sip:a@b?Route=x",
        "sip:a@b,c",
        "<sip:a@b> junk",
        "<sip:a@b>;tag=1;tag=2",
        "<sip:a@b>;tag=1;TAG=2",
        "A:B <sip:a@b>",
        "<sip:a@b>;tag=a b",
        '<sip:a@b>;x="open',
        "*",
    ],
)
def test_forms_that_are_refused(text: str) -> None:
    with pytest.raises(SipError) as raised:
        NameAddr.parse(text)
    assert raised.value.code == 400


def test_lists_keep_commas_in_quotes_and_brackets() -> None:
    read = NameAddr.parse_list('"Bell, A." <sip:a@b;x=1,2>;q=1, sip:c@d;q=0.1 , <sip:e@f>')
    assert [address.uri for address in read] == ["sip:a@b;x=1,2", "sip:c@d", "sip:e@f"]
    assert NameAddr.parse_list("*")[0].uri == "*"


def test_a_display_name_is_quoted_when_written() -> None:
    assert str(NameAddr("sip:a@b", 'Bell, "A"', {"tag": "1", "x": "a b", "y": None})) == (
        '"Bell, \\"A\\"" <sip:a@b>;tag=1;x="a b";y'
    )


def test_changing_one_does_not_change_the_next() -> None:
    NameAddr.parse("<sip:shared@b>").params["tag"] = "mine"
    assert NameAddr.parse("<sip:shared@b>").tag is None
