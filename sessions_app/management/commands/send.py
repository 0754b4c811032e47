"""`manage.py send FROM TO TEXT`: send a message by route, as if it had come as a MESSAGE, and tell the outcome."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import CommandError, CommandParser

from sessions_app import audit, commands
from sessions_app.api.serializers import MessageSerializer
from sessions_app.management.commands.end import who
from sessions_app.management.commands.session import find
from sessions_app.management.listing import Listing
from sessions_app.models import MessageRecord


class Command(Listing):
    help = "Send a message by route, or into a live session with --session."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("from_uri", metavar="FROM")
        parser.add_argument("to_uri", metavar="TO")
        parser.add_argument("text")
        parser.add_argument("--session", help="id, key or part of its names; FROM and TO are not looked at then")
        parser.add_argument("--direction", choices=MessageRecord.Direction.values, default="to_page")
        parser.add_argument("--type", default="text/plain")
        parser.add_argument("--source", default="", help="address of the peer that it counts as having come from")
        parser.add_argument("--wait", type=float, default=10.0, help="seconds to wait for the outcome")
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        body = options["text"].encode()
        deadline = time.monotonic() + options["wait"]
        try:
            if options["session"]:
                session = find(options["session"])
                command = commands.send_into(session, who(), options["direction"], options["type"], body)
            else:
                command = commands.send_by_route(
                    who(), options["from_uri"], options["to_uri"], options["source"], options["type"], body
                )
        except commands.NoNode as why:
            raise CommandError(str(why))
        audit.write(who(), audit.Action.SEND_MESSAGE, command.pk, options["to_uri"])
        if not commands.wait(command, options["wait"]):
            raise CommandError(f"{command.node} has been asked and has not answered yet.")
        if not command.result.startswith("sent "):
            raise CommandError(command.result)
        identity = command.result.removeprefix("sent ")
        message = None
        while time.monotonic() < deadline:
            message = MessageRecord.objects.defer("body").filter(pk=identity, finished_at__isnull=False).first()
            if message is not None:
                break
            time.sleep(0.05)
        if message is None:
            self.document({"id": identity, "state": "pending"}, as_json=options["json"], text=f"{identity} pending")
            return
        text = f"{identity} {message.get_state_display()} {message.cause}".rstrip()
        self.document(dict(MessageSerializer(message).data), as_json=options["json"], text=text)
