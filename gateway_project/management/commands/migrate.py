"""`manage.py migrate`: Django's own, on a database that is made first where it is the embedded one and missing."""

from __future__ import annotations

from typing import Any

from django.core.management.commands import migrate

from gateway_project.bootstrap import make_database


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        make_database()
        super().handle(*args, **options)
