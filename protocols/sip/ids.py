"""Branches, tags and Call-IDs: unguessable and unique in space and time (RFC 3261 s8.1.1.4, s8.1.1.7, s19.3)."""

from __future__ import annotations

import secrets
from hashlib import blake2b
from typing import TYPE_CHECKING

from protocols.entropy import source
from protocols.sip.via import COOKIE

if TYPE_CHECKING:
    from protocols.sip.message import Message

_branch = source(24)
_half = source(12)


def new_branch() -> str:
    """A Via branch: the magic cookie and 96 random bits."""
    return COOKIE + _branch()


class Branches:
    """The branches of one transaction layer, which knows them again in a request that has come back (RFC 5393 s4)."""

    __slots__ = ("mark",)

    def __init__(self) -> None:
        self.mark = COOKIE + _half()
        """What a Via header field with one of them has in it, and no other."""

    def new(self) -> str:
        """A Via branch: the magic cookie, 48 random bits that all of these branches share, and 48 of its own."""
        return self.mark + _half()


class StatelessTags:
    """To tags of answers that nothing is kept of: of its own for each request, the same each time it comes (s8.2.7)."""

    __slots__ = ("_secret",)

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(16)

    def of(self, request: Message, source: tuple[str, int]) -> str:
        """The tag for what ``source`` has sent."""
        return blake2b(repr((request.headers, source)).encode(), digest_size=8, key=self._secret).hexdigest()


new_tag = source(16)
"""A From or To tag of 64 random bits."""

new_call_id = source(32)
"""A Call-ID of 128 random bits."""
