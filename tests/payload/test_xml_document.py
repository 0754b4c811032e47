"""Bounds of the XML that strangers send: what a small document may become."""

from __future__ import annotations

import tracemalloc

import pytest

from protocols.payload.errors import PayloadError
from protocols.payload.xml_document import LARGEST, LONGEST_NAMESPACE, read_document

LONG = b"u" * (LONGEST_NAMESPACE + 1)


@pytest.mark.parametrize(
    "document",
    [
        b'<a xmlns="%b"/>',
        b"<a xmlns='%b'/>",
        b'<p:a xmlns:p="%b"/>',
        b'<a b="c"\n xmlns\n =\n "%b" ><b/></a>',
        b'<a><b xmlns="u"/><b xmlns:p = \'%b"\'/></a>',
    ],
)
def test_a_namespace_has_a_longest_length(document):
    with pytest.raises(PayloadError) as caught:
        read_document(document % LONG)
    assert caught.value.code == 400


def test_the_longest_namespace_is_read():
    longest = LONG[1:]
    assert read_document(b'<a xmlns="%b"/>' % longest).namespace == longest.decode()


@pytest.mark.parametrize(
    ("head", "unit", "tail"),
    [
        (b'<a xmlns="%b">' % LONG[1:], b"<b/>", b"</a>"),
        (b'<a xmlns:p="%b" ' % LONG[1:], b'p:a#="" ', b"/>"),
        (b"<a>", b'<b xmlns="#"/>', b"</a>"),
        (b"<a ", b'xmlns:p#="u" ', b"/>"),
        (b"<a>", b"a<b/>", b"</a>"),
        (b"<a>", b"&lt;", b"</a>"),
    ],
)
def test_no_document_takes_more_than_a_few_megabytes_to_read(head, unit, tail):
    document = head
    number = 0
    while len(document) + len(unit) + len(tail) < LARGEST - 8:
        document += unit.replace(b"#", b"%d" % number)
        number += 1
    tracemalloc.start()
    try:
        read_document(document + tail)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 200 * LARGEST
