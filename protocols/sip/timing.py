"""The timers of RFC 3261 s17 and table 4, RFC 6026 and RFC 4320, in seconds."""

from __future__ import annotations

from typing import Final

T1: Final = 0.5
"""Round-trip time estimate."""
T2: Final = 4.0
"""Longest interval between retransmissions of a non-INVITE request and of an INVITE response."""
T4: Final = 5.0
"""Longest time a message stays in the network."""

TIMER_B: Final = 64 * T1
"""INVITE client transaction gives up (s17.1.1.2)."""
TIMER_D: Final = 32.0
"""INVITE client transaction absorbs repeated refusals over UDP (s17.1.1.2)."""
TIMER_F: Final = 64 * T1
"""Non-INVITE client transaction gives up (s17.1.2.2)."""
TIMER_H: Final = 64 * T1
"""INVITE server transaction gives up waiting for the ACK of a refusal (s17.2.1)."""
TIMER_I: Final = T4
"""INVITE server transaction absorbs repeated ACKs over UDP (s17.2.1)."""
TIMER_J: Final = 64 * T1
"""Non-INVITE server transaction replays its answer (s17.2.2)."""
TIMER_L: Final = 64 * T1
"""INVITE server transaction absorbs repeated INVITEs after a 2xx (RFC 6026 s8.4)."""
TIMER_M: Final = 64 * T1
"""INVITE client transaction passes on repeated 2xx (RFC 6026 s8.4)."""

TRYING_AFTER: Final = 3.5
"""A non-INVITE request gets its 100 when the sender's Timer E reaches T2, over UDP not before (RFC 4320 s4.1)."""
INVITE_TRYING_AFTER: Final = 0.2
"""An INVITE that its user has not answered by then gets a 100 (s17.2.1)."""
