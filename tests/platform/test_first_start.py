"""What a new installation has after its first start, on a database that nobody has used, is what the second one has."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import psycopg
import pytest

from gateway_project.postgres.cluster import Cluster
from sessions_app.roles import GROUPS
from tests.platform.test_run import PROJECT, start  # noqa: F401 - a fixture

PERMISSIONS = """
SELECT g.name, p.codename FROM auth_group g
  LEFT JOIN auth_group_permissions gp ON gp.group_id = g.id LEFT JOIN auth_permission p ON p.id = gp.permission_id
"""
ROUTES = "SELECT name, enabled FROM sessions_app_route ORDER BY name"
ADMINS = "SELECT username, is_superuser FROM auth_user"


def manage(state, *command):
    base = {"PATH": os.environ["PATH"], "PARLEY_STATE_DIR": str(state)}
    done = subprocess.run(
        [sys.executable, "manage.py", *command], cwd=PROJECT, env=base, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


class Looked:
    """What the database of a state folder has, while something keeps it running or `ask` starts it."""

    def __init__(self, state):
        with psycopg.connect(Cluster(state).url) as connection:
            self.groups = {name: set() for name in GROUPS}
            for name, codename in connection.execute(PERMISSIONS):
                self.groups.setdefault(name, set()).add(codename)
            self.routes = connection.execute(ROUTES).fetchall()
            self.admins = connection.execute(ADMINS).fetchall()


@pytest.mark.parametrize("command", [["bootstrap"], ["migrate"]], ids=" ".join)
def test_the_groups_have_their_permissions_when_the_first_command_is_over(state_folder, command):
    from gateway_project.postgres.share import Share

    manage(state_folder, *command)
    share = Share(state_folder)
    share.ensure()
    try:
        first = Looked(state_folder)
        manage(state_folder, *command)
        second = Looked(state_folder)
    finally:
        share.release()
    assert first.groups == {name: set(codenames) for name, codenames in GROUPS.items()}
    assert vars(first) == vars(second)


def test_the_groups_have_their_permissions_when_the_server_is_ready_for_the_first_time(start):  # noqa: F811
    running = start("runserver", "--noreload")
    first = Looked(running.state)
    assert first.groups == {name: set(codenames) for name, codenames in GROUPS.items()}
    assert first.routes
    assert first.admins == [("admin", True)]
    assert running.stop(signal.SIGTERM) == 0
    again = start("runserver", "--noreload")
    assert vars(Looked(again.state)) == vars(first)
