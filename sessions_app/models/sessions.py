"""Conversations, and the steps in their lives."""

from __future__ import annotations

import uuid

from django.contrib.postgres.indexes import HashIndex
from django.db import models
from django.db.models import Q
from django.utils import timezone


class GatewaySession(models.Model):
    """One conversation: a message side and an MSRP side under one key.

    At most one live session has a key; the database says so (``one_live_session_a_key``).
    """

    class State(models.TextChoices):
        SETTING_UP = "setting_up", "setting up"
        LIVE = "live", "live"
        ENDED = "ended", "ended"
        FAILED = "failed", "failed"

    class Initiator(models.TextChoices):
        MESSAGE = "message", "message side"
        MSRP = "msrp", "MSRP side"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    key = models.CharField(max_length=512)
    bucket = models.PositiveIntegerField(help_text="Hash bucket of the key; cleanup sweeps bucket by bucket.")
    node = models.CharField(max_length=100)
    state = models.CharField(max_length=16, choices=State)
    initiator = models.CharField(max_length=8, choices=Initiator)
    from_uri = models.CharField("From", max_length=512)
    to_uri = models.CharField("To", max_length=512)
    ruri = models.CharField("Request-URI", max_length=512)
    source = models.CharField(max_length=64, blank=True, help_text="Address of who began it.")
    route = models.CharField(max_length=100, blank=True)
    call_id = models.CharField("Call-ID", max_length=255, blank=True)
    dialog = models.JSONField(default=dict, blank=True, help_text="Dialog state of the INVITE leg (RFC 3261 s12).")
    local_path = models.CharField("local MSRP path", max_length=512, blank=True)
    peer_path = models.CharField("peer MSRP path", max_length=1024, blank=True)
    content_types = models.CharField(max_length=255, blank=True)
    peer_types = models.CharField(
        "types the MSRP side takes", max_length=255, blank=True, default="", db_default="", help_text="a=accept-types"
    )
    next_hop = models.CharField(max_length=255, blank=True)
    back_hop = models.CharField(max_length=255, blank=True)
    to_msrp = models.PositiveIntegerField("messages to MSRP", default=0)
    to_page = models.PositiveIntegerField("messages to page side", default=0)
    undelivered = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    established_at = models.DateTimeField(null=True, blank=True)
    last_message_at = models.DateTimeField(help_text="Last sign of the message side; the creation counts.")
    last_send_at = models.DateTimeField(help_text="Last sign of the MSRP side; the creation counts.")
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=255, blank=True)

    class Meta:
        verbose_name = "session"
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["key"], condition=Q(ended_at__isnull=True), name="one_live_session_a_key"),
            models.CheckConstraint(
                condition=Q(state__in=["setting_up", "live"], ended_at__isnull=True)
                | Q(state__in=["ended", "failed"], ended_at__isnull=False),
                name="session_ended_exactly_when_it_has_an_end",
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="session_newest"),
            models.Index(fields=["state", "-created_at"], name="session_state_newest"),
            models.Index(fields=["bucket"], condition=Q(ended_at__isnull=True), name="session_live_bucket"),
            models.Index(fields=["node"], condition=Q(ended_at__isnull=True), name="session_live_node"),
            models.Index(fields=["ended_at"], condition=Q(ended_at__isnull=False), name="session_ended"),
            models.Index(fields=["node", "-created_at"], name="session_node_newest"),
            models.Index(fields=["source", "-created_at"], name="session_source_newest"),
            models.Index(fields=["route", "-created_at"], name="session_route_newest"),
            models.Index(fields=["initiator", "-created_at"], name="session_initiator_newest"),
            HashIndex(fields=["key"], name="session_key"),
            HashIndex(fields=["call_id"], name="session_call_id"),
            models.Index(fields=["-created_at", "-id"], condition=Q(undelivered__gt=0), name="session_undelivered"),
            models.Index(
                fields=["-undelivered", "-created_at", "-id"], condition=Q(undelivered__gt=0), name="session_worst"
            ),
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def is_live(self) -> bool:
        """Whether the session still has, or is getting, an MSRP side."""
        return self.ended_at is None


class SessionEvent(models.Model):
    """One step in a session's life, for its page: set-up, answer, bind, end."""

    id = models.BigAutoField(primary_key=True)
    session = models.ForeignKey(
        GatewaySession, related_name="events", on_delete=models.CASCADE, db_constraint=False, db_index=False
    )
    at = models.DateTimeField()
    kind = models.CharField(max_length=32)
    detail = models.CharField(max_length=255, blank=True)

    class Meta:
        ordering = ["at", "id"]
        indexes = [models.Index(fields=["session", "at"], name="event_of_session")]

    def __str__(self) -> str:
        return f"{self.kind} {self.detail}".strip()
