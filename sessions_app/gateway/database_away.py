"""While the database takes no rows: what waits to be kept, and whether a sender is better left to repeat itself."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from sessions_app.gateway.duplicates import OF_EARLIER_PROCESS
from sessions_app.gateway.life import State

if TYPE_CHECKING:
    from protocols.sip.transaction_server import ServerTransaction
    from protocols.timers import TimerWheel
    from sessions_app.gateway.carried import Carried
    from sessions_app.gateway.gateway import Store

PATIENCE: Final = 10.0
"""Seconds without a database in which MESSAGEs for new sessions are left to be repeated; then they get 503."""


class DatabaseAway:
    """What one gateway does about it; ``look`` is called a few times a second."""

    __slots__ = ("_since", "_started", "_store", "_unkept", "_wheel")

    def __init__(self, store: Store, wheel: TimerWheel) -> None:
        self._store = store
        self._wheel = wheel
        self._started = wheel.now
        self._since: float | None = None
        self._unkept: deque[tuple[Carried, Callable[[Any], object]]] = deque()

    def look(self) -> None:
        """Keep what waits, as far as rows are taken."""
        if self._store.healthy:
            self._since = None
        elif self._since is None:
            self._since = self._wheel.now
        while self._unkept:
            message, promise = self._unkept[0]
            if message.state is State.RECEIVED:
                if not self._can_keep:
                    break
                message.owe(promise)
            self._unkept.popleft()

    @property
    def _can_keep(self) -> bool:
        return self._store.healthy and not self._store.full

    def keep_in_turn(self, message: Carried, promise: Callable[[Any], object]) -> None:
        """Keep a message now, or, while nothing can be kept, after those that wanted it before.

        Kept out of turn, it alone would be there after a crash, and go out before what came before it.
        """
        if self._unkept or not self._can_keep:
            self._unkept.append((message, promise))
        else:
            message.owe(promise)

    @property
    def is_young(self) -> bool:
        """Whether what comes may be the repeat of something that the process before this one had, unknown to us."""
        return self._wheel.now < self._started + OF_EARLIER_PROCESS

    def bears_with(self, transaction: ServerTransaction) -> bool:
        """Whether a MESSAGE that cannot be taken without a database is better left to its sender's Timer E.

        That is so for an absence that is likely to end before Timer F, and where the MESSAGE may be the repeat of one
        that the process before this one delivered: a refusal would then be a lie.
        """
        if transaction.flow.reliable:
            return False  # nobody repeats it
        return self.is_young or self._since is None or self._wheel.now < self._since + PATIENCE
