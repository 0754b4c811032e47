"""`manage.py seed_demo`: made-up records in any number, to see how the pages look and how fast they are."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction
from django.utils import timezone

from sessions_app import demo, tally
from sessions_app.management.indexes import without_indexes
from sessions_app.management.progress import Progress
from sessions_app.models import FailureTally, GatewaySession, Node, Traffic
from sessions_app.search import SUMMARIZE
from sessions_app.store import columns
from sessions_app.store.transaction import EVENT_TABLE, FAILURE_TABLE, MESSAGE_TABLE, SESSION_TABLE, copy
from sessions_app.trace import table

MANY: Final = 100_000
"""From so many sessions on the indexes are built after the rows, and the tables are locked meanwhile."""
TABLES: Final = [SESSION_TABLE, MESSAGE_TABLE, FAILURE_TABLE, EVENT_TABLE, table.TABLE]


class Command(BaseCommand):
    help = "Fill an empty database with made-up sessions, messages and failures; no gateway should use it meanwhile."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--sessions", type=int, default=2000)
        parser.add_argument("--messages", type=int, default=20000)
        parser.add_argument("--days", type=float, default=7, help="spread over so many days until now")
        parser.add_argument(
            "--busiest", type=int, default=0, metavar="MESSAGES", help="one more session with so many messages"
        )
        parser.add_argument("--force", action="store_true", help="add to what is there")

    def handle(self, *args: Any, **options: Any) -> None:
        sessions, messages, days = options["sessions"], options["messages"], options["days"]
        if sessions < 1 or messages < 0 or days <= 0:
            raise CommandError("At least one session, no negative number, and some time to spread them over.")
        if GatewaySession.objects.exists() and not options["force"]:
            raise CommandError("There are sessions already; --force adds to them.")
        now = timezone.now()
        with self._fast() if sessions >= MANY and not options["force"] else nullcontext():
            self._fill(demo.batches(sessions, messages, days, now), sessions)
            if options["busiest"]:
                self._write(connection.connection, demo.busiest(options["busiest"], now))
        start = now - timedelta(days=min(days, 2))
        demo.traffic(start, now, messages / days / 1440, self._write_traffic)
        for node in demo.NODES:
            Node.objects.get_or_create(
                name=node,
                defaults={
                    "version": "demo",
                    "pid": 1,
                    "listeners": ["udp:192.0.2.1:5060", "tcp:192.0.2.1:2855"],
                    "started_at": start,
                    "heartbeat_at": now,
                },
            )
        tally.merge(now)
        with connection.cursor() as cursor:
            cursor.execute(SUMMARIZE)
            cursor.execute(f"ANALYZE {', '.join([*TABLES, FailureTally._meta.db_table])}")
        self.stdout.write(f"{sessions} sessions, about {messages} messages.")

    @contextmanager
    def _fast(self) -> Iterator[None]:
        with transaction.atomic(), without_indexes(TABLES, self.stderr):
            yield

    def _fill(self, batches: Iterator[demo.Batch], sessions: int) -> None:
        """Make a batch while another thread writes the one before."""
        connection.ensure_connection()
        progress = Progress(self.stderr, "sessions", sessions)
        with ThreadPoolExecutor(1) as writer:
            before: Future[None] | None = None
            for batch in batches:
                if before is not None:
                    before.result()
                before = writer.submit(self._write, connection.connection, batch)
                progress.add(len(batch.sessions))
            if before is not None:
                before.result()
        progress.done()

    def _write(self, raw: Any, batch: demo.Batch) -> None:
        with raw.transaction():
            copy(raw, SESSION_TABLE, columns.SESSION, batch.sessions)
            copy(raw, MESSAGE_TABLE, columns.MESSAGE, batch.messages)
            copy(raw, FAILURE_TABLE, columns.SETUP_FAILURE, batch.failures)
            copy(raw, EVENT_TABLE, columns.SESSION_EVENT, batch.events)
            copy(raw, table.TABLE, columns.TRACE_FRAME, batch.frames)

    def _write_traffic(self, rows: list[tuple[Any, ...]]) -> None:
        names = [
            "node",
            "minute",
            "to_msrp",
            "to_page",
            "failed",
            "established",
            "setup_failures",
            "latency",
            "queue",
            "sessions",
            "loop_lag",
        ]
        Traffic.objects.bulk_create(
            (Traffic(**dict(zip(names, row, strict=True))) for row in rows), batch_size=2000, ignore_conflicts=True
        )
