"""`manage.py runserver`: everything in one go, for development and small installations.

Pages, SIP and MSRP in this process, a Celery worker with beat as its child, the embedded PostgreSQL where DATABASE_URL
is not set. With the autoreloader (the default) the children belong to the reloading parent and outlive each reload; the
serving process is then stopped hard, without a drain. `--noreload` drains.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from daphne.management.commands import runserver
from django.conf import settings
from django.db import connections
from django.utils import autoreload

from gateway_project import startup
from gateway_project.bootstrap import Admin, bootstrap
from gateway_project.env import Address
from gateway_project.postgres.share import share_of
from gateway_project.serving import serve
from gateway_project.state import PidLock
from gateway_project.worker import Worker
from protocols.server import Server


class Command(runserver.Command):
    help = "Runs the gateway with its pages, its worker and, without DATABASE_URL, its database."
    server_cls = Server

    admin: Admin | None = None

    def handle(self, *args: Any, **options: Any) -> None:
        options["addrport"] = options["addrport"] or settings.HTTP_LISTEN.hostport
        super().handle(*args, **options)

    def run(self, **options: Any) -> None:
        if options["use_reloader"] and os.environ.get(autoreload.DJANGO_AUTORELOAD_ENV) == "true":
            super().run(**options)  # the parent has prepared everything
            return
        # Until the reactor has handlers of its own, a polite end must still stop what has been started.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        try:
            with self.surroundings():
                if options["use_reloader"] and self.admin and self.admin.new_password:
                    self.stdout.write(f"Admin: {startup.admin_label(self.admin)}")
                super().run(**options)
        except KeyboardInterrupt:
            sys.exit(0)

    @contextmanager
    def surroundings(self) -> Iterator[None]:
        """All that the serving process needs around it, taken down in the opposite order whatever happens."""
        lock = PidLock(settings.PID_FILE)
        lock.acquire()
        try:
            startup.refuse_taken_addresses(startup.listeners(self.http))
            startup.refuse_failed_checks()
            if settings.EMBEDDED_POSTGRES:
                share_of(settings.STATE_DIR).keep_running()
            self.admin = bootstrap()
            connections.close_all()
            worker = Worker()
            worker.start()
            try:
                yield
            finally:
                worker.stop()
        finally:
            connections.close_all()
            share_of(settings.STATE_DIR).release()
            lock.release()

    def inner_run(self, *args: Any, **options: Any) -> None:
        autoreload.raise_last_exception()
        if options["use_reloader"]:
            startup.refuse_failed_checks()  # the code may have changed since the parent looked
            self.admin = Admin(settings.ADMIN_USER, None)
        serve(
            self.get_application(options),
            self.http,
            self.announce,
            signal_handlers=not options["use_reloader"],
            http_timeout=self.http_timeout,
            websocket_handshake_timeout=self.websocket_handshake_timeout,
            websocket_max_message_size=self.websocket_max_message_size,
            websocket_max_frame_size=self.websocket_max_frame_size,
        )

    def get_application(self, options: dict[str, Any]) -> Any:
        """The application as it is: whitenoise, a middleware, serves static files with and without DEBUG."""
        return runserver.get_default_application()

    def announce(self) -> None:
        self.stdout.write(startup.banner(self.http, self.admin))
        self.stdout.write(startup.READY)
        self.stdout.flush()

    @property
    def http(self) -> Address:
        return Address("tcp", self.addr, int(self.port))
