"""`manage.py failures`: failures by cause, or one by one."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from sessions_app.filters import SINCE, span
from sessions_app.groups import groups
from sessions_app.management.listing import Listing
from sessions_app.models import MessageRecord, SetupFailure


class Command(Listing):
    help = "List failed set-ups and undelivered messages by cause; --each lists them one by one, newest first."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--since", choices=[name for name, _ in SINCE], default="24h")
        parser.add_argument("--all", action="store_true", help="acknowledged ones, too")
        parser.add_argument("--each", action="store_true")
        parser.add_argument("--limit", type=int, default=50)
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        length = span(options["since"])
        if options["each"]:
            rows = self._each(timezone.now() - length, options["limit"])
            self.show(rows, ["at", "kind", "code", "detail", "from_uri", "to_uri", "id"], as_json=options["json"])
            return
        limit = options["limit"]
        found = groups(length, timezone.now(), unseen=not options["all"], most=limit)[:limit]
        rows = [
            {
                "count": group.count,
                "kind": group.kind,
                "leg": group.cause.side,
                "layer": group.cause.layer,
                "code": group.cause.code,
                "what": group.what,
                "peer": group.peer,
                "latest": group.latest,
                "told": group.told.what,
                "try": list(group.told.tries),
            }
            for group in found
        ]
        self.show(rows, ["count", "kind", "peer", "latest", "told"], as_json=options["json"])

    def _each(self, since: Any, limit: int) -> list[dict[str, Any]]:
        setups = SetupFailure.objects.filter(created_at__gte=since).order_by("-created_at", "-id")[:limit]
        lost = MessageRecord.objects.defer("body").filter(state__in=["failed", "expired"], received_at__gte=since)
        rows = [_row("setup", each, each.created_at, each.code, each.detail) for each in setups]
        rows += [
            _row("message", each, each.received_at, each.sip_code, str(each.cause))
            for each in lost.order_by("-received_at", "-id")[:limit]
        ]
        return sorted(rows, key=lambda row: row["at"], reverse=True)[:limit]


def _row(kind: str, record: Any, at: Any, code: int | None, detail: str) -> dict[str, Any]:
    return {
        "at": at,
        "kind": kind,
        "code": code,
        "detail": detail,
        "from_uri": record.from_uri,
        "to_uri": record.to_uri,
        "id": str(record.pk),
    }
