"""`manage.py rungateway`: the gateway alone, for production.

SIP and MSRP, and on HTTP_LISTEN only /healthz and /readyz. SIGTERM and SIGINT drain: nothing new is taken, sessions get
their BYE, the records are written. Pages, worker and beat are processes of their own (see deploy/).
"""

from __future__ import annotations

import signal
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connections

from gateway_project import startup
from gateway_project.postgres.share import share_of
from gateway_project.serving import serve
from gateway_project.state import PidLock


class Command(BaseCommand):
    help = "Runs SIP and MSRP, with /healthz and /readyz on HTTP_LISTEN, until SIGTERM drains it."
    requires_system_checks: list[str] = []  # run below, with their errors as one line

    def handle(self, *args: Any, **options: Any) -> None:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # until the reactor has its own
        lock = PidLock(settings.PID_FILE)
        lock.acquire()
        try:
            startup.refuse_taken_addresses(startup.listeners(settings.HTTP_LISTEN))
            startup.refuse_failed_checks()
            if settings.EMBEDDED_POSTGRES:
                share_of(settings.STATE_DIR).keep_running(make=False)
            startup.refuse_unprepared_database()
            connections.close_all()

            from gateway_project.asgi import gateway

            serve(gateway, settings.HTTP_LISTEN, self.announce)
        finally:
            connections.close_all()
            if settings.EMBEDDED_POSTGRES:
                share_of(settings.STATE_DIR).release()
            lock.release()

    def announce(self) -> None:
        self.stdout.write(startup.banner(settings.HTTP_LISTEN))
        self.stdout.write(startup.READY)
        self.stdout.flush()
