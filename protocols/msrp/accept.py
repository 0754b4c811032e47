"""Which media types a side takes: a=accept-types, a=accept-wrapped-types (RFC 4975 s8.6; RULEBOOK S8, S9, D9, D28)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from protocols.remembered import Remembered

_NAME = r"[!#-'*+\-.0-9A-Z^-~]+"
_ENTRY = re.compile(rf"(\*)|({_NAME})/({_NAME})", re.IGNORECASE | re.ASCII)
_PARAMETERS = re.compile(r'[ \t]*(?:;(?:"(?:[^"\\\x00-\x08\x0a-\x1f]|\\[!-~ ])*"|[^";\x00-\x08\x0a-\x1f\x7f])*)*')

MAX_TYPE = 512


def media_type(text: str) -> str | None:
    """``type/subtype`` in lower case, without parameters; None when ``text`` is not a media type.

    Types are compared without regard to case or parameters (RULEBOOK S8, D28). Those up to MAX_TYPE characters are
    remembered, and longer ones are none.
    """
    return _remembered[text]


def _media_type(text: str) -> str | None:
    if len(text) > MAX_TYPE:
        return None
    text = text.strip(" \t")
    found = _ENTRY.match(text)
    if found is None or found[1] is not None or _PARAMETERS.fullmatch(text, found.end()) is None:
        return None
    return f"{found[2]}/{found[3]}".lower()


_remembered = Remembered(_media_type, most=1024, longest=MAX_TYPE)


def _split(text: str) -> list[str]:
    """The entries of a format list: separated by blanks that stand outside quotes."""
    if '"' not in text:
        return text.split()
    return re.findall(r'(?:"(?:[^"\\]|\\.)*"?|[^\s"])+', text)


class AcceptTypes:
    """A format list: wildcards may stand anywhere in it, entries that make no sense are passed over."""

    __slots__ = ("_any", "_exact", "_families", "entries")

    def __init__(self, text: str | Iterable[str]) -> None:
        self.entries: tuple[str, ...] = tuple(_split(text) if isinstance(text, str) else text)
        """Entries as written, in order of preference."""
        self._any = False
        exact: set[str] = set()
        families: set[str] = set()
        for entry in self.entries:
            if entry == "*" or entry.startswith("*;") or entry == "*/*":
                self._any = True
                continue
            bare = media_type(entry)
            if bare is None:
                continue
            family, _, subtype = bare.partition("/")
            if subtype == "*":
                families.add(family)
            else:
                exact.add(bare)
        self._exact = frozenset(exact)
        self._families = frozenset(families)

    def allows(self, content_type: str) -> bool:
        """True when a message of this type may be sent to who gave the list; parameters and case do not matter."""
        if content_type in self._exact:  # written as it is listed, as nearly all are
            return True
        bare = media_type(content_type)
        return bare is not None and self.allows_bare(bare)

    def allows_bare(self, bare: str) -> bool:
        """``allows`` for what media_type returned."""
        return self._any or bare in self._exact or bare.partition("/")[0] in self._families

    def __str__(self) -> str:
        return " ".join(self.entries)

    def __repr__(self) -> str:
        return f"AcceptTypes({str(self)!r})"

    def __bool__(self) -> bool:
        return self._any or bool(self._exact) or bool(self._families)

    def _covers(self, entry: str) -> bool:
        """True when ``entry`` (which may be a wildcard) has anything in common with this list."""
        if entry == "*" or entry.startswith("*;") or entry == "*/*":
            return bool(self)
        bare = media_type(entry)
        if bare is None:
            return False
        family, _, subtype = bare.partition("/")
        if self._any or bare in self._exact or family in self._families:
            return True
        return subtype == "*" and any(known.startswith(family + "/") for known in self._exact)


ANY = AcceptTypes("*")
"""Everything is accepted."""


def common(ours: AcceptTypes, theirs: AcceptTypes) -> list[str]:
    """The entries of ``ours`` that ``theirs`` shares at least in part, in our order; empty means 488 (RULEBOOK S9)."""
    return [entry for entry in ours.entries if theirs._covers(entry)]
