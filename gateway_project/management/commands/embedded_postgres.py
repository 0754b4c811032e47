"""`manage.py embedded_postgres`: look at the embedded database, or stop one that a killed gateway left running."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from gateway_project.postgres.cluster import Cluster
from gateway_project.postgres.share import share_of


class Command(BaseCommand):
    help = "status: whether it runs; url: where to connect; stop: stop it unless a process still uses it."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["status", "url", "stop"])

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.EMBEDDED_POSTGRES:
            raise CommandError("DATABASE_URL is set, so the embedded PostgreSQL is not used")
        cluster = Cluster(settings.STATE_DIR)
        match options["action"]:
            case "url":
                self.stdout.write(cluster.url)
            case "status":
                pid = cluster.pid()
                self.stdout.write(f"running, pid {pid}" if pid else "stopped")
            case "stop":
                if cluster.pid() is not None:
                    share_of(settings.STATE_DIR).ensure()
                    share_of(settings.STATE_DIR).release()
                if cluster.pid() is not None:
                    raise CommandError("another process still uses it, stop that one")
