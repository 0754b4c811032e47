"""What came before: a message that is sent again must not be delivered again (RFC 4975 s5.4, RULEBOOK M13, S18).

A repeat within a transaction, and by another way, is the transaction layer's to know. Here is what outlives one: the
Message-IDs of a conversation across its sessions and connections, and what an earlier process had taken.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sessions_app.gateway.to_page import ToPage

MOST: Final = 50_000
"""Entries of one of the two generations: at full speed some seconds, else hours."""
OF_EARLIER_PROCESS: Final = 60.0
"""Seconds after the start in which a MESSAGE may be the repeat of one that the process before took (Timer F, 32 s)."""


class SeenOnMsrp:
    """SENDs by session key and Message-ID: on their way (their :class:`ToPage`) or done (the status they were given).

    One that failed is known by the negated CSeq of its last try: to send it again is the right thing to do.
    """

    __slots__ = ("_newer", "_older")

    def __init__(self) -> None:
        self._newer: dict[str, ToPage | int] = {}
        self._older: dict[str, ToPage | int] = {}

    def get(self, name: str) -> ToPage | int | None:
        """What is known of it; ``name`` is that of :func:`seen_as`."""
        known = self._newer.get(name)
        return self._older.get(name) if known is None else known

    def put(self, name: str, value: ToPage | int) -> None:
        """Remember it, in place of what was known."""
        if len(self._newer) >= MOST:
            self._older = self._newer
            self._newer = {}
        self._newer[name] = value


def seen_as(key: str, message_id: str) -> str:
    """The name of a SEND in :class:`SeenOnMsrp`: its conversation and its Message-ID."""
    return f"{key}\n{message_id}"


class SeenBefore:
    """MESSAGEs that an earlier process took, by the Message-ID that follows from them, with the answer they are due."""

    __slots__ = ("_answers", "_until")

    def __init__(self) -> None:
        self._answers: dict[str, int] = {}
        self._until = 0.0

    def learn(self, answers: Iterable[tuple[str, int]], now: float) -> None:
        """Remember them until their senders no longer repeat."""
        self._answers.update(answers)
        self._until = now + OF_EARLIER_PROCESS

    def __bool__(self) -> bool:
        """Whether there is anything to be known."""
        return bool(self._answers)

    def answer_to(self, message_id: str, now: float) -> int | None:
        """The answer to a MESSAGE that was there before; None for a new one."""
        if now > self._until:
            self._answers.clear()
            return None
        return self._answers.get(message_id)
