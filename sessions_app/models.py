"""The gateway's records: what it may do (Route, Peer), what it did (sessions, messages, failures) and what it is told.

Rules live here as database constraints, so that no process, shell or SQL prompt can break them. The message path never
saves through the ORM: see :mod:`sessions_app.store`.
"""

from __future__ import annotations

import uuid

from django.contrib.postgres.indexes import HashIndex
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone

from sessions_app import validators


class Peer(models.Model):
    """A network that may talk to the gateway. Whoever is not in one is refused (RULEBOOK S34)."""

    class Cpim(models.TextChoices):
        AUTO = "auto", "as it shows: tried where needed, plain after a 415"
        YES = "yes", "always"
        NO = "no", "never"

    class Oversize(models.TextChoices):
        STREAM = "stream", "over TCP, else refused with 413"
        SPLIT = "split", "split into numbered parts over UDP"
        REFUSE = "refuse", "refused with 413"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100, unique=True)
    network = models.CharField(
        max_length=64,
        validators=[validators.network],
        help_text="Source addresses, as 127.0.0.0/8, 192.0.2.7 or 2001:db8::/32.",
    )
    enabled = models.BooleanField(default=True, help_text="A disabled peer is a stranger.")
    takes_cpim = models.CharField(
        "message/cpim",
        max_length=4,
        choices=Cpim,
        default=Cpim.AUTO,
        db_default=Cpim.AUTO,
        help_text="Whether its message-side users take message/cpim (RFC 3862).",
    )
    oversize = models.CharField(
        "larger than 1300 octets",
        max_length=6,
        choices=Oversize,
        default=Oversize.STREAM,
        db_default=Oversize.STREAM,
        help_text="What becomes of a message to it that is too large for UDP (RFC 3428 s8).",
    )
    notes = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return f"{self.name} ({self.network})"


class Route(models.Model):
    """One line of the routes table: which requests, and what becomes of them. First match by priority wins."""

    class Method(models.TextChoices):
        ANY = "", "MESSAGE or INVITE"
        MESSAGE = "MESSAGE", "MESSAGE"
        INVITE = "INVITE", "INVITE"

    class Action(models.TextChoices):
        MSG_TO_MSRP = "msg_to_msrp", "msg_to_msrp: carry the MESSAGE into an MSRP session"
        MSRP_GW_ANSWER = "msrp_gw_answer", "msrp_gw_answer: answer the INVITE, SENDs become MESSAGEs"
        REJECT = "reject", "reject: refuse with the code and reason below"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100, unique=True)
    priority = models.PositiveIntegerField(default=100, help_text="Lower is asked first.")
    enabled = models.BooleanField(default=True)
    method = models.CharField(max_length=16, choices=Method, blank=True, default=Method.ANY)
    peer = models.ForeignKey(
        Peer,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        help_text="Only requests from this peer; empty: from any.",
    )
    source_network = models.CharField(
        max_length=64, blank=True, validators=[validators.network], help_text="Only from these addresses; empty: any."
    )
    from_pattern = models.CharField(
        max_length=255,
        blank=True,
        validators=[validators.pattern],
        help_text="Regular expression that the whole From address of record must match, as sip:.*@example\\.com.",
    )
    to_pattern = models.CharField(max_length=255, blank=True, validators=[validators.pattern])
    ruri_pattern = models.CharField("Request-URI pattern", max_length=255, blank=True, validators=[validators.pattern])
    action = models.CharField(max_length=16, choices=Action)
    reject_code = models.PositiveSmallIntegerField(default=403, validators=[validators.reject_code])
    reject_reason = models.CharField(max_length=100, default="Forbidden", blank=True, validators=[validators.one_line])
    key_template = models.CharField(
        max_length=255,
        default="{pair}",
        validators=[validators.key_template],
        help_text="Session key. {pair}: both addresses of record in sorted order; or {from}, {to}, {ruri}, {call_id}.",
    )
    content_types = models.CharField(
        max_length=255,
        default="text/plain",
        validators=[validators.content_types],
        help_text="MIME types carried, by space: text/plain message/cpim. * carries all.",
    )
    from_template = models.CharField(max_length=255, default="{from}", validators=[validators.uri_template])
    to_template = models.CharField(max_length=255, default="{to}", validators=[validators.uri_template])
    ruri_template = models.CharField(
        "Request-URI template", max_length=255, default="{ruri}", validators=[validators.uri_template]
    )
    next_hop = models.CharField(
        max_length=255,
        blank=True,
        validators=[validators.next_hop],
        help_text="Where the request this causes is sent, as sip:192.0.2.1:5060;transport=tcp. Empty: its Request-URI.",
    )
    back_hop = models.CharField(
        max_length=255,
        blank=True,
        validators=[validators.next_hop],
        help_text="Where MESSAGEs of the way back are sent (msg_to_msrp only). Empty: their Request-URI.",
    )
    notify_failure = models.BooleanField(
        default=False, help_text="Tell the sender of a failed set-up by a MESSAGE, beside the answer to their own."
    )
    failure_template = models.CharField(
        max_length=500,
        default="Your message to {to} was not delivered: {detail}",
        validators=[validators.failure_template],
        help_text="Text of that MESSAGE: {to}, {from}, {code}, {reason}, {detail}.",
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["priority", "name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(action__in=["msg_to_msrp", "msrp_gw_answer", "reject"]), name="route_action_known"
            ),
            models.CheckConstraint(
                condition=Q(reject_code__gte=300) & Q(reject_code__lte=699) & ~Q(reject_code=408),
                name="route_reject_code_final_never_408",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.priority} {self.name}"

    def clean(self) -> None:
        """Refuse a route whose action cannot take its method."""
        wanted = {"msg_to_msrp": "MESSAGE", "msrp_gw_answer": "INVITE"}.get(self.action)
        if wanted and self.method != wanted:
            raise ValidationError({"method": f"{self.action} takes {wanted} requests: choose method {wanted}."})


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


class MessageRecord(models.Model):
    """One message through the gateway: who, which way, and what became of it (RULEBOOK A6)."""

    class Direction(models.TextChoices):
        TO_MSRP = "to_msrp", "message side to MSRP"
        TO_PAGE = "to_page", "MSRP to message side"

    class State(models.TextChoices):
        PENDING = "pending", "pending"
        DELIVERED = "delivered", "delivered"
        ACCEPTED = "accepted", "accepted for later delivery"
        FAILED = "failed", "failed"
        EXPIRED = "expired", "expired before it could be delivered"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    session = models.ForeignKey(
        GatewaySession,
        related_name="messages",
        on_delete=models.CASCADE,
        db_constraint=False,  # the check costs more than the row on the message path; rows of one batch come in order
        db_index=False,  # message_of_session begins with it
    )
    direction = models.CharField(max_length=8, choices=Direction)
    state = models.CharField(max_length=10, choices=State)
    from_uri = models.CharField("From", max_length=512)
    to_uri = models.CharField("To", max_length=512)
    call_id = models.CharField("Call-ID", max_length=255, blank=True)
    message_id = models.CharField("MSRP Message-ID", max_length=128, blank=True)
    content_type = models.CharField(max_length=255, blank=True)
    size = models.PositiveIntegerField(help_text="Octets of the body.")
    body = models.BinaryField(null=True, blank=True, help_text="Kept as GATEWAY_STORE_BODIES says.")
    sha256 = models.BinaryField("SHA-256", max_length=32, null=True, blank=True, help_text="Of the body.")
    subject = models.CharField(max_length=255, blank=True, default="", db_default="")
    imdn_id = models.CharField(
        "IMDN Message-ID",
        max_length=128,
        blank=True,
        default="",
        db_default="",
        help_text="By which notifications about it come back (RFC 5438).",
    )
    notify = models.CharField(
        max_length=64,
        blank=True,
        default="",
        db_default="",
        help_text="Notifications that its sender asked for: positive-delivery, negative-delivery, display.",
    )
    confirmation = models.CharField(
        max_length=64,
        blank=True,
        default="",
        db_default="",
        help_text="What came back about it later: a REPORT or an IMDN.",
    )
    expires_at = models.DateTimeField(null=True, blank=True, help_text="End of its validity (Expires, RFC 3428 s4).")
    received_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    sip_code = models.PositiveSmallIntegerField(
        "SIP code", null=True, blank=True, help_text="Final answer on the message side."
    )
    msrp_code = models.PositiveSmallIntegerField(
        "MSRP code", null=True, blank=True, help_text="Answer or report on the MSRP side."
    )
    detail = models.CharField(max_length=255, blank=True, help_text="Cause of a failure: leg, layer, what was seen.")

    class Meta:
        verbose_name = "message"
        permissions = [
            ("read_body", "Can read bodies of messages"),
            ("retry_message", "Can retry messages that failed"),
            ("send_message", "Can send messages"),
        ]
        ordering = ["-received_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=Q(direction__in=["to_msrp", "to_page"]), name="message_direction_known"),
            models.CheckConstraint(
                condition=Q(state="pending", finished_at__isnull=True)
                | Q(state__in=["delivered", "accepted", "failed", "expired"], finished_at__isnull=False),
                name="message_finished_exactly_when_it_has_an_outcome",
            ),
        ]
        indexes = [
            models.Index(fields=["-received_at", "-id"], name="message_newest"),
            models.Index(fields=["session", "received_at"], name="message_of_session"),
            models.Index(fields=["received_at"], condition=Q(state="pending"), name="message_pending"),
            models.Index(fields=["-received_at"], condition=Q(state__in=["failed", "expired"]), name="message_failed"),
            # A message that was delivered with 200 both ways is in none of these.
            models.Index(
                fields=["state", "-received_at", "-id"],
                condition=Q(state__in=["accepted", "expired"]),
                name="message_outcome",
            ),
            models.Index(fields=["detail", "-received_at", "-id"], condition=Q(detail__gt=""), name="message_detail"),
            models.Index(
                fields=["sip_code", "-received_at", "-id"],
                condition=Q(sip_code__gte=300) | (Q(sip_code__gt=200) & ~Q(state="accepted")),
                name="message_sip_code",
            ),
            models.Index(
                fields=["msrp_code", "-received_at", "-id"],
                condition=Q(msrp_code__gt=200),
                name="message_msrp_code",
            ),
            models.Index(fields=["imdn_id"], condition=~Q(imdn_id=""), name="message_imdn"),
            models.Index(
                fields=["received_at"], condition=Q(body__isnull=False) & ~Q(state="pending"), name="message_body_kept"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.direction} {self.state} {self.from_uri} > {self.to_uri}"


class SetupFailure(models.Model):
    """E_MSRP_GW_SETUP_FAILED as a row: a set-up that failed, and why.

    ``code`` and ``reason`` are null exactly when no negative reply came; ``leg``, ``layer`` and ``detail`` always say
    the cause.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    session = models.ForeignKey(
        GatewaySession,
        null=True,
        blank=True,
        related_name="setup_failures",
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,  # failure_of_session
        help_text="Empty where the set-up failed before there was a session.",
    )
    key = models.CharField(max_length=512)
    from_uri = models.CharField("From", max_length=512)
    to_uri = models.CharField("To", max_length=512)
    ruri = models.CharField("Request-URI", max_length=512)
    code = models.PositiveSmallIntegerField(null=True, blank=True)
    reason = models.CharField(max_length=255, null=True, blank=True)
    leg = models.CharField(max_length=16, help_text="Side on which it failed: msrp, message or gateway.")
    layer = models.CharField(max_length=16, help_text="sip, sdp, tcp, msrp, dns, policy, timer ...")
    detail = models.CharField(max_length=255, help_text="What was seen.")
    answered = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Code that the waiting MESSAGEs, or the INVITE, were answered with."
    )
    waiting = models.PositiveIntegerField(default=0, help_text="MESSAGEs that were waiting for the set-up.")
    node = models.CharField(max_length=100)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = "set-up failure"
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(code__isnull=True, reason__isnull=True) | Q(code__isnull=False, reason__isnull=False),
                name="failure_code_and_reason_together",
            )
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="failure_newest"),
            models.Index(fields=["code", "-created_at"], name="failure_code_newest"),
            models.Index(fields=["session"], name="failure_of_session"),
            models.Index(fields=["leg", "-created_at", "-id"], name="failure_leg_newest"),
            models.Index(fields=["layer", "-created_at", "-id"], name="failure_layer_newest"),
            models.Index(fields=["detail", "-created_at", "-id"], name="failure_detail_newest"),
            models.Index(fields=["node", "-created_at", "-id"], name="failure_node_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.code or 'no reply'} {self.detail}"


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


from sessions_app.frames import TraceFrame  # noqa: E402 - Django looks for models here
from sessions_app.nodes import Node, NodeCommand  # noqa: E402 - Django looks for models here
from sessions_app.oversight import (  # noqa: E402
    Acknowledgement,
    AuditEntry,
    EventSubscription,
    FailureTally,
    PeerCheck,
    RouteChange,
    Traffic,
    Webhook,
    WebhookDelivery,
)

__all__ = [
    "Acknowledgement",
    "AuditEntry",
    "EventSubscription",
    "FailureTally",
    "GatewaySession",
    "MessageRecord",
    "Node",
    "NodeCommand",
    "Peer",
    "PeerCheck",
    "Route",
    "RouteChange",
    "SessionEvent",
    "SetupFailure",
    "TraceFrame",
    "Traffic",
    "Webhook",
    "WebhookDelivery",
]
