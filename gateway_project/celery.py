"""The Celery application: `celery -A gateway_project worker` and `beat`. Tasks stand in the apps' tasks.py."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from typing import Any

from celery import Celery, signals

from gateway_project.env import one_line_errors

#: Set for the worker that `runserver` starts: the process it must not outlive.
PARENT_VARIABLE = "PARLEY_PARENT_PID"

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway_project.settings")
with one_line_errors():
    from django.conf import settings

    _ = settings.INSTALLED_APPS  # a bad setting shows itself here, as one line

app = Celery("parley")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@signals.setup_logging.connect
def use_project_logging(**kwargs: Any) -> None:
    """Being connected keeps Celery from configuring logging; Django has done so from LOGGING."""


@signals.worker_init.connect
def leave_with_starter(**kwargs: Any) -> None:
    """A worker that another process started ends with it, even when that one was killed."""
    if parent := os.environ.get(PARENT_VARIABLE):
        _leave_when_orphaned(int(parent))


@signals.worker_init.connect
@signals.beat_init.connect
def refuse_missing_database(**kwargs: Any) -> None:
    """A worker with another state folder than the gateway's would serve an empty database, and nobody's tasks."""
    from gateway_project import startup

    with one_line_errors():
        startup.refuse_missing_database()


@signals.beat_embedded_init.connect
def leave_with_worker(**kwargs: Any) -> None:
    """The embedded beat is a process of its own and would schedule on after its worker was killed."""
    _leave_when_orphaned(os.getppid())


def _leave_when_orphaned(parent: int) -> None:
    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        logging.getLogger(__name__).warning("starter is gone, leaving", extra={"starter_pid": parent})
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="watch-starter", daemon=True).start()
