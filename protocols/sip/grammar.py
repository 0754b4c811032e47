"""The productions of RFC 3261 s25.1 that more than one header shares, as pieces of regular expressions.

All repetitions are possessive or end at a character that they exclude, so that matching is linear in the input.
"""

from __future__ import annotations

from typing import Final

TCHAR: Final = r"[A-Za-z0-9\-.!%*_+`'~]"
"""One character of a token."""
HOST: Final = r"(?:[A-Za-z0-9][A-Za-z0-9._\-]*+|\[[0-9A-Fa-f:.]++\])"
"""hostname, IPv4address or IPv6reference; underscores are seen and do no harm."""
QUOTED: Final = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
"""A quoted-string with its quotes; needs re.DOTALL, as a quoted-pair may hold any octet but CR and LF."""
LWS: Final = r"[ \t]*+"
"""What is left of LWS once lines are unfolded."""
