"""What operators add to the gateway's records: who did what, what they noted, traffic by the minute, who is told.

Imported by :mod:`sessions_app.models`, where Django looks for models.
"""

from __future__ import annotations

import secrets
import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from sessions_app import validators


class AuditEntry(models.Model):
    """Something that a person, or a program in their name, did or read."""

    class Action(models.TextChoices):
        READ_BODY = "read_body", "read a body"
        END_SESSION = "end_session", "ended a session"
        RETRY_MESSAGE = "retry_message", "retried a message"
        SEND_MESSAGE = "send_message", "sent a message"
        ACKNOWLEDGE = "acknowledge", "acknowledged a failure"
        CAPTURE = "capture", "captured a session's frames"
        EXPORT = "export", "exported records"
        DRAIN = "drain", "drained a node"
        RESUME = "resume", "resumed a node"
        CHANGE = "change", "changed a rule"
        LOG_IN = "log_in", "logged in"
        LOG_IN_FAILED = "log_in_failed", "failed to log in"

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(default=timezone.now)
    who = models.CharField(max_length=150, help_text="User name; kept when the user is deleted.")
    action = models.CharField(max_length=16, choices=Action)
    target = models.CharField(max_length=64, blank=True, help_text="Id or name of what it was done to.")
    detail = models.CharField(max_length=500, blank=True)
    address = models.GenericIPAddressField(null=True, blank=True)

    class Meta:
        verbose_name = "audit entry"
        verbose_name_plural = "audit trail"
        ordering = ["-id"]
        indexes = [models.Index(fields=["target", "-id"], name="audit_target")]

    def __str__(self) -> str:
        return f"{self.who} {self.get_action_display()} {self.target}".strip()


class Acknowledgement(models.Model):
    """Somebody has seen a failure, with a note. ``record`` is the id of a set-up failure or of a message."""

    record = models.UUIDField(primary_key=True, editable=False)
    by = models.CharField(max_length=150)
    at = models.DateTimeField(default=timezone.now)
    note = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-at"]
        permissions = [("acknowledge_failure", "Can acknowledge failures")]

    def __str__(self) -> str:
        return f"{self.by}: {self.note}" if self.note else self.by


class Traffic(models.Model):
    """One minute of one node, as its process counted it; the dashboard's charts are made of these rows."""

    id = models.BigAutoField(primary_key=True)
    node = models.CharField(max_length=100)
    minute = models.DateTimeField()
    to_msrp = models.PositiveIntegerField(default=0, help_text="Messages delivered to the MSRP side.")
    to_page = models.PositiveIntegerField(default=0, help_text="Messages delivered to the message side.")
    failed = models.PositiveIntegerField(default=0, help_text="Messages that failed or expired, both ways.")
    established = models.PositiveIntegerField(default=0, help_text="Sessions that became live.")
    setup_failures = models.PositiveIntegerField(default=0)
    latency = ArrayField(
        models.PositiveIntegerField(), default=list, help_text="Messages by time to their outcome: metering.BOUNDS."
    )
    queue = models.PositiveIntegerField(default=0, help_text="Most messages that waited at once.")
    sessions = models.PositiveIntegerField(default=0, help_text="Most sessions at once.")
    loop_lag = models.FloatField(default=0, help_text="Longest lateness of the event loop, seconds.")

    class Meta:
        ordering = ["-minute"]
        verbose_name_plural = "traffic"
        constraints = [models.UniqueConstraint(fields=["minute", "node"], name="one_row_a_node_and_minute")]

    def __str__(self) -> str:
        return f"{self.node} {self.minute:%Y-%m-%d %H:%M}"


class RouteChange(models.Model):
    """A change of the routes table or of the peers: who, when, and how it stood before and after."""

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=8, choices=[("route", "route"), ("peer", "peer")])
    record = models.UUIDField(help_text="Id of the route or peer.")
    name = models.CharField(max_length=100)
    at = models.DateTimeField(default=timezone.now)
    by = models.CharField(max_length=150, blank=True)
    before = models.JSONField(null=True, help_text="Its columns before; null where it was made.")
    after = models.JSONField(null=True, help_text="Its columns after; null where it was deleted.")

    class Meta:
        verbose_name = "rule change"
        ordering = ["-id"]
        indexes = [models.Index(fields=["record", "-id"], name="rule_change_of")]

    def __str__(self) -> str:
        what = "made" if self.before is None else "deleted" if self.after is None else "changed"
        return f"{self.kind} {self.name} {what}"


class PeerCheck(models.Model):
    """What the last OPTIONS to an address of the routes table brought."""

    id = models.BigAutoField(primary_key=True)
    node = models.CharField(max_length=100)
    target = models.CharField(max_length=255, help_text="SIP URI of a next hop.")
    at = models.DateTimeField()
    reachable = models.BooleanField()
    code = models.PositiveSmallIntegerField(null=True)
    milliseconds = models.FloatField(null=True)
    detail = models.CharField(max_length=255, blank=True)
    certificate_expires = models.DateTimeField(
        null=True, help_text="End of the validity of the certificate that it showed last; null where it has none."
    )
    changed_at = models.DateTimeField(help_text="Since when it is as it is.")

    class Meta:
        ordering = ["target", "node"]
        constraints = [models.UniqueConstraint(fields=["node", "target"], name="one_check_a_node_and_target")]

    def __str__(self) -> str:
        return f"{self.target} {'reachable' if self.reachable else 'unreachable'}"


EVENTS = [
    ("setup_failed", "a set-up failed"),
    ("session_started", "a session became live"),
    ("session_ended", "a session ended"),
    ("message_delivered", "a message was delivered"),
    ("message_failed", "a message failed"),
]


def _secret() -> str:
    return secrets.token_urlsafe(32)


class Webhook(models.Model):
    """An address that is told of events by a signed POST."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100, unique=True)
    url = models.URLField(max_length=500, help_text="Gets a POST with JSON for each event.")
    secret = models.CharField(
        max_length=100, default=_secret, help_text="Key of the HMAC-SHA256 in the header Parley-Signature."
    )
    events = ArrayField(models.CharField(max_length=20, choices=EVENTS), default=list, help_text="Which events.")
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class WebhookDelivery(models.Model):
    """One event for one webhook, and how often it was tried."""

    class State(models.TextChoices):
        WAITING = "waiting", "waiting"
        DELIVERED = "delivered", "delivered"
        GIVEN_UP = "given_up", "given up"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    webhook = models.ForeignKey(Webhook, related_name="deliveries", on_delete=models.CASCADE)
    event = models.CharField(max_length=20)
    payload = models.JSONField()
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    next_at = models.DateTimeField(default=timezone.now, help_text="When it is tried next.")
    finished_at = models.DateTimeField(null=True, blank=True)
    status = models.PositiveSmallIntegerField(null=True, blank=True, help_text="HTTP status of the last try.")
    detail = models.CharField(max_length=255, blank=True, help_text="What the last try brought.")

    class Meta:
        verbose_name_plural = "webhook deliveries"
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["next_at"], condition=Q(state="waiting"), name="delivery_waiting"),
            models.Index(fields=["webhook", "-created_at"], name="delivery_of_webhook"),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.state}"


class EventSubscription(models.Model):
    """Who asked on /mi for an event by UDP (event_subscribe of OpenSIPS), and until when."""

    id = models.BigAutoField(primary_key=True)
    event = models.CharField(max_length=64)
    host = models.CharField(max_length=255)
    port = models.PositiveIntegerField(validators=[validators.port])
    expires_at = models.DateTimeField(null=True, help_text="Null: until it is ended by an expiry of 0.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["event", "host", "port"], name="one_subscription_a_socket")]

    def __str__(self) -> str:
        return f"{self.event} udp:{self.host}:{self.port}"


class FailureTally(models.Model):
    """Failures of one cause in a slot of time: written by triggers with the failures, put together by the cleanup.

    The sum over a slot is what its rows are, at any moment; see :mod:`sessions_app.tally`.
    """

    id = models.BigAutoField(primary_key=True)
    slot = models.DateTimeField(help_text="Start of the time that is counted.")
    kind = models.CharField(max_length=8, choices=[("setup", "set-up"), ("message", "message")])
    side = models.CharField(max_length=16, help_text="Side on which they failed.")
    layer = models.CharField(max_length=16, help_text="Where in the protocols.")
    code = models.PositiveSmallIntegerField(null=True)
    what = models.TextField(help_text="Reason or detail.")
    host = models.TextField(help_text="Host of the Request-URI, or of To.")
    number = models.IntegerField(help_text="Failures; negative where some are none any more.")
    unseen = models.IntegerField(help_text="Those that nobody has acknowledged.")
    merged = models.BooleanField(help_text="Whether the cleanup has put this slot together.")

    class Meta:
        verbose_name_plural = "failure tallies"
        indexes = [
            models.Index(fields=["slot"], name="tally_slot"),
            models.Index(fields=["slot"], condition=Q(merged=False), name="tally_fresh"),
        ]

    def __str__(self) -> str:
        return f"{self.slot:%Y-%m-%d %H:%M} {self.kind} {self.what}: {self.number}"
