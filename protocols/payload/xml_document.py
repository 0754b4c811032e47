"""Small XML documents of strangers: one bounded parse into a tree, and the escaping that writing needs.

By expat and not by libxml2 (lxml), whose table of names, one a thread and shared by all documents, keeps every element
name that a peer ever invented. Measured: 40 MB for 400,000 names, never given back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

from protocols.payload.cpim_escape import whole
from protocols.payload.errors import PayloadError

LARGEST: Final = 64 * 1024
"""Octets of a document that is read at all."""
DEEPEST: Final = 32
"""Elements within one another."""
LONGEST_NAMESPACE: Final = 256
"""Octets of a namespace as written. Expat puts it in front of every name that is in it, so that a long one multiplies:
64 KiB became 256 MB."""

# Looked for before expat is asked: it expands all attributes of an element before it tells of any. A longer prefix than
# this costs its sender more wherever it is used than it makes here.
_long_namespace = re.compile(
    rb"xmlns(?::[^\s=<>]{0,128}+)?+\s*+=\s*+(?:\"[^\"]{%d}|'[^']{%d})" % (LONGEST_NAMESPACE + 1, LONGEST_NAMESPACE + 1)
).search
_forbidden = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]").sub
_markup = re.compile('[&<>"\r]').sub
_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;"}


@dataclass(slots=True)
class Element:
    """An element without its attributes."""

    namespace: str
    """Empty where it is in none."""
    name: str
    """Local name."""
    children: list[Element] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The character data directly in it, without white space around it."""
        return "".join(self.parts).strip()

    def each(self, namespaces: frozenset[str]) -> Iterator[Element]:
        """The children that are in one of the namespaces; others are extensions."""
        return (child for child in self.children if child.namespace in namespaces)


class _Reader:
    """Builds the tree as expat tells of it."""

    def __init__(self) -> None:
        self.root: Element | None = None
        self._open: list[Element] = []

    def start(self, qualified: str, _attributes: dict[str, str]) -> None:
        namespace, _, name = qualified.rpartition(" ")
        element = Element(namespace, name)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        if len(self._open) == DEEPEST:
            raise PayloadError(400, "XML document is nested too deep")
        self._open.append(element)

    def end(self, _qualified: str) -> None:
        self._open.pop()

    def characters(self, text: str) -> None:
        self._open[-1].parts.append(text)

    def doctype(self, *_declaration: object) -> None:
        raise PayloadError(400, "XML document has a DOCTYPE")


def read_document(data: bytes) -> Element:
    """The root element of an XML document in UTF-8 (RFC 5438 s11.1, RFC 3994 s6).

    Raises PayloadError 413 for more than LARGEST octets, 400 for what is not well-formed, is nested deeper than
    DEEPEST, has a longer namespace than LONGEST_NAMESPACE, or a DOCTYPE: so no entity of a peer's own is ever expanded.
    """
    if len(data) > LARGEST:
        raise PayloadError(413, "XML document is too large")
    if b"\0" in data:
        raise PayloadError(400, "XML document is not in UTF-8")
    if _long_namespace(data) is not None:
        raise PayloadError(400, "XML namespace is too long")
    reader = _Reader()
    # UTF-8 whatever the declaration says; but for UTF-16, which expat would still see by itself. Peers begin and end
    # with line breaks.
    parser = expat.ParserCreate("utf-8", " ")
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.characters
    parser.StartDoctypeDeclHandler = reader.doctype
    try:
        parser.Parse(data.strip(b" \t\r\n"), True)
    except expat.ExpatError:
        raise PayloadError(400, "Not a well-formed XML document") from None
    if reader.root is None:
        raise PayloadError(400, "XML document without an element")
    return reader.root


def escape_text(text: str) -> str:
    """``text`` as character data; what XML 1.0 cannot hold becomes U+FFFD."""
    return _markup(lambda found: _ENTITIES[found[0]], _forbidden("\ufffd", whole(text)))


def element(name: str, text: str) -> str:
    """``<name>text</name>`` with the text escaped."""
    return f"<{name}>{escape_text(text)}</{name}>"
