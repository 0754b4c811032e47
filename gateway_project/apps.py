"""The wiring as a Django app, so that its management commands (runserver, rungateway, bootstrap ...) are found."""

from django.apps import AppConfig


class GatewayProjectConfig(AppConfig):
    name = "gateway_project"
    verbose_name = "Parley wiring"

    def ready(self) -> None:
        # Importing the Celery app makes it the current one, so `shared_task(...).delay()` works from the pages too.
        from gateway_project import celery, checks  # noqa: F401
