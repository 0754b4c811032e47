"""Several processes, one server: the first that needs it starts it, the last that leaves stops it.

Counting is done by the kernel: every user holds a shared lock on one file, and whoever can turn its own into an
exclusive one was the last. A killed process therefore never leaves a wrong count behind.
"""

from __future__ import annotations

import atexit
import fcntl
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway_project.env import EnvError
from gateway_project.postgres.cluster import Cluster
from sessions_app import shortage

KEEP_INTERVAL = 1.0  # seconds between two looks at a server that is kept running

logger = logging.getLogger(__name__)

_shares: dict[Path, Share] = {}
_shares_guard = threading.Lock()


class Share:
    """This process's hold on the server of one state folder."""

    def __init__(self, state: Path) -> None:
        self.cluster = Cluster(state)
        self._change = state / "postgres.lock"  # held while somebody starts or stops
        self._users = state / "postgres.users"
        self._fd: int | None = None
        self._pid = 0
        self._trouble = ""  # why it is not looked after at present
        self._guard = threading.Lock()
        self._released = threading.Event()

    def ensure(self, *, make: bool = True) -> Cluster:
        """The running server; started, or started again, where it does not run. Cheap when it does.

        ``make``: whether a database is made where there is none. Raises EnvError with the reason as one line.
        """
        with self._guard:
            held = self._held()
            if not make and not held and not self.cluster.made():
                self.cluster.refuse_to_make()
            if not held or not self.cluster.ready():
                with _locked(self._change):
                    if not held:
                        # A forked child takes a hold of its own: closing the inherited one would give up nothing.
                        self._fd = os.open(self._users, os.O_RDWR | os.O_CREAT, 0o600)
                        self._pid = os.getpid()
                        fcntl.flock(self._fd, fcntl.LOCK_SH)
                    self.cluster.start()
            return self.cluster

    def keep_running(self, *, make: bool = True) -> None:
        """Look after the server until release: one that dies is started again, whether or not somebody connects."""
        self.ensure(make=make)
        self._released.clear()
        threading.Thread(target=self._keep, name="keep-postgres", daemon=True).start()

    def _keep(self) -> None:
        while not self._released.wait(KEEP_INTERVAL):
            with self._guard:
                if self._held():
                    self._look()

    def _look(self) -> None:
        """Start it where it has died, and say so; what hinders that, or the look itself, is said when it changes."""
        doing = "cannot be looked after"
        try:
            if not self.cluster.ready():
                doing = "did not start"
                if not self._trouble:
                    logger.error("the embedded PostgreSQL died, starting it again")
                with _locked(self._change):
                    self.cluster.start()
        except (EnvError, OSError) as fault:  # a full disk, for one: the next look may find room
            trouble = f"the embedded PostgreSQL {doing}: {shortage.words(fault)}"
            if trouble != self._trouble:
                logger.error(trouble)
            self._trouble = trouble
        else:
            if self._trouble:
                logger.warning("the embedded PostgreSQL is looked after again, and runs")
            self._trouble = ""

    def _held(self) -> bool:
        return self._fd is not None and self._pid == os.getpid()

    def release(self) -> None:
        """Give up the hold; stops the server when no other process has one."""
        self._released.set()
        with self._guard:
            if self._fd is None or not self._held():
                return
            with _locked(self._change):
                try:
                    fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    pass  # others use it
                else:
                    self.cluster.stop()
                os.close(self._fd)
                self._fd = None


def share_of(state: Path) -> Share:
    """This process's one Share of the state folder `state`, given up at exit."""
    with _shares_guard:
        if state not in _shares:
            _shares[state] = Share(state)
            atexit.register(_shares[state].release)
        return _shares[state]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
