"""Columns for the cause of a message's failure.

They are added to the catalogue only: no row is written or read for them, however many there are.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sessions_app", "0036_way_back")]

    operations = [
        migrations.AddField(
            "messagerecord",
            "side",
            models.CharField(
                blank=True,
                choices=[("", "none"), ("msrp", "msrp"), ("message", "message"), ("gateway", "gateway")],
                db_default="",
                default="",
                help_text="Side on which it failed: msrp, message or gateway. Empty where it did not.",
                max_length=8,
            ),
        ),
        migrations.AddField(
            "messagerecord",
            "layer",
            models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="sip, msrp, report, tcp, dns, queue, timer ...",
                max_length=16,
            ),
        ),
        migrations.AddField(
            "messagerecord",
            "code",
            models.SmallIntegerField(
                blank=True,
                help_text="Code that this side gave; where a set-up failed, the answer to the INVITE.",
                null=True,
            ),
        ),
        migrations.AddField(
            "messagerecord",
            "lost_with",
            models.CharField(
                blank=True,
                choices=[("", "nothing"), ("setup", "set-up"), ("session", "session")],
                db_default="",
                default="",
                help_text="What it was lost with: a set-up that failed, or a session that ended.",
                max_length=8,
            ),
        ),
        migrations.AlterField(
            "messagerecord",
            "detail",
            models.CharField(blank=True, help_text="What was seen, or what is to be said of it.", max_length=255),
        ),
    ]
