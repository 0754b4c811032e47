"""A whole key or Call-ID of a session: asked of the trigrams, each of its sixty cost as much as a search for a part."""

from django.contrib.postgres.indexes import HashIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("sessions_app", "0033_failure_hours")]

    operations = [
        AddIndexConcurrently("gatewaysession", HashIndex(fields=["key"], name="session_key")),
        AddIndexConcurrently("gatewaysession", HashIndex(fields=["call_id"], name="session_call_id")),
    ]
