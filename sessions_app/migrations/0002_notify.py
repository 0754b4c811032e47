"""Changes of the routes and peers reach every running gateway by NOTIFY, whoever made them and however."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION parley_notify_routes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('parley_routes', TG_TABLE_NAME);
    RETURN NULL;
END $$;
CREATE TRIGGER parley_routes AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON sessions_app_route
    FOR EACH STATEMENT EXECUTE FUNCTION parley_notify_routes();
CREATE TRIGGER parley_routes AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON sessions_app_peer
    FOR EACH STATEMENT EXECUTE FUNCTION parley_notify_routes();
"""

BACKWARD = """
DROP TRIGGER parley_routes ON sessions_app_route;
DROP TRIGGER parley_routes ON sessions_app_peer;
DROP FUNCTION parley_notify_routes();
"""


class Migration(migrations.Migration):
    dependencies = [("sessions_app", "0001_initial")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
