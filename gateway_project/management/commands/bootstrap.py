"""`manage.py bootstrap`: tables, admin user and default routes, before the first start and after an upgrade."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from gateway_project import startup
from gateway_project.bootstrap import bootstrap


class Command(BaseCommand):
    help = "Migrates the database and makes the admin user and the default routes where they are missing."

    def handle(self, *args: Any, **options: Any) -> None:
        admin = bootstrap()
        self.stdout.write(f"Database: {startup.database_label()}")
        self.stdout.write(f"Admin: {startup.admin_label(admin)}")
