"""Where the database is, for connections that are not Django's."""

from __future__ import annotations

from django.db import connection
from psycopg.conninfo import make_conninfo

_DJANGOS_OWN = {"cursor_factory", "context", "client_encoding", "prepare_threshold", "row_factory"}


def conninfo() -> str:
    """A libpq connection string for Django's default database. Raises OperationalError where it is away."""
    connection.ensure_connection()
    parameters = {
        name: value
        for name, value in connection.get_connection_params().items()
        if name not in _DJANGOS_OWN and value is not None
    }
    return make_conninfo("", **parameters, application_name="parley-gateway")
