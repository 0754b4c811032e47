"""The gateway and its records, as a Django app."""

from django.apps import AppConfig


class SessionsAppConfig(AppConfig):
    name = "sessions_app"
    verbose_name = "Gateway"

    def ready(self) -> None:
        from sessions_app import checks  # noqa: F401 - importing registers them
