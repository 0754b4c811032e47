"""HTML to plain text for who takes nothing else (RULEBOOK W2).

A tokenizer and no tree, for hostile input: of the libraries measured, lexbor (selectolax) takes a minute for 100,000
nested elements, the standard library's html.parser 20 s for 60 kB of unclosed attributes, and libxml2 (lxml, html-text)
keeps every element name for ever. Here each character is looked at a bounded number of times, and text needs no more.
"""

from __future__ import annotations

import re
from html import unescape
from typing import Final

from protocols.payload.charset import decoded, to_utf8
from protocols.payload.charset_names import codec_of
from protocols.payload.content_type import find_charset

# fmt: off
_BLOCKS: Final = frozenset({
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dialog", "dir", "div",
    "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header",
    "hr", "html", "legend", "li", "main", "menu", "nav", "ol", "option", "p", "pre", "section", "summary", "table",
    "tr", "ul",
})
# fmt: on
_UNSEEN: Final = {
    name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE | re.ASCII).search
    for name in ("script", "style", "title", "iframe", "noembed", "noframes", "template", "object", "svg")
}
"""Elements whose content is not for reading, with what finds the end tag. Without one they last to the end."""
_CELLS: Final = frozenset({"td", "th"})
_MARK: Final = "\ufeff"
_UTF16_MARKS: Final = (b"\xfe\xff", b"\xff\xfe")
_READ_ABOVE: Final = ("ascii", "utf_")
"""A document that names one of these in its own octets has been tried as UTF-8."""
_HEAD: Final = 1024
"""Octets in which a document names its charset (s13.2.3.2)."""

_text = re.compile(r"(?:[^<]++|<(?![A-Za-z/!?]))++").match
_tag = re.compile(
    r"<(/?)([A-Za-z][^\s/>]*+)((?:[^>\"'=]++|=\s*+(?:\"[^\"]*+\"|'[^']*+'|)|[\"'])*+)>",
).match
_attribute = re.compile(r"([^\s\"'=/>]++)(?:\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"'>]++)))?").finditer
_meta = re.compile(
    rb"<meta[^>]{0,256}?charset[ \t\r\n]*+=[ \t\r\n\"']*+([A-Za-z0-9._:+\-]{1,64})", re.IGNORECASE
).search
_white_space = re.compile(r"[ \t\n\r\f\xa0]++")
_absurd_reference = re.compile(r"&#(?:[0-9]{9,}+|[xX][0-9A-Fa-f]{9,}+);?").sub
_control = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]").sub
_breaks = re.compile(r"[\t\n]").sub
_blank_lines = re.compile(r"\n{3,}").sub
_line_ends = re.compile(r"\r\n?").sub
_external = re.compile(r"(?:https?|mailto|tel|sips?):", re.IGNORECASE | re.ASCII).match


def to_text(body: bytes, content_type: str) -> str:
    """The readable text of an HTML or XHTML document.

    Ends of blocks are line breaks, list items begin with a dash, an image is its ``alt``, and a link that does not show
    where it leads says so in parentheses. Without a charset parameter the body is what a byte order mark says, UTF-8,
    or what it says of itself in a ``meta`` element, or windows-1252. What is said to be UTF-8 or ASCII and is not has
    U+FFFD in it. Raises PayloadError 415 for another charset that is unknown or does not fit. Takes about 0.3 ms a kB,
    1 ms where there is nothing but markup: a caller in an event loop sets the bound.
    """
    return _Reader(_line_ends("\n", _document(body, content_type))).read()


def _document(body: bytes, content_type: str) -> str:
    """``body`` as text (HTML Living Standard s13.2.3, less what changes its mind later)."""
    if find_charset(content_type) is not None:
        octets, _ = to_utf8(body, _as_text_type(content_type))
        return octets.decode(errors="replace").removeprefix(_MARK)
    if body.startswith(_UTF16_MARKS):
        return body.decode("utf-16", "replace")
    try:
        return body.decode().removeprefix(_MARK)
    except UnicodeDecodeError:
        return _without_utf8(body)


def _without_utf8(body: bytes) -> str:
    """What is not UTF-8 and says so, if at all, in its own head."""
    named = _meta(body, 0, _HEAD)
    codec = codec_of(named[1].decode("ascii")) if named is not None else None
    if codec is not None and not codec.startswith(_READ_ABOVE):
        try:
            return decoded(body, codec)
        except UnicodeError:
            pass
    return body.decode("cp1252", "replace")


def _as_text_type(content_type: str) -> str:
    """XHTML is application/*, but its charset parameter means the same."""
    return "text/html" + content_type[content_type.find(";") :]


class _Reader:
    """One pass over a document."""

    def __init__(self, document: str) -> None:
        self.document = document
        self.written: list[str] = []
        self._line_empty = True
        self._space = False
        self._preformatted = 0
        self._link: tuple[str, int] | None = None

    def read(self) -> str:
        document, at, end = self.document, 0, len(self.document)
        while at < end:
            if found := _text(document, at):
                self._add(found[0])
                at = found.end()
            elif found := _tag(document, at):
                at = self._element(found[2].lower(), bool(found[1]), found[3], found.end())
            else:
                at = self._skip(at)
        lines = "".join(self.written).split("\n")
        return _blank_lines("\n\n", "\n".join(line.rstrip() for line in lines)).strip("\n")

    def _skip(self, at: int) -> int:
        """Behind a comment, a declaration, or a tag that never ends: that is the end of the document."""
        document = self.document
        if document.startswith("<!--", at):
            return _behind("-->", document, at + 2)
        first = document[at + 1 : at + 3].lstrip("/")[:1]
        if first.isascii() and first.isalpha():
            return len(document)
        return _behind(">", document, at)

    def _element(self, name: str, closing: bool, attributes: str, at: int) -> int:
        """Act on a tag; returns where to go on."""
        if name in _UNSEEN:
            if closing or attributes.endswith("/"):
                return at
            end = _UNSEEN[name](self.document, at)
            return _behind(">", self.document, end.end()) if end else len(self.document)
        if name == "br":
            self._break(always=True)
        elif name == "a":
            self._close_link()
            if not closing:
                self._open_link(attributes)
        elif name == "img":
            self._add(_attribute_value(attributes, "alt"))
        elif name in _CELLS:
            self._space = True
        elif name in _BLOCKS:
            self._break()
            if name == "pre":
                self._preformatted = max(0, self._preformatted + (-1 if closing else 1))
            elif name == "li" and not closing:
                self._put("- ")
        return at

    def _add(self, raw: str) -> None:
        """Character data, references still in it."""
        text = _characters(raw)
        if self._preformatted:
            self._put(text)
            return
        words = text if text.isalnum() else _white_space.sub(" ", text)
        if words.startswith(" "):
            self._space = True
            words = words[1:]
        if words:
            trailing = words.endswith(" ")
            self._put(words[:-1] if trailing else words)
            self._space = trailing

    def _put(self, text: str) -> None:
        if not text:
            return
        if self._space and not self._line_empty:
            self.written.append(" ")
        self._space = False
        self.written.append(text)
        self._line_empty = text.endswith("\n")

    def _break(self, *, always: bool = False) -> None:
        """End the line, where there is one to end."""
        if always or not self._line_empty:
            self.written.append("\n")
        self._line_empty = True
        self._space = False

    def _open_link(self, attributes: str) -> None:
        target = _breaks("", _characters(_attribute_value(attributes, "href"))).strip()
        if _external(target):
            self._link = target, len(self.written)

    def _close_link(self) -> None:
        if self._link is None:
            return
        target, begun = self._link
        self._link = None
        shown = "".join(self.written[begun:])
        bare = target.partition(":")[2].strip("/")
        if shown.strip() and bare not in shown:
            self._put(f" ({target})")


def _characters(raw: str) -> str:
    """``raw`` with its references resolved, without control characters."""
    if "&" in raw:
        raw = unescape(_absurd_reference("\ufffd", raw))
    return raw if raw.isprintable() else _control("", raw)


def _behind(sought: str, document: str, at: int) -> int:
    """The offset behind the next ``sought``, or the end of the document."""
    found = document.find(sought, at)
    return found + len(sought) if found >= 0 else len(document)


def _attribute_value(attributes: str, name: str) -> str:
    """The value as written, references still in it; empty without it."""
    for found in _attribute(attributes):
        if found[1].lower() == name:
            return found[2] or found[3] or found[4] or ""
    return ""
