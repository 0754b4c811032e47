"""Random identifiers of MSRP: session-ids, transaction ids, Message-IDs.

All are lower-case hex slices of ``os.urandom``, which is legal ``ident`` text (RFC 4975 s9: 4..32 characters, the
first alphanumeric). Entropy is drawn a block at a time, because one system call per identifier would cost more than
the rest of a small SEND. The stock is thrown away in a forked child, so two processes never hand out the same one.
"""

from __future__ import annotations

import os
import re

_BLOCK_BYTES = 4000
_SHORT_BYTES = 12  # 96 bits: RULEBOOK S4 asks >= 64 for a transaction id
_LONG_BYTES = 16  # 128 bits: RULEBOOK S3 asks >= 80 for a session-id

_short_stock: list[str] = []
_long_stock: list[str] = []

IDENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9.\-+%=]{3,31}")
"""``ident`` of RFC 4975 s9; use with ``fullmatch``. RULEBOOK S4."""


def _drawn(size: int) -> list[str]:
    text = os.urandom(_BLOCK_BYTES).hex()
    width = 2 * size
    return [text[at : at + width] for at in range(0, len(text) - width + 1, width)]


def new_transaction_id() -> str:
    """A fresh transaction id: 24 characters, 96 random bits (RULEBOOK S4, RFC 4975 s7.1)."""
    while True:
        try:
            return _short_stock.pop()
        except IndexError:  # list.pop is atomic: threads may share the stock
            _short_stock.extend(_drawn(_SHORT_BYTES))


def new_session_id() -> str:
    """A fresh session-id: 32 characters, 128 random bits (RULEBOOK S3, RFC 4975 s14.1)."""
    while True:
        try:
            return _long_stock.pop()
        except IndexError:
            _long_stock.extend(_drawn(_LONG_BYTES))


def new_message_id() -> str:
    """A fresh Message-ID: 32 characters, 128 random bits, so it does not repeat anywhere (RULEBOOK S4, S5)."""
    return new_session_id()


def _forget_after_fork() -> None:
    _short_stock.clear()
    _long_stock.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)
