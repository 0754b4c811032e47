"""Failures counted by cause, in slots of time, by the transactions that make and undo them.

Filled under a lock that lets nobody write failures meanwhile: about a second for each 100,000 of them.
"""

from django.db import migrations, models

FORWARD = r"""
CREATE FUNCTION parley_slot(at timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN date_bin('150 seconds', at, '1970-01-01 00:00:00+00');

CREATE FUNCTION parley_host(uri text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(substring(uri FROM '^[a-zA-Z]+:(?:[^@]*@)?(\[[^]]*\]|[^;:?>]*)'), '');

-- New messages come by COPY, hundreds at once, and where a peer is down all of them failed: one row a cause, not a
-- message. None can have been acknowledged.
CREATE FUNCTION parley_tally_made() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM made WHERE state IN ('failed', 'expired')) THEN
        INSERT INTO sessions_app_failuretally (slot, kind, side, layer, code, what, host, number, unseen, merged)
        SELECT parley_slot(received_at), 'message', direction, state, NULL::smallint, detail, parley_host(to_uri),
               count(*), count(*), false
          FROM made WHERE state IN ('failed', 'expired') GROUP BY 1, 2, 3, 4, 5, 6, 7;
    END IF;
    RETURN NULL;
END $$;

-- Whether it was acknowledged is asked after the row is locked, so that who acknowledges it meanwhile is either seen here
-- or sees it as it is now.
CREATE FUNCTION parley_tally_message() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE seen int;
BEGIN
    SELECT count(*) INTO seen FROM sessions_app_acknowledgement WHERE record = OLD.id;
    IF OLD.state IN ('failed', 'expired') THEN
        INSERT INTO sessions_app_failuretally (slot, kind, side, layer, code, what, host, number, unseen, merged)
        VALUES (parley_slot(OLD.received_at), 'message', OLD.direction, OLD.state, NULL, OLD.detail,
                parley_host(OLD.to_uri), -1, seen - 1, false);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        IF NEW.state IN ('failed', 'expired') THEN
            INSERT INTO sessions_app_failuretally (slot, kind, side, layer, code, what, host, number, unseen, merged)
            VALUES (parley_slot(NEW.received_at), 'message', NEW.direction, NEW.state, NULL, NEW.detail,
                    parley_host(NEW.to_uri), 1, 1 - seen, false);
        END IF;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION parley_tally_setup() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE seen int := 0;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        SELECT count(*) INTO seen FROM sessions_app_acknowledgement WHERE record = OLD.id;
        INSERT INTO sessions_app_failuretally (slot, kind, side, layer, code, what, host, number, unseen, merged)
        VALUES (parley_slot(OLD.created_at), 'setup', OLD.leg, OLD.layer, OLD.code, coalesce(OLD.reason, OLD.detail),
                parley_host(OLD.ruri), -1, seen - 1, false);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO sessions_app_failuretally (slot, kind, side, layer, code, what, host, number, unseen, merged)
        VALUES (parley_slot(NEW.created_at), 'setup', NEW.leg, NEW.layer, NEW.code, coalesce(NEW.reason, NEW.detail),
                parley_host(NEW.ruri), 1, 1 - seen, false);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION parley_tally_note() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wanted uuid;
    change int;
BEGIN
    IF TG_OP = 'INSERT' THEN wanted := NEW.record; change := -1; ELSE wanted := OLD.record; change := 1; END IF;
    INSERT INTO sessions_app_failuretally (slot, kind, side, layer, code, what, host, number, unseen, merged)
    SELECT parley_slot(created_at), 'setup', leg, layer, code, coalesce(reason, detail), parley_host(ruri), 0, change, false
      FROM (SELECT * FROM sessions_app_setupfailure WHERE id = wanted FOR SHARE) AS found;
    INSERT INTO sessions_app_failuretally (slot, kind, side, layer, code, what, host, number, unseen, merged)
    SELECT parley_slot(received_at), 'message', direction, state, NULL::smallint, detail, parley_host(to_uri), 0, change, false
      FROM (SELECT * FROM sessions_app_messagerecord WHERE id = wanted AND state IN ('failed', 'expired') FOR SHARE) AS found;
    RETURN NULL;
END $$;

CREATE FUNCTION parley_tally_none() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM sessions_app_failuretally WHERE kind = TG_ARGV[0];
    RETURN NULL;
END $$;

CREATE TRIGGER parley_tally_new AFTER INSERT ON sessions_app_messagerecord REFERENCING NEW TABLE AS made
    FOR EACH STATEMENT EXECUTE FUNCTION parley_tally_made();
-- A change without a failure before or after costs the look at WHEN.
CREATE TRIGGER parley_tally_changed AFTER UPDATE OF state, detail, direction, to_uri, received_at
    ON sessions_app_messagerecord FOR EACH ROW
    WHEN ((OLD.state IN ('failed', 'expired') OR NEW.state IN ('failed', 'expired'))
          AND (OLD.state, OLD.detail, OLD.direction, OLD.to_uri, OLD.received_at)
              IS DISTINCT FROM (NEW.state, NEW.detail, NEW.direction, NEW.to_uri, NEW.received_at))
    EXECUTE FUNCTION parley_tally_message();
CREATE TRIGGER parley_tally_gone AFTER DELETE ON sessions_app_messagerecord FOR EACH ROW
    WHEN (OLD.state IN ('failed', 'expired')) EXECUTE FUNCTION parley_tally_message();
CREATE TRIGGER parley_tally AFTER INSERT OR UPDATE OR DELETE ON sessions_app_setupfailure
    FOR EACH ROW EXECUTE FUNCTION parley_tally_setup();
CREATE TRIGGER parley_tally AFTER INSERT OR DELETE ON sessions_app_acknowledgement
    FOR EACH ROW EXECUTE FUNCTION parley_tally_note();
CREATE TRIGGER parley_tally_none AFTER TRUNCATE ON sessions_app_messagerecord
    FOR EACH STATEMENT EXECUTE FUNCTION parley_tally_none('message');
CREATE TRIGGER parley_tally_none AFTER TRUNCATE ON sessions_app_setupfailure
    FOR EACH STATEMENT EXECUTE FUNCTION parley_tally_none('setup');

INSERT INTO sessions_app_failuretally (slot, kind, side, layer, code, what, host, number, unseen, merged)
SELECT parley_slot(received_at), 'message', direction, state, NULL::smallint, detail, parley_host(to_uri),
       count(*), count(*) FILTER (WHERE record IS NULL), true
  FROM sessions_app_messagerecord LEFT JOIN sessions_app_acknowledgement ON record = id
 WHERE state IN ('failed', 'expired') GROUP BY 1, 2, 3, 4, 5, 6, 7;
INSERT INTO sessions_app_failuretally (slot, kind, side, layer, code, what, host, number, unseen, merged)
SELECT parley_slot(created_at), 'setup', leg, layer, code, coalesce(reason, detail), parley_host(ruri),
       count(*), count(*) FILTER (WHERE record IS NULL), true
  FROM sessions_app_setupfailure LEFT JOIN sessions_app_acknowledgement ON record = id
 GROUP BY 1, 2, 3, 4, 5, 6, 7;
ANALYZE sessions_app_failuretally;
"""

BACKWARD = """
DROP TRIGGER parley_tally_new ON sessions_app_messagerecord;
DROP TRIGGER parley_tally_changed ON sessions_app_messagerecord;
DROP TRIGGER parley_tally_gone ON sessions_app_messagerecord;
DROP TRIGGER parley_tally ON sessions_app_setupfailure;
DROP TRIGGER parley_tally ON sessions_app_acknowledgement;
DROP TRIGGER parley_tally_none ON sessions_app_messagerecord;
DROP TRIGGER parley_tally_none ON sessions_app_setupfailure;
DROP FUNCTION parley_tally_none();
DROP FUNCTION parley_tally_made();
DROP FUNCTION parley_tally_message();
DROP FUNCTION parley_tally_setup();
DROP FUNCTION parley_tally_note();
DROP FUNCTION parley_host(text);
DROP FUNCTION parley_slot(timestamptz);
"""


class Migration(migrations.Migration):
    dependencies = [("sessions_app", "0032_tls")]

    operations = [
        migrations.CreateModel(
            "FailureTally",
            [
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("slot", models.DateTimeField(help_text="Start of the time that is counted.")),
                ("kind", models.CharField(choices=[("setup", "set-up"), ("message", "message")], max_length=8)),
                ("side", models.CharField(help_text="Leg of a set-up, direction of a message.", max_length=16)),
                ("layer", models.CharField(help_text="Layer of a set-up, state of a message.", max_length=16)),
                ("code", models.PositiveSmallIntegerField(null=True)),
                ("what", models.TextField(help_text="Reason or detail.")),
                ("host", models.TextField(help_text="Host of the Request-URI, or of To.")),
                ("number", models.IntegerField(help_text="Failures; negative where some are none any more.")),
                ("unseen", models.IntegerField(help_text="Those that nobody has acknowledged.")),
                ("merged", models.BooleanField(help_text="Whether the cleanup has put this slot together.")),
            ],
            options={
                "verbose_name_plural": "failure tallies",
                "indexes": [
                    models.Index(fields=["slot"], name="tally_slot"),
                    models.Index(fields=["slot"], condition=models.Q(merged=False), name="tally_fresh"),
                ],
            },
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
