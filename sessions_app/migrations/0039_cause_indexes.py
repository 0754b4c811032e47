"""Indexes for the filters by cause; a message that was delivered is in none of them.

Built beside the traffic (CONCURRENTLY); one that was broken off is left invalid: drop it, and migrate again.
"""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("sessions_app", "0038_causes_of_old_rows")]

    operations = [
        AddIndexConcurrently(
            "messagerecord",
            models.Index(fields=["side", "-received_at", "-id"], condition=Q(side__gt=""), name="message_side"),
        ),
        AddIndexConcurrently(
            "messagerecord",
            models.Index(fields=["layer", "-received_at", "-id"], condition=Q(layer__gt=""), name="message_layer"),
        ),
        AddIndexConcurrently(
            "messagerecord",
            models.Index(fields=["code", "-received_at", "-id"], condition=Q(code__isnull=False), name="message_code"),
        ),
    ]
