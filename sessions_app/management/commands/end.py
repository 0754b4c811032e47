"""`manage.py end KEY`: ask a session's process to end it."""

from __future__ import annotations

import getpass
from typing import Any

from django.core.management.base import CommandError, CommandParser

from sessions_app import audit, commands
from sessions_app.management.commands.session import find
from sessions_app.management.listing import Listing


def who() -> str:
    """The user of this shell, for the records."""
    try:
        return f"{getpass.getuser()} (shell)"
    except (KeyError, OSError):
        return "shell"


class Command(Listing):
    help = "End a live session."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("key", help="id, key, or part of what names it")
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        session = find(options["key"])
        if not session.is_live:
            raise CommandError(f"It has {session.state} already.")
        command = commands.end_session(session, by=who())
        audit.write(who(), audit.Action.END_SESSION, session.pk, session.key)
        done = commands.wait(command, 5.0)
        document = {"session": str(session.pk), "done": done, "result": command.result}
        text = command.result if done else f"{session.node} has been asked and has not answered yet."
        self.document(document, as_json=options["json"], text=text)
