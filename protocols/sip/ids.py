"""Branches, tags and Call-IDs: unguessable and unique in space and time (RFC 3261 s8.1.1.4, s8.1.1.7, s19.3)."""

from __future__ import annotations

from protocols.entropy import source
from protocols.sip.via import COOKIE

_branch = source(24)


def new_branch() -> str:
    """A Via branch: the magic cookie and 96 random bits."""
    return COOKIE + _branch()


new_tag = source(16)
"""A From or To tag of 64 random bits."""

new_call_id = source(32)
"""A Call-ID of 128 random bits."""
