#!/usr/bin/env python
"""Command line of the project. What a user can mend is told in one line, without a traceback."""

import os
import sys

from gateway_project.env import one_line_errors


def main() -> None:
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


if __name__ == "__main__":
    main()
