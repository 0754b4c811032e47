"""Identifiers of MSRP: session-ids, transaction ids, Message-IDs.

All are lower-case hexadecimal, which is legal ``ident`` text (RFC 4975 s9: 4..32 characters, the first alphanumeric).
"""

from __future__ import annotations

import re
from hashlib import blake2b

from protocols.entropy import source

IDENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9.\-+%=]{3,31}")
"""``ident`` of RFC 4975 s9; use with ``fullmatch``. RULEBOOK S4."""

new_transaction_id = source(24)
"""A fresh transaction id: 24 characters, 96 random bits (RULEBOOK S4 asks for 64, RFC 4975 s7.1)."""

new_session_id = source(32)
"""A fresh session-id: 32 characters, 128 random bits (RULEBOOK S3 asks for 80, RFC 4975 s14.1)."""

new_message_id = new_session_id
"""A fresh Message-ID: 32 characters, 128 random bits, so it does not repeat anywhere (RULEBOOK S4, S5)."""


def derived_message_id(identity: str) -> str:
    """A Message-ID that follows from what it stands for: 32 characters, 128 bits of a hash.

    The same content sent again, on a new session or by another process, carries it again, so that the receiver can
    tell (RFC 4975 s5.4, RULEBOOK S5). ``identity`` must itself be unique in space and time, as a Call-ID is.
    """
    return blake2b(identity.encode("utf-8", "replace"), digest_size=16).hexdigest()
