"""Indexes for every filter of the lists, and none that repeats the beginning of another.

What delivered messages pay for stays as it is, less one index: a message that was delivered with 200 is in none of the
new ones. Built beside the traffic (CONCURRENTLY); one that was broken off is left invalid: drop it, and migrate again.
"""

import django.db.models.deletion
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q

#: As sessions_app.search.FailureText writes it.
FAILURE_TEXT = (
    "(key || ' ' || from_uri || ' ' || to_uri || ' ' || ruri || ' ' || COALESCE(reason, '') || ' ' || detail)"
)


def session_without_index(name, **extra):
    """The foreign key of a table that has an index which begins with it."""
    return models.ForeignKey(
        db_constraint=False,
        db_index=False,
        on_delete=django.db.models.deletion.CASCADE,
        related_name=name,
        to="sessions_app.gatewaysession",
        **extra,
    )


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("sessions_app", "0030_trace")]

    operations = [
        migrations.AlterField("messagerecord", "session", session_without_index("messages")),
        migrations.AlterField("sessionevent", "session", session_without_index("events")),
        migrations.AlterField("traceframe", "session", session_without_index("frames")),
        migrations.AlterField(
            "setupfailure",
            "session",
            session_without_index(
                "setup_failures",
                blank=True,
                null=True,
                help_text="Empty where the set-up failed before there was a session.",
            ),
        ),
        AddIndexConcurrently("gatewaysession", models.Index(fields=["route", "-created_at"], name="session_route_newest")),
        AddIndexConcurrently(
            "gatewaysession", models.Index(fields=["initiator", "-created_at"], name="session_initiator_newest")
        ),
        AddIndexConcurrently(
            "messagerecord",
            models.Index(
                fields=["state", "-received_at", "-id"],
                condition=Q(state__in=["accepted", "expired"]),
                name="message_outcome",
            ),
        ),
        AddIndexConcurrently(
            "messagerecord",
            models.Index(fields=["detail", "-received_at", "-id"], condition=Q(detail__gt=""), name="message_detail"),
        ),
        AddIndexConcurrently(
            "messagerecord",
            models.Index(
                fields=["sip_code", "-received_at", "-id"],
                condition=Q(sip_code__gte=300) | (Q(sip_code__gt=200) & ~Q(state="accepted")),
                name="message_sip_code",
            ),
        ),
        AddIndexConcurrently(
            "messagerecord",
            models.Index(
                fields=["msrp_code", "-received_at", "-id"],
                condition=Q(msrp_code__gt=200),
                name="message_msrp_code",
            ),
        ),
        AddIndexConcurrently(
            "setupfailure", models.Index(fields=["leg", "-created_at", "-id"], name="failure_leg_newest")
        ),
        AddIndexConcurrently(
            "setupfailure", models.Index(fields=["layer", "-created_at", "-id"], name="failure_layer_newest")
        ),
        AddIndexConcurrently(
            "setupfailure", models.Index(fields=["detail", "-created_at", "-id"], name="failure_detail_newest")
        ),
        AddIndexConcurrently(
            "setupfailure", models.Index(fields=["node", "-created_at", "-id"], name="failure_node_newest")
        ),
        migrations.RunSQL(
            f"CREATE INDEX CONCURRENTLY failure_text ON sessions_app_setupfailure USING gin ({FAILURE_TEXT} gin_trgm_ops)",
            "DROP INDEX CONCURRENTLY failure_text",
        ),
        migrations.RunSQL("ALTER INDEX failure_text ALTER COLUMN 1 SET STATISTICS 1000", migrations.RunSQL.noop),
        # One range in a hundred that says yes falsely was two hundred ranges to read for nothing.
        migrations.RunSQL(
            "CREATE INDEX CONCURRENTLY message_ids_new ON sessions_app_messagerecord USING brin"
            " (call_id text_bloom_ops(n_distinct_per_range=1000, false_positive_rate=0.001),"
            " message_id text_bloom_ops(n_distinct_per_range=1000, false_positive_rate=0.001))"
            " WITH (pages_per_range = 32, autosummarize = on)",
            [
                "DROP INDEX CONCURRENTLY message_ids_new",
                "CREATE INDEX CONCURRENTLY message_ids ON sessions_app_messagerecord USING brin"
                " (call_id text_bloom_ops(n_distinct_per_range=1000),"
                " message_id text_bloom_ops(n_distinct_per_range=1000))"
                " WITH (pages_per_range = 32, autosummarize = on)",
            ],
        ),
        migrations.RunSQL("DROP INDEX CONCURRENTLY message_ids", "ALTER INDEX message_ids RENAME TO message_ids_new"),
        migrations.RunSQL("ALTER INDEX message_ids_new RENAME TO message_ids", migrations.RunSQL.noop),
    ]
