"""What a hostile peer would fill a message with, of any length: the shapes that make careless readers slow.

A shape is a piece that is repeated, with something in front and something behind: an opener that is never closed, a
last character that makes a match fail after all. None of them knows what will read it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Final, NamedTuple


class Shape(NamedTuple):
    """``make(size)`` is text of about ``size`` characters."""

    name: str
    make: Callable[[int], str]


def repeated(unit: str, before: str = "", after: str = "") -> Shape:
    """``unit`` over and over."""
    name = f"{before!a}+" * bool(before) + f"{unit!a}*" + f"+{after!a}" * bool(after)
    return Shape(name, lambda size: before + unit * max(1, (size - len(before) - len(after)) // len(unit)) + after)


def nested(opener: str, closer: str) -> Shape:
    """As many openers as closers."""

    def make(size: int) -> str:
        depth = max(1, size // (len(opener) + len(closer)))
        return opener * depth + closer * depth

    return Shape(f"{opener!a}*+{closer!a}*", make)


def numbered(template: str) -> Shape:
    """``template`` with another number each time, so that no two are the same."""

    def make(size: int) -> str:
        written: list[str] = []
        length = 0
        for number in count():
            written.append(template.replace("#", str(number)))
            length += len(written[-1])
            if length >= size:
                return "".join(written)
        raise AssertionError

    return Shape(f"numbered {template!a}", make)


def halves(first: str, between: str, second: str) -> Shape:
    """Something long, then many short things that may each cost its length; ``#`` in those is another number each."""

    def make(size: int) -> str:
        return first * (size // 2 // len(first)) + between + numbered(second).make(size // 2)

    return Shape(f"{first!a}* {between!a} {second!a}*", make)


ATOMS: Final = [
    *"\"'<>()[]{},;:=/\\|@&%#?*+-.!~^`$",
    *(" ", "\t", "\r\n", "\n", "\r", "\r\n ", "\r\n\t", "\x0b", "\x0c", "\x85", "\u2028", "\xa0"),
    *("\0", "\x01", "\x7f", "\udc80", "é", "€", "\U0001f600", "\u0301", "\U0001f1e6", "\u200d", "\u017f", "\u212a"),
    *("a", "A", "0", "9", "\\u", "--", "z9hG4bK"),
]
"""What shapes are made of."""

_PAIRS: Final = [
    *('\\"', '"\\', "\\\\", '""', '"a"', '"a" ', '"a",', '"a"<', '"<', '>"', "<a>", "<a", "a<", "<>", "><", "<a>,"),
    *("(a", "(\\", "()", "[a", "[]", "::", ":::", "a:", ":a", ": ", "\"'", "'\"", '="', "='", "=\"'", '=""', '=">"'),
    *(";a", ";a=", ';a="', ";a=b", ';a="b"', ';a="b', ";;", "; ", " ;", "; ;", ";\t", ";tag", ";tag=", ";tag=a"),
    *(";branch", ";branch=", ";rport", "; charset", ";charset=", ';charset="', ";a=b;", ';="', ";=", ';\\"'),
    *("=a", "==", "= ", " =", "a=", "a = ", "a ", " a", "a\t", " \t", ",,", ", ", "a,", "a, ", ",a=", "a/b,", "*,"),
    *("%41", "%%", "%2", "%25", "%c3", "%C3%A9", "%00", "&amp;", "&a", "&#", "&#1", "&#1;", "&#x1;", "&lt", "&a=b"),
    *("\\u0041", "\\u00", "\\n", "\\x", "\\\0", '"\0', '\\\0"', "a.", ".a", "a-", "-a", "a@", "@a", "a/", "/a", "a%"),
    *(
        "sip:",
        "sip:a@",
        "a:b@",
        "msrp://a",
        ";tcp",
        "msrp://a:1/b;tcp ",
        "SIP/2.0/",
        "SIP/2.0 / ",
        " SIP/2.0",
        " SIP/1.0",
    ),
    *("a: b\r\n", "a:\r\n", "a\r\n", "a : b\r\n", ": b\r\n", "a: b\r\n c\r\n", "a:\r\n \r\n", "Via: a\r\n", "v: ,\r\n"),
    *(
        "l: 0\r\n",
        "Content-Length: 0\r\n",
        "Content-Length:\r\n ",
        "\r\nl",
        "\r\nl:",
        "\r\nl: ",
        "\r\n\r\n",
        "\r\n\r\na",
    ),
    *(
        "From: <a:b>\r\n",
        "NS: a <b>\r\n",
        "NS:",
        "Require: a\r\n",
        "Subject:;lang=a b\r\n",
        "a.b: c\r\n",
        "a:;b=",
        ':;b="',
    ),
    *(
        "\r\n-------",
        "\r\n-------a",
        "-------",
        "\r\n---",
        "\r\n--",
        "--b\r\n",
        "\r\n--b",
        "\r\n--b  ",
        "\r\n--b\r\n\r\n",
        "--b--",
        "\r\n--b--",
        "\n-------",
        "\r\n-------a$",
        "MSRP a",
    ),
    *("MSRP ", "MSRP a SEND\r\n", "1-", "1-1/", "000 ", "0-*/", "T0", "0000-", ":00", "Z"),
    *("a=b\r\n", "a=\r\n", "c=IN IP4 h\r\n", "m=message 1 TCP/MSRP *\r\n", "m=audio 1 RTP/AVP 0\r\n", "a=path:x\r\n"),
    *("t=0 0\r\n", "=\r\n", "text/plain ", "text/* ", '"text/plain" ', 'a/b;c="', "a/b;", "a/*,"),
    *(
        "<!--",
        "<!-",
        "-->",
        "--",
        "<!",
        "<?",
        "?>",
        "]]>",
        "<![CDATA[",
        "<![CDATA[]]>",
        "</",
        "</a",
        "</a>",
        "<a/",
        "<a/>",
    ),
    *(
        '<a b="c">',
        "<a b='c'>",
        '<a x=">"',
        "<a x='>'",
        '<a b="',
        "<a b='",
        "<a =",
        "<a b",
        "<a b ",
        '<b ="c" ',
        "<p>",
        "<br>",
    ),
    *(
        "<pre>",
        "</pre>",
        "<li>",
        "<td>",
        "<svg>",
        "<script>",
        "</script",
        "<script></script>",
        "<title>",
        "<img alt=a>",
    ),
    *(
        '<a href="http://x">y</a>',
        '<a href="http://x">',
        "<a href=http://x>y",
        '<a href="http://x">http://x',
        "<b></b>",
    ),
    *(
        "+AGE-",
        "+AG",
        "+-",
        "~{",
        "~}",
        "~{!!~}",
        "\x1b$B",
        "\x1b(B",
        "\x1b",
        "\x0e",
        "\x0f",
        "\x81",
        "\ud800",
        "\udc80\udcff",
    ),
    *("=41", "=\r\n", "=\n", "=", "YQ==", "YQ", "gzip,", "deflate, ", "identity,", "a\u0301", "\U0001f1e6\U0001f1e7"),
    *("\U0001f468\u200d", "\u1100\u1161", "\uac00\u11a8", "a\n", " \n", "\n ", "\xa0 ", "x y", "1\u0301 "),
]

_OPENED: Final = [
    *(
        ('"', '\\"'),
        ('"', "a"),
        ('"', "\\"),
        ('"', "\\\\"),
        ('"', "<"),
        ("<", '"'),
        ("<", "a"),
        ("<", "<a"),
        ("(", "\\("),
    ),
    *(("\0", '"\\"'), ("\0", '\\"'), ('\0"', '\\"'), (';a="', '\\"'), (';a="', ";"), (';a="', ';a="'), (";a=", '\\"')),
    *(("<a ", "b"), ("<a ", "b "), ("<a ", '=">"'), ("<a ", "='>'"), ("<a b=", '"'), ("<a ", "'")),
    *(
        ("<!--", "-"),
        ("<!--", "->"),
        ("<!", "<"),
        ("<?", "?"),
        ("<![CDATA[", "]"),
        ("<![CDATA[", "]]"),
        ("<script>", "</scrip"),
    ),
    *(
        ("<script>", "</script"),
        ("<script>", "</scripts>"),
        ("<pre>", "\n"),
        ("<a href=http://x>", "x"),
        ("=", '"'),
        ('="', "\\"),
    ),
    *(("a: ", "\r\n "), ("a:", " "), ("a ", " "), ("[", ":"), ("[", "a"), ("tag", " "), (";tag", " "), (";tag=", " ")),
    *(
        (";charset=", '"'),
        (';charset="', '\\"'),
        (";charset=", " "),
        ("0", "0 "),
        ("1 ", " "),
        ("SIP/2.0/UDP ", " "),
        ("*;", "a"),
    ),
    *(
        ("text/plain;", '"a"'),
        ('text/plain;a="', '\\"'),
        ("text/plain", " "),
        ("sip:a", "."),
        ("sip:a@a", ".a"),
        ("sip:a@a", "-"),
    ),
]

_CLOSED: Final = [
    *(
        (" ", "x"),
        ("\t", "x"),
        ("a", "\0"),
        ("a", "\udc80"),
        ("a", " "),
        ("a", "@"),
        ("a", '"'),
        ("0", "x"),
        ("0", " x"),
    ),
    *(
        ('"', "\0"),
        ('\\"', '"\0'),
        ("a.", "!"),
        ("a-", "!"),
        ("a.a", "\0"),
        ("1.", "x"),
        ("\r\n ", "\0"),
        ("<a>", "<"),
        (";a=b", '"'),
    ),
    *(
        ("=", ">"),
        ('="', ">"),
        ("a ", ">"),
        ("<a ", ">"),
        (" ", "="),
        (" ", ";"),
        (" ", ";tag=a"),
        ('<a x=">"', ">"),
        ("-", ">"),
    ),
]

_NUMBERED: Final = [
    *(
        ";p#",
        ";p#=v",
        ';p#="v"',
        "h#: v\r\n",
        "a#,",
        "<e#>",
        "<e#/>",
        "<e#></e#>",
        ' a#="b"',
        " a#=b",
        ' p:a#=""',
        '<e xmlns="u#"/>',
    ),
    *("NS: p# <urn:#>\r\n", "p#.a: b\r\n", "m=message # TCP/MSRP *\r\n", "a=a#:b\r\n", "a/b# ", '<p:e# xmlns:p="u"/>'),
    *('xmlns:p#="u#" ', "&p#=v", "Via: SIP/2.0/UDP h#;branch=z9hG4bK#\r\n", "SIP/2.0/UDP h#;branch=z9hG4bK#, "),
    *(
        "<sip:u#@h>, ",
        "Contact: <sip:u#@h>\r\n",
        "msrp://h:#/s;tcp ",
        "l: #\r\n",
        "MSRP t#aa SEND\r\n\r\n-------t#aa$\r\n",
    ),
]


_HALVES: Final = [
    *(
        ("u", '">', "<b/>"),
        ("u", '">', "<b#/>"),
        ("u", '" ', 'p:a#="" '),
        ("u", '">', "<p:b/>"),
        ("u", "'>", "<b></b>"),
    ),
    *(
        ("a", "\r\n", "a: b\r\n"),
        ("a", ";", ";p#=v"),
        ("a", ", ", "b, "),
        ("a", '"', '"b"'),
        ("a", " <u>\r\n", "a.b: c\r\n"),
    ),
    *(
        ("a", "\r\n\r\n", "\r\n--a"),
        ("a", ": <urn:b>\r\n", "NS: p# <u>\r\n"),
        (";a=b", "\r\n", "x\r\n"),
        ("<", ">", "<a>"),
    ),
]


def _shapes() -> Iterator[Shape]:
    yield from map(repeated, ATOMS)
    yield from map(repeated, _PAIRS)
    for opener, unit in _OPENED:
        yield repeated(unit, before=opener)
    for unit, closer in _CLOSED:
        yield repeated(unit, after=closer)
    yield from map(numbered, _NUMBERED)
    for first, between, second in _HALVES:
        yield halves(first, between, second)
    for opener, closer in (
        ("<a>", "</a>"),
        ("(", ")"),
        ("<", ">"),
        ("[", "]"),
        ('"', "'"),
        ("<div>", "</div>"),
        ("{", "}"),
    ):
        yield nested(opener, closer)


SHAPES: Final = tuple({shape.name: shape for shape in _shapes()}.values())


def every_combination() -> Iterator[Shape]:
    """All pairs of atoms repeated, each with every opener or ending of one atom: for a long look, not for each run."""
    for first in ATOMS:
        for second in ATOMS:
            yield repeated(first + second)
            yield repeated(second, before=first)
            yield repeated(first, after=second)
    for opener in ('"', "<", "\0", ";", "=", "a", " ", "<a ", ";a=", '"\\'):
        for first in ATOMS:
            for second in ATOMS:
                yield repeated(first + second, before=opener)
