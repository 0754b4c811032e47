"""Branches, tags and Call-IDs: unguessable and unique in space and time (RFC 3261 s8.1.1.4, s8.1.1.7, s19.3)."""

from __future__ import annotations

from protocols.entropy import token

BRANCH_COOKIE = "z9hG4bK"


def new_branch() -> str:
    """A Via branch: the magic cookie and 96 random bits."""
    return BRANCH_COOKIE + token(24)


def new_tag() -> str:
    """A From or To tag of 64 random bits."""
    return token(16)


def new_call_id() -> str:
    """A Call-ID of 128 random bits."""
    return token(32)
