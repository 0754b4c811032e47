"""Django's PostgreSQL backend, which starts the embedded server when a process first connects.

So every command, worker and test run works without a step before it, and a server that died is back at the next
connection. Only what is there to make a database makes one (`bootstrap`, `migrate`, `runserver`): a command with
another state folder than the gateway's is told so, instead of looking into an empty database that it has just made.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.db.backends.postgresql import base
from django.db.utils import OperationalError

from gateway_project.env import EnvError
from gateway_project.postgres.share import share_of
from sessions_app import shortage


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        try:
            share_of(Path(self.settings_dict["STATE_DIR"])).ensure(make=self.settings_dict.get("MAKE", False))
            return super().get_new_connection(conn_params)
        except EnvError as fault:
            raise OperationalError(str(fault)) from fault
        except OSError as fault:  # nothing can be opened: whoever waits for a database error gets one
            raise OperationalError(shortage.words(fault)) from fault
