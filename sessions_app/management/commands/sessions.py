"""`manage.py sessions`: the list of the sessions page."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from sessions_app.api.serializers import SessionSerializer
from sessions_app.filters import SINCE, SessionFilter
from sessions_app.management.listing import Listing, narrowed
from sessions_app.models import GatewaySession


class Command(Listing):
    help = "List sessions, newest first, by the filters of the page."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "q", nargs="?", default="", help="part of a URI, key, Call-ID, MSRP session-id or Message-ID"
        )
        parser.add_argument("--state", choices=GatewaySession.State.values)
        parser.add_argument("--initiator", choices=GatewaySession.Initiator.values)
        parser.add_argument("--outcome", choices=["undelivered", "setup_failed", "delivered"])
        parser.add_argument("--since", choices=[name for name, _ in SINCE])
        parser.add_argument("--node")
        parser.add_argument("--peer")
        parser.add_argument("--limit", type=int, default=50)
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        names = ("q", "state", "initiator", "outcome", "since", "node", "peer")
        found = narrowed(
            SessionFilter,
            GatewaySession.objects.defer("dialog"),
            {name: options[name] for name in names},
            options["limit"],
        )
        columns = ["created_at", "state", "from_uri", "to_uri", "to_msrp", "to_page", "undelivered", "node", "id"]
        self.show(SessionSerializer(found, many=True).data, columns, as_json=options["json"])
