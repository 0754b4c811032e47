"""Set-ups that failed."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from sessions_app.cause import Cause, Side
from sessions_app.models.sessions import GatewaySession


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

    @property
    def cause(self) -> Cause:
        """Why it failed."""
        return Cause(Side(self.leg), self.layer, self.detail, self.code)
