"""`manage.py retry ID ...`: deliver messages that failed."""

from __future__ import annotations

import uuid
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from sessions_app import audit, commands
from sessions_app.filters import SINCE, span
from sessions_app.management.commands.end import who
from sessions_app.management.listing import Listing
from sessions_app.management.progress import Progress
from sessions_app.models import MessageRecord


class Command(Listing):
    help = "Retry messages by their ids, or all that failed since then."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("ids", nargs="*", type=uuid.UUID)
        parser.add_argument("--failed-since", choices=[name for name, _ in SINCE])
        parser.add_argument("--ruri", default="", help="send them to this address instead")
        parser.add_argument("--next-hop", default="")
        parser.add_argument("--limit", type=int, default=1000)
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        rows = MessageRecord.objects.defer("body").select_related("session").order_by("received_at", "id")
        if options["ids"]:
            rows = rows.filter(pk__in=options["ids"])
        elif options["failed_since"]:
            since = timezone.now() - span(options["failed_since"])
            rows = rows.filter(state__in=["failed", "expired"], received_at__gte=since, body__isnull=False)
        else:
            raise CommandError("Name messages by their ids, or --failed-since.")
        chosen = list(rows[: options["limit"]])
        if not chosen:
            raise CommandError("There is no such message, or none whose body is still kept.")
        progress = Progress(self.stderr, "messages", len(chosen))
        results = []
        for message in chosen:
            try:
                command = commands.retry_message(message, who(), ruri=options["ruri"], next_hop=options["next_hop"])
            except commands.NoNode as why:
                raise CommandError(str(why))
            commands.wait(command, 5.0)
            results.append({"message": str(message.pk), "node": command.node, "result": command.result or "asked"})
            progress.add()
        audit.write(who(), audit.Action.RETRY_MESSAGE, "", f"{len(chosen)} messages")
        self.show(results, ["message", "node", "result"], as_json=options["json"])
