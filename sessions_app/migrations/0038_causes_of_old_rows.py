"""Causes of the rows that there are, from the text that had them; and tallies of message failures by those columns.

One UPDATE of the messages that failed or have a detail, which partial indexes find. Its transaction holds off whoever
writes messages or acknowledgements, as both would count by the old columns, and lets everybody read: 15 s for each
100,000 failures, measured, and 9 s on the way back. A gateway that runs meanwhile keeps what it has to write; what one
of an earlier version writes afterwards has its cause in the detail only, and no side.
"""

from django.db import migrations, models

LOCK = """
-- In the order in which a transaction that writes failures comes to them.
LOCK TABLE sessions_app_messagerecord, sessions_app_acknowledgement, sessions_app_failuretally
    IN SHARE ROW EXCLUSIVE MODE;
-- The tallies are made anew below: nothing is counted row by row until then.
CREATE OR REPLACE FUNCTION parley_tally_message() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
"""

#: ``set-up failed: msrp side, sip: 486 Busy Here``, ``gateway, session: msrp side, tcp: lost``, ``message side, dns: x``;
#: a REPORT or IMDN that took a delivery back stands by itself.
FILL = r"""
-- Each step is made once a row (MATERIALIZED): put together, the expression would be matched a dozen times.
WITH old AS MATERIALIZED (
    SELECT id, state, direction, detail, sip_code, msrp_code, regexp_match(
               detail,
               '^(set-up failed: |gateway, session: )?(?:(msrp|message) side|(gateway)), ([a-z-]{1,16}): (.*)$'
           ) AS parts
      FROM sessions_app_messagerecord WHERE state IN ('failed', 'expired') OR detail > ''
), read AS MATERIALIZED (
    SELECT id, sip_code, msrp_code,
           CASE WHEN parts IS NOT NULL THEN coalesce(parts[2], parts[3])
                WHEN detail LIKE 'REPORT %' OR detail LIKE 'IMDN %'
                THEN CASE direction WHEN 'to_msrp' THEN 'msrp' ELSE 'message' END
                ELSE 'gateway'
           END AS side,
           CASE WHEN parts IS NULL THEN CASE WHEN detail LIKE 'REPORT %' THEN 'report'
                                             WHEN detail LIKE 'IMDN %' THEN 'imdn'
                                             WHEN state = 'expired' AND detail = '' THEN 'expiry'
                                             ELSE 'other' END
                WHEN state = 'expired' AND parts[4] = 'queue' THEN 'expiry'
                ELSE parts[4]
           END AS layer,
           CASE WHEN parts[1] = 'set-up failed: ' THEN 'setup'
                WHEN parts[1] IS NOT NULL OR (parts[3] = 'gateway' AND parts[4] = 'session') THEN 'session'
                ELSE ''
           END AS lost_with,
           coalesce(parts[5], detail) AS detail
      FROM old WHERE state IN ('failed', 'expired') OR parts IS NOT NULL
)
UPDATE sessions_app_messagerecord AS message
   SET side = read.side, layer = read.layer, lost_with = read.lost_with, detail = read.detail,
       code = CASE WHEN read.layer = 'sip' THEN substring(read.detail FROM '^(?:re-INVITE: )?([3-6]\d\d)\y')::smallint
                   WHEN read.layer = 'report' THEN substring(read.detail FROM '^REPORT ([2-9]\d\d)\y')::smallint
                   WHEN read.lost_with <> '' OR read.side = 'gateway' OR read.layer IN ('imdn', 'expiry') THEN NULL
                   WHEN read.side = 'msrp' THEN read.msrp_code
                   ELSE read.sip_code
              END
  FROM read WHERE message.id = read.id;
"""

EMPTY = r"""
UPDATE sessions_app_messagerecord AS message
   SET side = '', layer = '', code = NULL, lost_with = '',
       detail = CASE WHEN length(whole) > 255 THEN left(whole, 254) || '…' ELSE whole END
  FROM (
    SELECT id,
           CASE WHEN (layer IN ('report', 'imdn') AND confirmation <> '' AND left(detail, 64) = confirmation)
                  OR (side = 'gateway' AND (layer = 'other' OR layer = 'expiry' AND detail = ''))
                THEN detail
                ELSE CASE WHEN lost_with = 'setup' THEN 'set-up failed: '
                          WHEN lost_with = 'session' AND layer <> 'session' THEN 'gateway, session: '
                          ELSE '' END
                     || CASE side WHEN 'gateway' THEN side ELSE side || ' side' END
                     || ', ' || CASE layer WHEN 'expiry' THEN 'queue' ELSE layer END || ': ' || detail
           END AS whole
      FROM sessions_app_messagerecord WHERE side > ''
  ) AS old
 WHERE message.id = old.id;
"""

#: As in 0033, but for the columns of messages that stand in braces.
COUNT = r"""
CREATE OR REPLACE FUNCTION parley_tally_made() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM made WHERE state IN ('failed', 'expired')) THEN
        INSERT INTO sessions_app_failuretally (slot, kind, side, layer, code, what, host, number, unseen, merged)
        SELECT parley_slot(received_at), 'message', {side}, {layer}, {code}, detail, parley_host(to_uri),
               count(*), count(*), false
          FROM made WHERE state IN ('failed', 'expired') GROUP BY 1, 2, 3, 4, 5, 6, 7;
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION parley_tally_message() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE seen int;
BEGIN
    SELECT count(*) INTO seen FROM sessions_app_acknowledgement WHERE record = OLD.id;
    IF OLD.state IN ('failed', 'expired') THEN
        INSERT INTO sessions_app_failuretally (slot, kind, side, layer, code, what, host, number, unseen, merged)
        VALUES (parley_slot(OLD.received_at), 'message', {OLD.side}, {OLD.layer}, {OLD.code}, OLD.detail,
                parley_host(OLD.to_uri), -1, seen - 1, false);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        IF NEW.state IN ('failed', 'expired') THEN
            INSERT INTO sessions_app_failuretally (slot, kind, side, layer, code, what, host, number, unseen, merged)
            VALUES (parley_slot(NEW.received_at), 'message', {NEW.side}, {NEW.layer}, {NEW.code}, NEW.detail,
                    parley_host(NEW.to_uri), 1, 1 - seen, false);
        END IF;
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION parley_tally_note() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wanted uuid;
    change int;
BEGIN
    IF TG_OP = 'INSERT' THEN wanted := NEW.record; change := -1; ELSE wanted := OLD.record; change := 1; END IF;
    INSERT INTO sessions_app_failuretally (slot, kind, side, layer, code, what, host, number, unseen, merged)
    SELECT parley_slot(created_at), 'setup', leg, layer, code, coalesce(reason, detail), parley_host(ruri), 0, change, false
      FROM (SELECT * FROM sessions_app_setupfailure WHERE id = wanted FOR SHARE) AS found;
    INSERT INTO sessions_app_failuretally (slot, kind, side, layer, code, what, host, number, unseen, merged)
    SELECT parley_slot(received_at), 'message', {side}, {layer}, {code}, detail, parley_host(to_uri), 0, change, false
      FROM (SELECT * FROM sessions_app_messagerecord WHERE id = wanted AND state IN ('failed', 'expired') FOR SHARE) AS found;
    RETURN NULL;
END $$;

-- Replaced and not dropped, which would hold off readers as well.
CREATE OR REPLACE TRIGGER parley_tally_changed AFTER UPDATE OF state, {columns}, detail, to_uri, received_at
    ON sessions_app_messagerecord FOR EACH ROW
    WHEN ((OLD.state IN ('failed', 'expired') OR NEW.state IN ('failed', 'expired'))
          AND (OLD.state, {OLD.columns}, OLD.detail, OLD.to_uri, OLD.received_at)
              IS DISTINCT FROM (NEW.state, {NEW.columns}, NEW.detail, NEW.to_uri, NEW.received_at))
    EXECUTE FUNCTION parley_tally_message();

DELETE FROM sessions_app_failuretally WHERE kind = 'message';
INSERT INTO sessions_app_failuretally (slot, kind, side, layer, code, what, host, number, unseen, merged)
SELECT parley_slot(received_at), 'message', {side}, {layer}, {code}, detail, parley_host(to_uri),
       count(*), count(*) FILTER (WHERE record IS NULL), true
  FROM sessions_app_messagerecord LEFT JOIN sessions_app_acknowledgement ON record = id
 WHERE state IN ('failed', 'expired') GROUP BY 1, 2, 3, 4, 5, 6, 7;
ANALYZE sessions_app_failuretally;
"""


NO_CODE = "NULL::smallint"


def counted_by(side: str, layer: str, code: str, columns: tuple[str, ...]) -> str:
    """COUNT with these columns in place of the braces."""
    text = COUNT
    for row in ("", "OLD.", "NEW."):
        for name, column in (("side", side), ("layer", layer), ("code", code)):
            text = text.replace(f"{{{row}{name}}}", column if column == NO_CODE else row + column)
        text = text.replace(f"{{{row}columns}}", ", ".join(row + column for column in columns))
    return text


FORWARD = LOCK + FILL + counted_by("side", "layer", "code", ("side", "layer", "code"))
BACKWARD = LOCK + EMPTY + counted_by("direction", "state", NO_CODE, ("direction",))


class Migration(migrations.Migration):
    dependencies = [("sessions_app", "0037_cause")]

    operations = [
        migrations.RunSQL(FORWARD, BACKWARD),
        migrations.AlterField(
            "failuretally", "side", models.CharField(help_text="Side on which they failed.", max_length=16)
        ),
        migrations.AlterField("failuretally", "layer", models.CharField(help_text="Where in the protocols.", max_length=16)),
    ]
