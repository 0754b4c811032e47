"""Which database errors a user can mend, and the line that says how."""

from __future__ import annotations

import psycopg
from django.conf import settings
from django.db import connection
from django.db.utils import Error, OperationalError, ProgrammingError
from psycopg import errors

from gateway_project.env import EnvError
from sessions_app import shortage

LACKS = (errors.UndefinedTable, errors.UndefinedColumn, errors.UndefinedFunction, errors.UndefinedObject)
"""What a query runs into where the tables are of another version, or not there at all."""


def database_fault(error: BaseException) -> str | None:
    """One line for "nothing is left to work with", "no database", "not the gateway's"; None for every other error."""
    return shortage.of(error) or connection_fault(error) or unprepared_fault(error)


def connection_fault(error: BaseException) -> str | None:
    """One line for an error that means "no connection", None for every other error."""
    cause = error.__cause__ if isinstance(error, OperationalError) else error
    if isinstance(cause, EnvError):  # the embedded server did not start
        return str(cause)
    # An error that a server reports carries an SQLSTATE; a connection that never came about has none.
    if isinstance(cause, psycopg.OperationalError) and cause.sqlstate is None:
        return f"DATABASE_URL: cannot reach the database: {' '.join(str(cause).split())}"
    return None


def unprepared_fault(error: BaseException) -> str | None:
    """One line where a table or column is missing because migrations are; one that ought to be there is no user's."""
    from gateway_project.startup import database_label, missing_migrations

    if not isinstance(error.__cause__ if isinstance(error, ProgrammingError) else error, LACKS):
        return None
    try:
        connection.close()  # it may be in a transaction that has failed
        missing = missing_migrations()
    except Error:
        return None
    if not missing:
        return None
    setting = "PARLEY_STATE_DIR" if settings.EMBEDDED_POSTGRES else "DATABASE_URL"
    return (
        f"{setting}: {database_label()} misses {missing} migrations: name the database of the gateway that runs, or"
        " make this one ready by manage.py bootstrap"
    )
