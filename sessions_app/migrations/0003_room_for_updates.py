"""Room in each page of the sessions table, so that a counter's update stays in it and touches no index."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("sessions_app", "0002_notify")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE sessions_app_gatewaysession SET (fillfactor = 70)",
            "ALTER TABLE sessions_app_gatewaysession RESET (fillfactor)",
        )
    ]
