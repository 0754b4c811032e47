"""The gateway and its records, as a Django app."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class SessionsAppConfig(AppConfig):
    name = "sessions_app"
    verbose_name = "Gateway"

    def ready(self) -> None:
        from sessions_app import checks, roles, trail  # noqa: F401 - importing registers the checks

        post_migrate.connect(roles.ensure_groups, sender=self, dispatch_uid="parley-groups")
        trail.connect()
