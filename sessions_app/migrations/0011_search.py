"""Indexes for the lists: any part of what names a session (trigrams), and each filter with its order.

pg_trgm is a trusted extension: the owner of the database may create it (PostgreSQL 13 and later).
"""

from django.contrib.postgres.operations import TrigramExtension
from django.db import migrations, models
from django.db.models import Q

#: As sessions_app.search.SessionText writes it.
TEXT = (
    "(key || ' ' || from_uri || ' ' || to_uri || ' ' || ruri || ' ' || call_id || ' ' || local_path || ' ' || peer_path)"
)


class Migration(migrations.Migration):
    dependencies = [("sessions_app", "0010_oversight")]

    operations = [
        TrigramExtension(),
        migrations.RunSQL(
            f"CREATE INDEX session_text ON sessions_app_gatewaysession USING gin ({TEXT} gin_trgm_ops)",
            "DROP INDEX session_text",
        ),
        # What the planner knows of the text decides whether it walks the newest or asks the index.
        migrations.RunSQL("ALTER INDEX session_text ALTER COLUMN 1 SET STATISTICS 1000", migrations.RunSQL.noop),
        # Whole ids of messages: a Bloom filter for each 32 pages costs the message path next to nothing.
        migrations.RunSQL(
            "CREATE INDEX message_ids ON sessions_app_messagerecord USING brin"
            " (call_id text_bloom_ops(n_distinct_per_range=1000), message_id text_bloom_ops(n_distinct_per_range=1000))"
            " WITH (pages_per_range = 32, autosummarize = on)",
            "DROP INDEX message_ids",
        ),
        migrations.AddIndex(
            "gatewaysession", models.Index(fields=["node", "-created_at"], name="session_node_newest")
        ),
        migrations.AddIndex(
            "gatewaysession", models.Index(fields=["source", "-created_at"], name="session_source_newest")
        ),
        migrations.AddIndex(
            "gatewaysession",
            models.Index(fields=["-created_at", "-id"], condition=Q(undelivered__gt=0), name="session_undelivered"),
        ),
        migrations.AddIndex(
            "gatewaysession",
            models.Index(fields=["-undelivered", "-created_at", "-id"], condition=Q(undelivered__gt=0), name="session_worst"),
        ),
    ]
