"""Which database errors mean that the server could not be reached, and the line that says so."""

from __future__ import annotations

import psycopg
from django.db.utils import OperationalError

from gateway_project.env import EnvError


def connection_fault(error: BaseException) -> str | None:
    """One line for an error that means "no connection", None for every other error."""
    cause = error.__cause__ if isinstance(error, OperationalError) else error
    if isinstance(cause, EnvError):  # the embedded server did not start
        return str(cause)
    # An error that a server reports carries an SQLSTATE; a connection that never came about has none.
    if isinstance(cause, psycopg.OperationalError) and cause.sqlstate is None:
        return f"DATABASE_URL: cannot reach the database: {' '.join(str(cause).split())}"
    return None
