"""What a peer has received and its test has not asked for yet; every wait has a deadline."""

from __future__ import annotations

import threading
import time


class Missing(AssertionError):
    """What was expected did not come in time."""


class Inbox:
    """Filled by the peers' reading threads, emptied by the test's `take`."""

    def __init__(self, name):
        self.name = name
        self._waiting = []
        self._log = []
        self._changed = threading.Condition()

    def put(self, item):
        """Something came."""
        with self._changed:
            self._waiting.append(item)
            self._log.append(item)
            self._changed.notify_all()

    def take(self, wanted, within, what):
        """The first item that `wanted` likes, waiting for it; `what` names it if it does not come."""
        deadline = time.monotonic() + within
        with self._changed:
            while True:
                for index, item in enumerate(self._waiting):
                    if wanted(item):
                        return self._waiting.pop(index)
                left = deadline - time.monotonic()
                if left <= 0:
                    raise Missing(f"{self.name}: no {what} within {within:g} s. Received so far:\n{self._story()}")
                self._changed.wait(left)

    def having(self, wanted):
        """What came and was not taken, of the wanted kind."""
        with self._changed:
            return [item for item in self._waiting if wanted(item)]

    def everything(self):
        """All that ever came, in order."""
        with self._changed:
            return list(self._log)

    def _story(self):
        return "\n".join(f"  {item}" for item in self._log) or "  nothing"
