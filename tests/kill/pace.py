"""When letters go out: not before they are due, and after an outage not all at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

from tests.kill.schedule import Letter

CATCHING_UP = 4.0
"""How many times the nominal rate a conversation sends at the most when it is behind."""


class Pace:
    """Common to all conversations of a run, from the start of the load to :meth:`stop`."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._start = self._loop.time()
        self._stopped = asyncio.Event()

    async def of(self, letters: Iterator[Letter], pause: float) -> AsyncIterator[Letter]:
        """The letters of a conversation with this mean ``pause``, each when its time has come."""
        earliest = 0.0
        for letter in letters:
            at = max(self._start + letter.due, earliest)
            await self._wait(at - self._loop.time())
            if self._stopped.is_set():
                return
            earliest = self._loop.time() + pause / CATCHING_UP
            yield letter

    async def _wait(self, seconds: float) -> None:
        if seconds > 0 and not self._stopped.is_set():
            try:
                async with asyncio.timeout(seconds):
                    await self._stopped.wait()
            except TimeoutError:
                pass

    def stop(self) -> None:
        """No more letters."""
        self._stopped.set()
