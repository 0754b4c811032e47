"""Command line of the project: `manage.py` in a checkout, `parley` where it is installed.

What a user can mend is told in one line, without a traceback.
"""

from __future__ import annotations

import os
import sys

from gateway_project.env import one_line_errors
from sessions_app import __version__


def main() -> None:
    if sys.argv[1:] in (["version"], ["--version"]):  # Django would tell its own
        print(f"Parley {__version__}")
        return
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway_project.settings")
    with one_line_errors():
        from django.conf import settings

        # Read now: later Django would take a fault in here for "settings not configured" and go on without them.
        _ = settings.INSTALLED_APPS

        from gateway_project import reactor

        reactor.install()

    from django.core.management import execute_from_command_line

    from gateway_project.postgres.faults import database_fault

    with one_line_errors(also=database_fault):
        execute_from_command_line(sys.argv)
