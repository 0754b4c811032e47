"""The Celery worker, with beat in it, that `runserver` keeps running beside the gateway."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time

from django.conf import settings

from gateway_project.celery import PARENT_VARIABLE

STOP_PATIENCE = 10.0  # seconds for tasks under way
LONGEST_PAUSE = 30.0  # seconds between two attempts to start a worker that keeps dying
LONG_LIFE = 60.0  # seconds after which a death counts as a first one again

COMMAND = ["-m", "celery", "-A", "gateway_project", "--quiet", "worker", "--beat", "--pool=threads", "--concurrency=2"]
QUIET = ["-W", "ignore:You're running the worker with superuser"]  # whoever started the gateway has decided that
ALONE = ["--without-gossip", "--without-mingle", "--without-heartbeat"]  # there is no second worker to talk to

logger = logging.getLogger(__name__)


class Worker:
    """A child process that is started again when it dies, until stopped."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="keep-worker", daemon=True)

    def start(self) -> None:
        self._child = self._launch()
        self._keeper.start()

    def stop(self) -> None:
        """Let tasks under way finish, then end the worker and whatever it started."""
        self._stopping.set()
        child = self._child
        if child is None:
            return
        child.terminate()
        try:
            child.wait(STOP_PATIENCE)
        except subprocess.TimeoutExpired:
            logger.warning("worker did not stop in time, killing it", extra={"worker_pid": child.pid})
        _kill_group(child)
        child.wait()
        self._keeper.join(1.0)

    def _launch(self) -> subprocess.Popen[bytes]:
        # A session of its own: Ctrl-C is for the gateway, and what a dead worker left behind can be found.
        return subprocess.Popen(  # noqa: S603 - this interpreter, fixed arguments
            [sys.executable, *QUIET, *COMMAND, *ALONE],
            cwd=settings.HOME_DIR,
            env=os.environ | {PARENT_VARIABLE: str(os.getpid()), "PARLEY_STATE_DIR": str(settings.STATE_DIR)},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _keep(self) -> None:
        pause = 1.0
        while self._child is not None:
            started = time.monotonic()
            status = self._child.wait()
            if self._stopping.is_set():
                return
            pause = 1.0 if time.monotonic() - started > LONG_LIFE else min(pause * 2, LONGEST_PAUSE)
            logger.error("worker died, starting another", extra={"status": status, "pause": pause})
            _kill_group(self._child)
            if self._stopping.wait(pause):
                return
            self._child = self._launch()


def _kill_group(child: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
