"""Frames of sessions, as the ladder draws them.

Imported by :mod:`sessions_app.models`, where Django looks for models.
"""

from __future__ import annotations

from django.db import models


class TraceFrame(models.Model):
    """One SIP message or MSRP frame of a session, as it was on a wire; bodies masked unless the settings keep them.

    Where a request was refused before there was a session, its frames have the id of the set-up failure instead.
    """

    id = models.BigAutoField(primary_key=True)
    session = models.ForeignKey(
        "sessions_app.GatewaySession",
        related_name="frames",
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,  # frame_of_session begins with it
    )
    at = models.DateTimeField()
    leg = models.CharField(max_length=8, choices=[("message", "message side"), ("msrp", "MSRP side")])
    direction = models.CharField(max_length=3, choices=[("in", "in"), ("out", "out")])
    protocol = models.CharField(max_length=4, choices=[("sip", "SIP"), ("msrp", "MSRP")])
    transport = models.CharField(max_length=3, choices=[("udp", "UDP"), ("tcp", "TCP"), ("tls", "TLS")])
    source = models.CharField(max_length=64)
    destination = models.CharField(max_length=64)
    data = models.BinaryField()
    masked = models.BooleanField(help_text="Whether the octets of its body were replaced before it was stored.")

    class Meta:
        verbose_name = "frame"
        ordering = ["at", "id"]
        indexes = [models.Index(fields=["session", "at", "id"], name="frame_of_session"),
                   models.Index(fields=["at"], name="frame_oldest")]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.protocol} {self.source} > {self.destination}"
