"""Gateway processes, and what they are told.

Imported by :mod:`sessions_app.models`, where Django looks for models.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone


class Node(models.Model):
    """One gateway process, by name. Its heartbeat says that it lives."""

    name = models.CharField(max_length=100, primary_key=True)
    version = models.CharField(max_length=32)
    pid = models.PositiveIntegerField()
    listeners = models.JSONField(default=list)
    started_at = models.DateTimeField()
    heartbeat_at = models.DateTimeField()
    stopped_at = models.DateTimeField(null=True, blank=True)
    draining_since = models.DateTimeField(
        null=True, blank=True, help_text="Since when it takes no new sessions, at an operator's wish."
    )

    certificate_expires = models.DateTimeField(
        null=True, blank=True, help_text="End of the validity of its TLS certificate; null where it has none."
    )

    class Meta:
        ordering = ["name"]
        permissions = [("drain_node", "Can drain and resume nodes")]

    def __str__(self) -> str:
        return self.name


class NodeCommand(models.Model):
    """A command to a gateway process: a row that survives, and a NOTIFY that wakes it."""

    class Verb(models.TextChoices):
        END_SESSION = "end_session", "end a session"
        EXPIRE_SESSION = "expire_session", "end a session if it is still silent"
        RETRY_MESSAGE = "retry_message", "deliver a message that failed"
        SEND_MESSAGE = "send_message", "send a message"
        CAPTURE = "capture", "capture a session's frames"
        DRAIN = "drain", "take no new sessions"
        RESUME = "resume", "take new sessions again"

    id = models.BigAutoField(primary_key=True)
    node = models.CharField(max_length=100)
    verb = models.CharField(max_length=16, choices=Verb)
    session = models.ForeignKey(
        "sessions_app.GatewaySession", null=True, blank=True, related_name="commands", on_delete=models.CASCADE
    )
    argument = models.JSONField(
        default=dict,
        blank=True,
        db_default={},
        help_text="What the verb needs beside a session: sessions_app/orders.py.",
    )
    batch = models.UUIDField(null=True, blank=True, help_text="Commands that were given together, by one wish.")
    by = models.CharField(max_length=150, blank=True, help_text="Who asked: a user, cleanup, mi.")
    created_at = models.DateTimeField(default=timezone.now)
    done_at = models.DateTimeField(null=True, blank=True)
    result = models.CharField(max_length=255, blank=True)

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["node", "id"], condition=Q(done_at__isnull=True), name="command_open"),
            models.Index(fields=["batch"], condition=Q(batch__isnull=False), name="command_batch"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["session", "verb"], condition=Q(done_at__isnull=True), name="one_open_command_a_session"
            )
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.session_id or ''}".strip()
