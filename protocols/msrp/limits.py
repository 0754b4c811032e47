"""Every bound and every delay of the MSRP engine, in one table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, frozen=True)
class Limits:
    """Bounds (bytes, counts) and delays (seconds) of one endpoint."""

    max_header_bytes: int = 8192
    """Longest head of a frame, start line included; more is a framing error."""
    max_frame_body: int = 10 * 1024 * 1024
    """Longest body of one chunk that is kept in memory."""
    max_message_bytes: int = 10 * 1024 * 1024
    """Longest incoming message when the session sets no max-size of its own (RULEBOOK S24)."""
    max_assemblies_per_session: int = 16
    """Messages of one session that may be incomplete at once."""
    max_assemblies: int = 10_000
    """Messages of the whole process that may be incomplete at once."""
    max_held_bytes: int = 256 * 1024 * 1024
    """Bytes of incomplete frames and messages held by the whole process, where its host sets no bound of its own."""
    max_refusals: int = 8
    """Refused requests after which a connection that carries no session is closed."""
    max_outbox_bytes: int = 8 * 1024 * 1024
    """Bytes that may wait on one connection before a send is refused."""
    flush_budget: int = 64 * 1024
    """Bytes of big messages produced by one take_output."""
    fair_slice: int = 64 * 1024
    """Bytes one big message may send while others wait on the same connection; at least 2048 (RULEBOOK S23).

    Smaller slices would cut most messages in two and leave a peer with as many open messages as there are sessions."""
    remembered_ids: int = 64
    """Message-IDs a session remembers, at the most, to recognise duplicates (RULEBOOK S18)."""
    transaction_timeout: float = 30.0
    """Wait for a response, from the last byte handed out (RULEBOOK S26)."""
    bind_timeout: float = 30.0
    """Wait of the passive side for the first SEND, and of an accepted connection for its first session."""
    assembly_timeout: float = 120.0
    """Silence after which an incomplete message is given up."""
