"""What a process that serves makes sure of before it opens a listener, and what it says when it has."""

from __future__ import annotations

import errno
import socket
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.management.base import CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from gateway_project.bootstrap import Admin
from gateway_project.env import Address, EnvError
from gateway_project.postgres.cluster import Cluster
from sessions_app import __version__

READY = "Parley ready"

BIND_FAULTS = {
    errno.EADDRINUSE: "is already in use, stop what uses it or choose another port",
    errno.EADDRNOTAVAIL: "is not an address of this machine",
    errno.EACCES: "is not open to this user, choose a port from 1024 up",
}


def listeners(http: Address) -> dict[str, Sequence[Address]]:
    """Every address this process will listen on, by the setting that names it."""
    return {"HTTP_LISTEN": (http,), "SIP_LISTEN": settings.SIP_LISTEN, "MSRP_LISTEN": settings.MSRP_LISTEN}


def refuse_taken_addresses(wanted: Mapping[str, Sequence[Address]]) -> None:
    """Raises EnvError for the first address that cannot be bound, before anything has been started."""
    owners: dict[Address, str] = {}
    with ExitStack() as held:
        for setting, addresses in wanted.items():
            for address in addresses:
                if address in owners:
                    raise EnvError(setting, f"{address} stands in {owners[address]} too, choose another port")
                owners[address] = setting
                _try_bind(setting, address, held)


def _try_bind(setting: str, address: Address, held: ExitStack) -> None:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    kind = socket.SOCK_DGRAM if address.transport == "udp" else socket.SOCK_STREAM
    probe = held.enter_context(socket.socket(family, kind))
    if kind == socket.SOCK_STREAM:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as a server does: TIME_WAIT is no hindrance
    if family == socket.AF_INET6:
        probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    try:
        probe.bind((address.host, address.port))
    except OSError as fault:
        shown = address.hostport if setting == "HTTP_LISTEN" else str(address)  # as the setting writes it
        raise EnvError(setting, f"{shown} {BIND_FAULTS.get(fault.errno or 0, fault.strerror)}") from None


def refuse_failed_checks() -> None:
    """Run the system checks; raises CommandError with the errors as one line."""
    serious = [message for message in checks.run_checks() if message.is_serious() and not message.is_silenced()]
    if serious:
        raise CommandError("; ".join(f"{message.msg.rstrip('.')} ({message.id})" for message in serious))


def refuse_missing_database() -> None:
    """Raises EnvError where the embedded database is used and there is none: only a bootstrap makes it."""
    if settings.EMBEDDED_POSTGRES and not settings.DATABASES["default"].get("MAKE"):
        cluster = Cluster(settings.STATE_DIR)
        if not cluster.made():
            cluster.refuse_to_make()


def missing_migrations() -> int:
    """How many the database lacks. One that cannot be reached raises OperationalError."""
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def refuse_unprepared_database() -> None:
    """Raises CommandError while migrations are missing; a database that cannot be reached raises OperationalError."""
    if missing := missing_migrations():
        raise CommandError(f"the database misses {missing} migrations, run: manage.py bootstrap")


def banner(http: Address, admin: Admin | None = None) -> str:
    """What an operator wants to see once, without any secret but a password made just now."""
    site = f"http://{_reachable(http)}"
    lines = [
        ("Pages", f"{site}/  admin {site}/admin/  REST {site}/api/v1/  schema {site}/api/schema/"),
        ("SIP", ", ".join(map(str, settings.SIP_LISTEN))),
        ("MSRP", ", ".join(map(str, settings.MSRP_LISTEN))),
        ("Database", database_label()),
        ("State", str(settings.STATE_DIR)),
    ]
    if admin is not None:
        lines.append(("Admin", admin_label(admin)))
    return "\n".join([f"Parley {__version__}", *(f"  {name:<9} {text}" for name, text in lines)])


def admin_label(admin: Admin) -> str:
    """Who may log in, and where the password is; the password itself only if it was generated just now."""
    if admin.new_password:
        return f"{admin.username}, password {admin.new_password} (made now, kept in {settings.ADMIN_PASSWORD_FILE})"
    if settings.ADMIN_PASSWORD:
        return f"{admin.username}, password from PARLEY_ADMIN_PASSWORD"
    if settings.ADMIN_PASSWORD_FILE.exists():
        return f"{admin.username}, password in {settings.ADMIN_PASSWORD_FILE}"
    return admin.username


def database_label() -> str:
    """The database without its password."""
    chosen: dict[str, Any] = settings.DATABASES["default"]
    if settings.EMBEDDED_POSTGRES:
        return f"embedded PostgreSQL in {settings.STATE_DIR / 'postgres'}"
    host, port = chosen.get("HOST") or "local socket", chosen.get("PORT")
    return f"{chosen.get('USER') or ''}@{host}{f':{port}' if port else ''}/{chosen['NAME']}"


def _reachable(http: Address) -> str:
    """What to type into a browser on this machine."""
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - translated, not bound
    return http._replace(host=here.get(http.host, http.host)).hostport
