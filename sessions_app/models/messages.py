"""Messages, and what became of them."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from sessions_app.cause import Cause, LostWith, Side
from sessions_app.models.sessions import GatewaySession


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
    side = models.CharField(
        max_length=8,
        choices=[(side.value, side.value or "none") for side in Side],
        blank=True,
        default="",
        db_default="",
        help_text="Side on which it failed: msrp, message or gateway. Empty where it did not.",
    )
    layer = models.CharField(
        max_length=16, blank=True, default="", db_default="", help_text="sip, msrp, report, tcp, dns, queue, timer ..."
    )
    code = models.SmallIntegerField(  # without a check, for which its migration would read the whole table
        null=True,
        blank=True,
        help_text="Code that this side gave; where a set-up failed, the answer to the INVITE.",
    )
    lost_with = models.CharField(
        max_length=8,
        choices=[
            (LostWith.NOTHING.value, "nothing"),
            (LostWith.SETUP.value, "set-up"),
            (LostWith.SESSION.value, "session"),
        ],
        blank=True,
        default="",
        db_default="",
        help_text="What it was lost with: a set-up that failed, or a session that ended.",
    )
    detail = models.CharField(max_length=255, blank=True, help_text="What was seen, or what is to be said of it.")

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
            models.Index(fields=["side", "-received_at", "-id"], condition=Q(side__gt=""), name="message_side"),
            models.Index(fields=["layer", "-received_at", "-id"], condition=Q(layer__gt=""), name="message_layer"),
            models.Index(fields=["code", "-received_at", "-id"], condition=Q(code__isnull=False), name="message_code"),
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

    @property
    def cause(self) -> Cause:
        """Why it failed; written out, it is the detail that people read."""
        return Cause(Side(self.side), self.layer, self.detail, self.code, LostWith(self.lost_with))
