"""Finding sessions by any part of what names them, however many there are.

A session is found by part of its key, URIs, Call-ID or MSRP paths through one trigram index (``session_text``), and by
the beginning of a message's Call-ID or Message-ID through two plain ones: a trigram index on messages would cost the
message path more than the row (docs/pages.md).
"""

from __future__ import annotations

from typing import Final

SHORTEST: Final = 3
"""Characters that a trigram index needs."""
MOST_MESSAGES: Final = 200
"""Sessions that are looked up by way of their messages."""
MOST_SOURCES: Final = 5000
