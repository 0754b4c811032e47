"""Makes a database ready for the gateway: tables, the admin user, the default routes. Harmless to repeat."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection

from gateway_project import state
from gateway_project.postgres.share import share_of

#: Any number, the same in every process, that nothing else in this database locks.
LOCK = 0x5061_726C_6579


@dataclass(frozen=True, slots=True)
class Admin:
    """The administrator after the bootstrap."""

    username: str
    new_password: str | None  #: the password, only if this run generated it


def bootstrap() -> Admin:
    """Raises django.db.OperationalError when the database cannot be reached."""
    from sessions_app.defaults import ensure_default_routes

    make_database()
    with _one_at_a_time():
        call_command("migrate", interactive=False, verbosity=0)
        admin = ensure_admin()
        ensure_default_routes()
    return admin


def make_database() -> None:
    """Make the embedded database where it is used and there is none."""
    if settings.EMBEDDED_POSTGRES:
        share_of(settings.STATE_DIR).ensure()


def ensure_admin() -> Admin:
    """Make the admin user where it is missing. A password in the environment is the one that holds, at every start."""
    users = get_user_model()
    user = users.objects.filter(username=settings.ADMIN_USER).first()
    if user is not None:
        if settings.ADMIN_PASSWORD and not user.check_password(settings.ADMIN_PASSWORD):
            user.set_password(settings.ADMIN_PASSWORD)
            user.save(update_fields=["password"])
        return Admin(settings.ADMIN_USER, None)
    password, generated = settings.ADMIN_PASSWORD, False
    if not password:
        password, generated = state.keep_secret(settings.ADMIN_PASSWORD_FILE, lambda: secrets.token_urlsafe(15))
    users.objects.create_superuser(settings.ADMIN_USER, password=password)
    return Admin(settings.ADMIN_USER, password if generated else None)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Two processes that start on one database must not migrate it at once."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
