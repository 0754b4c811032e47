"""What a supervisor or load balancer asks: does the process run, and can it work?

Anybody may ask that, as those who must may be anywhere; what it is that does not work, the version and the measures are
for machines of GATEWAY_METRICS_NETWORKS (:mod:`sessions_app.machines`).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import Error
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client import REGISTRY as PROCESS

from sessions_app import __version__, machines, shortage
from sessions_app.machines import for_machines
from sessions_app.metering import REGISTRY
from sessions_app.models import Node

HEARTBEAT_MISSED = timedelta(seconds=20)
"""Four heartbeats."""

_migrated = False


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers, and says its version to whoever may know.

    The database is not asked: restarting us would not bring it back.
    """
    answer = {"status": "ok"}
    if _may_know(request):
        answer["version"] = __version__
    return JsonResponse(answer)


@for_machines("metrics_networks", "metrics_token")
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """What this process counted, for Prometheus: the gateway's numbers where it is a gateway process."""
    content = generate_latest(REGISTRY) + generate_latest(PROCESS)
    return HttpResponse(content, content_type=CONTENT_TYPE_LATEST)


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 if every check is ok, else 503; ``checks`` says which, to whoever may know."""
    checks = _checks()
    answer: dict[str, Any] = {"ready": all(answer == "ok" for answer in checks.values())}
    if _may_know(request):
        answer["checks"] = checks
    return JsonResponse(answer, status=200 if answer["ready"] else 503)


def _may_know(request: HttpRequest) -> bool:
    """Whether more is for them than well or not, ready or not, which is all that an orchestrator needs."""
    try:
        machines.check(request, "metrics_networks")
    except machines.Refused:
        return False
    return True


def _checks() -> dict[str, str]:
    try:
        with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute("SELECT 1")
        if not _all_migrated():
            return {"database": "ok", "migrations": "not applied: run manage.py migrate"}
        return {"database": "ok", "migrations": "ok", "gateway": _gateway()}
    except (Error, OSError) as error:
        return {"database": shortage.of(error) or "not reachable"}


def _all_migrated() -> bool:
    """Asked until it is true; migrations do not go away while a process runs."""
    global _migrated  # noqa: PLW0603
    if not _migrated:
        executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
        _migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return _migrated


def _gateway() -> str:
    """Whether this machine's gateway process beats; a gateway that never ran here is not missed."""
    node = Node.objects.filter(name=settings.GATEWAY_NODE_NAME).first()
    if node is None:
        return "ok"
    if node.stopped_at is not None:
        return f"{node.name} has stopped"
    if node.heartbeat_at < timezone.now() - HEARTBEAT_MISSED:
        return f"{node.name} has not been heard of since {node.heartbeat_at:%Y-%m-%d %H:%M:%S} UTC"
    return "ok"
