"""Peers and nodes: who is reachable, what each carried, and a node's drain."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.db.models import Max, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_POST
from django.views.generic import TemplateView

from sessions_app import audit, commands
from sessions_app.models import GatewaySession, Node, Peer, PeerCheck, Traffic
from sessions_app.pages.dashboard import condition
from sessions_app.pages.lists import MayLook

DAY = timedelta(days=1)


class PeersAndNodes(MayLook, TemplateView):
    """Nodes with their counters of a day, next hops with their last OPTIONS, peers."""

    permission_required = ("sessions_app.view_node", "sessions_app.view_peer")
    template_name = "sessions_app/peers.html"
    extra_context = {"nav": "peers"}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Counters come from the minutes that the processes count."""
        context = super().get_context_data(**kwargs)
        now = timezone.now()
        sums = {
            row["node"]: row
            for row in Traffic.objects.filter(minute__gte=now - DAY)
            .order_by()
            .values("node")
            .annotate(
                to_msrp=Sum("to_msrp"),
                to_page=Sum("to_page"),
                failed=Sum("failed"),
                established=Sum("established"),
                setup_failures=Sum("setup_failures"),
                loop_lag=Max("loop_lag"),
            )
        }
        nodes = list(Node.objects.all())
        live = dict(_live_by_node([node.name for node in nodes]))
        for node in nodes:
            node.condition = condition(node, now)
            node.day = sums.get(node.name, {})
            node.live = live.get(node.name, 0)
        context.update(nodes=nodes, peers=list(Peer.objects.all()), checks=list(PeerCheck.objects.all()[:200]))
        return context


def _live_by_node(names: list[str]) -> list[tuple[str, int]]:
    """Asked node by node: each is a range of the index of live sessions."""
    return [(name, GatewaySession.objects.filter(ended_at__isnull=True, node=name).count()) for name in names]


@login_required
@permission_required("sessions_app.drain_node", raise_exception=True)
@require_POST
def drain(request: HttpRequest, name: str) -> HttpResponse:
    """Ask a node to take no new sessions, or to take them again (``wish`` resume)."""
    node = get_object_or_404(Node, pk=name)
    by = request.user.get_username()
    wish = request.POST.get("wish")
    command = commands.resume(node, by) if wish == "resume" else commands.drain(node, by)
    audit.record(request, audit.Action.RESUME if wish == "resume" else audit.Action.DRAIN, node.name)
    if commands.wait(command, 2.0):
        messages.success(request, f"{node.name}: {command.result}.")
    else:
        messages.info(request, f"{node.name} has been asked.")
    return redirect("peers")
