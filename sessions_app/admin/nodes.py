"""Gateway processes and what they were told, in the admin."""

from __future__ import annotations

from datetime import timedelta

from django.contrib import admin
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.decorators import display

from sessions_app.admin.known_values import NodeFilter
from sessions_app.admin.records import RecordAdmin
from sessions_app.models import Node, NodeCommand
from sessions_app.templatetags.gateway import ago

SILENT = timedelta(seconds=20)


@admin.register(Node)
class NodeAdmin(RecordAdmin):
    """Gateway processes: do they live?"""

    list_display = ["name", "condition", "version", "pid", "listening", "started", "heartbeat"]
    ordering = ["name"]

    @display(description="condition", label={"running": "success", "stopped": "info", "silent": "danger"})
    def condition(self, node: Node) -> str:
        """Running, stopped, or silent without having said that it stops."""
        if node.stopped_at is not None:
            return "stopped"
        return "silent" if node.heartbeat_at < timezone.now() - SILENT else "running"

    @display(description="listeners")
    def listening(self, node: Node) -> str:
        """Where."""
        return ", ".join(str(each) for each in node.listeners)

    @display(description="started")
    def started(self, node: Node) -> SafeString | str:
        """Since when."""
        return ago(node.started_at)

    @display(description="heartbeat")
    def heartbeat(self, node: Node) -> SafeString | str:
        """Last sign of life."""
        return ago(node.heartbeat_at)


@admin.register(NodeCommand)
class CommandAdmin(RecordAdmin):
    """Commands to processes, and what came of them."""

    list_display = ["id", "verb", "session", "node", "by", "created", "done", "result"]
    list_filter = ["verb", NodeFilter, ("done_at", admin.EmptyFieldListFilter)]
    list_select_related = ["session"]
    search_fields = ["by", "session__key"]
    ordering = ["-id"]

    @display(description="asked")
    def created(self, command: NodeCommand) -> SafeString | str:
        """When it was asked."""
        return ago(command.created_at)

    @display(description="done")
    def done(self, command: NodeCommand) -> SafeString | str:
        """When it was carried out."""
        return ago(command.done_at)
