"""The first page: how the gateway is doing now, how it did, and what needs somebody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django.db import connection
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.views.generic import TemplateView

from sessions_app.commands import ALIVE
from sessions_app.groups import Group, groups
from sessions_app.metering import percentile
from sessions_app.models import GatewaySession, MessageRecord, Node, PeerCheck, Traffic, WebhookDelivery
from sessions_app.pages.lists import MayLook
from sessions_app.templatetags.gateway import EXPIRES_SOON

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
OLD: Final = timedelta(minutes=5)
"""A message that waits longer wants a look."""
GROUPS: Final = 6
"""Causes that are shown."""
SPIKE: Final = 20
"""Failures of one cause in an hour that want a look."""


@dataclass(slots=True)
class Attention:
    """Something that somebody should look at, and where."""

    text: str
    address: str
    level: str = "warn"


class Dashboard(MayLook, TemplateView):
    """Numbers with links, charts, failures by cause, nodes."""

    permission_required = "sessions_app.view_gatewaysession"
    extra_context = {"nav": "dashboard"}

    def get_template_names(self) -> list[str]:
        """The part that moves alone, where htmx asks for it."""
        part = self.request.headers.get("HX-Request") == "true"
        return ["sessions_app/_now.html" if part else "sessions_app/dashboard.html"]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """All numbers come from the minutes that the processes count, and from indexes; none from whole tables."""
        context = super().get_context_data(**kwargs)
        now = timezone.now()
        user = self.request.user
        minutes = list(Traffic.objects.filter(minute__gte=now - HOUR).order_by("minute"))
        nodes = list(Node.objects.all())
        for node in nodes:
            node.condition = condition(node, now)
        found: list[Group] = []
        if user.has_perm("sessions_app.view_setupfailure") and user.has_perm("sessions_app.view_messagerecord"):
            found = groups(HOUR, now, unseen=True, most=GROUPS)
        context.update(
            numbers=_numbers(minutes, now),
            nodes=nodes,
            groups=found[:GROUPS],
            group_most=max((group.count for group in found), default=1),
            attention=_attention(self.request, nodes, found, now),
            sampled=now,
        )
        if "sessions_app/dashboard.html" in self.get_template_names():
            context["charts"] = {"hour": _series(now - HOUR, now, 60), "day": _series(now - DAY, now, 900)}
        return context


def condition(node: Node, now: datetime) -> str:
    """running, draining, stopped, or silent without having said that it stops."""
    if node.stopped_at is not None:
        return "stopped"
    if node.heartbeat_at < now - ALIVE:
        return "silent"
    return "running" if node.draining_since is None else "draining"


def _numbers(minutes: list[Traffic], now: datetime) -> dict[str, Any]:
    fresh = [row for row in minutes if row.minute >= now.replace(second=0, microsecond=0) - timedelta(minutes=1)]
    seconds = 60 + now.second
    latency = [sum(column) for column in zip(*(row.latency for row in minutes if row.latency), strict=False)]
    established = sum(row.established for row in minutes)
    failures = sum(row.setup_failures for row in minutes)
    tries = established + failures
    p95 = percentile(latency, 0.95)
    return {
        "live": GatewaySession.objects.filter(ended_at__isnull=True).count(),
        "to_msrp": sum(row.to_msrp for row in fresh) / seconds,
        "to_page": sum(row.to_page for row in fresh) / seconds,
        "success": None if not tries else 100 * established / tries,
        "tries": tries,
        "queue": _latest_queue(fresh),
        "p95": None if p95 is None else p95 * 1000,
        "failed": sum(row.failed for row in minutes),
    }


def _latest_queue(fresh: list[Traffic]) -> int:
    latest = {row.node: row.queue for row in fresh}
    return sum(latest.values())


_SERIES: Final = """
SELECT extract(epoch FROM date_bin(make_interval(secs => %(step)s), minute, %(start)s))::bigint AS at,
       sum(to_msrp), sum(to_page), sum(failed), sum(setup_failures)
  FROM sessions_app_traffic WHERE minute >= %(start)s AND minute < %(end)s GROUP BY 1 ORDER BY 1
"""


def _series(start: datetime, end: datetime, step: int) -> dict[str, Any]:
    """Messages a second each way, and failures, at even steps; a step without a row is a gap."""
    begin = int(start.timestamp()) // step * step
    with connection.cursor() as cursor:
        cursor.execute(_SERIES, {"step": step, "start": datetime.fromtimestamp(begin, tz=start.tzinfo), "end": end})
        rows = {row[0]: row[1:] for row in cursor.fetchall()}
    times = list(range(begin, int(end.timestamp()), step))
    columns: list[list[float | None]] = [[], [], [], []]
    for at in times:
        row = rows.get(at)
        for place, column in enumerate(columns):
            if row is None:
                column.append(None)
            else:
                column.append(round(row[place] / step, 2) if place < 2 else int(row[place]))
    return {
        "step": step,
        "times": times,
        "to_msrp": columns[0],
        "to_page": columns[1],
        "failed": columns[2],
        "setups": columns[3],
    }


def _attention(request: HttpRequest, nodes: list[Node], found: list[Group], now: datetime) -> list[Attention]:
    things = []
    peers = reverse("peers")
    for node in nodes:
        if node.condition == "silent":
            things.append(
                Attention(f"Node {node.name} has been silent for {_minutes(now - node.heartbeat_at)}.", peers, "bad")
            )
        elif node.condition == "draining":
            things.append(Attention(f"Node {node.name} is drained: it takes no new sessions.", peers))
    soon = now + EXPIRES_SOON
    certificates = [(f"Node {node.name}", node.certificate_expires) for node in nodes if node.stopped_at is None]
    certificates += PeerCheck.objects.filter(certificate_expires__lt=soon).values_list("target", "certificate_expires")
    for whose, expires in certificates:
        if expires is not None and expires < soon:
            when = f"ends in {_minutes(expires - now)}" if expires > now else f"ended {_minutes(now - expires)} ago"
            things.append(Attention(f"{whose}: its certificate {when}.", peers, "bad" if expires < now else "warn"))
    if not any(node.condition in ("running", "draining") for node in nodes):
        things.append(Attention("No gateway process runs.", peers, "bad"))
    things.extend(
        Attention(f"{check.target} does not answer: {check.detail}.", peers, "bad")
        for check in PeerCheck.objects.filter(reachable=False, at__gte=now - HOUR)[:5]
    )
    if request.user.has_perm("sessions_app.view_messagerecord"):
        old = MessageRecord.objects.filter(state="pending", received_at__lt=now - OLD)[:1001].count()
        if old:
            query = urlencode({"state": "pending", "sort": "oldest"})
            number = "More than 1,000" if old > 1000 else str(old)
            text = f"{number} message{'' if old == 1 else 's'} waiting for more than {OLD.seconds // 60} minutes."
            things.append(Attention(text, f"{reverse('message-list')}?{query}"))
    for group in found[:3]:
        if group.count >= SPIKE:
            where = reverse("failure-list" if group.kind == "setup" else "message-list")
            text = f"{group.count} failures in the last hour: {group.told.what}"
            things.append(Attention(text, f"{where}?{group.address}", "bad"))
    if request.user.has_perm("sessions_app.view_webhookdelivery"):
        lost = WebhookDelivery.objects.filter(state="given_up", finished_at__gte=now - DAY).count()
        if lost:
            where = reverse("admin:sessions_app_webhookdelivery_changelist") + "?state__exact=given_up"
            things.append(Attention(f"{lost} webhook deliveries were given up in the last day.", where))
    return sorted(things, key=lambda thing: thing.level != "bad")


def _minutes(length: timedelta) -> str:
    from sessions_app.templatetags.gateway import span

    return span(length)
