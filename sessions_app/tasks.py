"""The cleanup that Celery beat runs: silent sessions, sessions of dead processes, records past their time.

Each step is a short transaction that skips what another worker has in hand, so cleanups may run side by side and be
repeated at any time.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from celery import shared_task
from django.db import connection, transaction
from django.db.models import Case, Exists, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Greatest
from django.utils import timezone

from sessions_app import commands, tally, webhooks
from sessions_app.conf import EVERY_OUTCOME, GatewayConfig, gateway_config
from sessions_app.models import (
    Acknowledgement,
    GatewaySession,
    MessageRecord,
    Node,
    NodeCommand,
    SessionEvent,
    SetupFailure,
    TraceFrame,
    Traffic,
)
from sessions_app.search import SUMMARIZE
from sessions_app.trace import table

logger = logging.getLogger(__name__)

RUN: Final = 64
"""Buckets looked through by one query."""
DEAD_AFTER: Final = timedelta(seconds=60)
"""Without a heartbeat for so long, a process is gone."""
ABANDONED_AFTER: Final = timedelta(hours=1)
"""So long its sessions wait for it to come back, or for another process to take them over and say good-bye to their
peers; then nobody will, and their rows are closed."""
CHUNK: Final = 2000
"""Rows of one transaction."""
MOST_CHUNKS: Final = 500
"""Chunks of one purge; what is left then waits for the next cleanup."""


@shared_task(name="sessions_app.tasks.cleanup")
def cleanup(share: int = 0, shares: int = 1) -> dict[str, int]:
    """Sweep the buckets, then purge; what was done, in numbers.

    With ``shares`` > 1 this call sweeps one part of the buckets: many workers can each take a share.
    """
    config, now = gateway_config(), timezone.now()
    first, last = config.buckets * share // shares, config.buckets * (share + 1) // shares
    done = sweep(config, now, first, last)
    if share == 0:
        done["bodies"] = wipe_bodies(config, now)
        done.update(purge(config, now))
        done["tallies"] = tally.merge(now)
        with connection.cursor() as cursor:
            cursor.execute(SUMMARIZE)
    if any(done.values()):
        logger.info("cleanup: %s", ", ".join(f"{name} {number}" for name, number in done.items() if number))
    return done


@shared_task(name="sessions_app.tasks.deliver_webhooks")
def deliver_webhooks() -> int:
    """Try the webhook deliveries that are due; how many were tried."""
    return webhooks.deliver_due()


# ---------------------------------------------------------------------------------------------------------------- sweep


def sweep(config: GatewayConfig, now: datetime, first: int, last: int) -> dict[str, int]:
    """Buckets ``first`` to ``last``, the latter excluded: ask for the end of the silent, close the orphaned."""
    alive = list(
        Node.objects.filter(stopped_at=None, heartbeat_at__gte=now - DEAD_AFTER).values_list("name", flat=True)
    )
    lately = list(Node.objects.filter(heartbeat_at__gte=now - ABANDONED_AFTER).values_list("name", flat=True))
    done = {"expired": 0, "closed": 0}
    for buckets in _runs(first, last, config.buckets):
        run = GatewaySession.objects.filter(buckets, ended_at=None)
        done["closed"] += _close_orphans(run.exclude(node__in=lately), now)
        done["expired"] += _expire(run.filter(node__in=alive), config, now)
    return done


def _runs(first: int, last: int, end: int) -> Iterator[Q]:
    """The buckets in runs; the last one also takes what an earlier, larger ``hash_size`` left behind."""
    for start in range(first, last, RUN):
        stop = min(start + RUN, last)
        yield Q(bucket__gte=start) if stop == end else Q(bucket__gte=start, bucket__lt=stop)


def silent(sessions: QuerySet[GatewaySession], config: GatewayConfig, now: datetime) -> QuerySet[GatewaySession]:
    """Those that are silent by their rows: the rule of ``gateway.silence``, told to the database."""
    rule = Q(pk__in=[])
    if config.session_timeout:
        rule |= Q(last_sign__lte=now - timedelta(seconds=config.session_timeout))
    if config.message_timeout:
        rule |= Q(last_message_at__lte=now - timedelta(seconds=config.message_timeout))
    return sessions.alias(last_sign=Greatest("last_message_at", "last_send_at")).filter(rule)


def _expire(run: QuerySet[GatewaySession], config: GatewayConfig, now: datetime) -> int:
    """Tell the owners, who look at their own times before they act. A wish that is still open is not repeated."""
    open_wish = NodeCommand.objects.filter(
        session=OuterRef("pk"), verb=NodeCommand.Verb.EXPIRE_SESSION, done_at__isnull=True
    )
    number = 0
    for session in silent(run, config, now).filter(~Exists(open_wish)).only("id", "node").iterator(chunk_size=CHUNK):
        commands.expire_session(session)
        number += 1
    return number


def _close_orphans(run: QuerySet[GatewaySession], now: datetime) -> int:
    """Sessions of a process that is gone for good end here, as nobody else is there to end them."""
    orphans = run.filter(created_at__lte=now - ABANDONED_AFTER).order_by("pk")
    number = 0
    while True:
        with transaction.atomic():
            rows = list(orphans.select_for_update(skip_locked=True).values_list("pk", "node", "state")[:CHUNK])
            if not rows:
                return number
            _close(rows, now)
        number += len(rows)


def _close(rows: list[tuple[Any, str, str]], now: datetime) -> None:
    reasons = {node: f"node {node} is gone" for _, node, _ in rows}
    for node, reason in reasons.items():
        mine = [pk for pk, of, _ in rows if of == node]
        GatewaySession.objects.filter(pk__in=mine).update(
            state=Case(
                When(state=GatewaySession.State.SETTING_UP, then=Value(GatewaySession.State.FAILED.value)),
                default=Value(GatewaySession.State.ENDED.value),
            ),
            ended_at=now,
            end_reason=reason,
        )
        NodeCommand.objects.filter(session__in=mine, done_at=None).update(done_at=now, result=reason)
    SessionEvent.objects.bulk_create(
        SessionEvent(
            session_id=pk,
            at=now,
            kind="failed" if state == GatewaySession.State.SETTING_UP else "ended",
            detail=reasons[node],
        )
        for pk, node, state in rows
    )


# ---------------------------------------------------------------------------------------------------------------- purge


def wipe_bodies(config: GatewayConfig, now: datetime) -> int:
    """Bodies whose days are over, and those that the setting does not keep any more."""
    wiped = Q()
    if config.body_retention_days:
        wiped |= Q(received_at__lt=now - timedelta(days=config.body_retention_days))
    if config.bodies_kept != EVERY_OUTCOME:
        wiped |= ~Q(state__in=config.bodies_kept)
    if not wiped:
        return 0
    rows = MessageRecord.objects.filter(wiped, body__isnull=False).exclude(state=MessageRecord.State.PENDING)
    number = 0
    for _ in range(MOST_CHUNKS):
        ids = list(rows.order_by("received_at").values_list("pk", flat=True)[:CHUNK])
        number += MessageRecord.objects.filter(pk__in=ids).exclude(state=MessageRecord.State.PENDING).update(body=None)
        if len(ids) < CHUNK:
            break
    return number


def purge(config: GatewayConfig, now: datetime) -> dict[str, int]:
    """Delete what is older than ``retention_days``; nothing where that is 0."""
    done = purge_frames(config, now)
    if not config.retention_days:
        return done
    before = now - timedelta(days=config.retention_days)
    return done | {
        # What is still owed to somebody stays as long as its session does.
        "deliveries": webhooks.purge(),
        "traffic": Traffic.objects.filter(minute__lt=before).delete()[0],
        "messages": _purge(
            MessageRecord.objects.filter(received_at__lt=before).exclude(state=MessageRecord.State.PENDING),
            "received_at",
            _purge_notes,
        ),
        "failures": _purge(SetupFailure.objects.filter(created_at__lt=before), "created_at", _purge_notes),
        "commands": _purge(NodeCommand.objects.filter(done_at__lt=before), "pk"),
        "sessions": _purge(GatewaySession.objects.filter(ended_at__lt=before), "ended_at", _purge_what_hangs_on),
    }


def purge_frames(config: GatewayConfig, now: datetime) -> dict[str, int]:
    """Delete the frames that are older than ``trace_days``, and the oldest while all take more than ``trace_bytes``."""
    number = 0
    if config.trace_days:
        number = _purge(TraceFrame.objects.filter(at__lt=now - timedelta(days=config.trace_days)), "at")
    with connection.cursor() as cursor:
        number += table.hold(lambda query, values: cursor.execute(query, values) or cursor, config.trace_bytes)
    return {"frames": number}


def _purge(rows: QuerySet[Any], order: str, before: Any = None) -> int:
    """Delete chunk by chunk; ``before`` gets the ids of each chunk first."""
    number = 0
    for _ in range(MOST_CHUNKS):
        with transaction.atomic():
            ids = list(rows.order_by(order).select_for_update(skip_locked=True).values_list("pk", flat=True)[:CHUNK])
            if before is not None:
                before(ids)
            number += _delete(rows.model, pk__in=ids)
        if len(ids) < CHUNK:
            break
    return number


def _purge_notes(records: Any) -> None:
    """What was noted of records that go: their ids, or a query of them."""
    _delete(Acknowledgement, record__in=records)


def _purge_what_hangs_on(sessions: list[Any]) -> None:
    for model in (MessageRecord, SetupFailure):
        _purge_notes(model.objects.filter(session_id__in=sessions).order_by().values("pk"))
    for model in (MessageRecord, SetupFailure, SessionEvent, NodeCommand, TraceFrame):
        _delete(model, session_id__in=sessions)


def _delete(model: Any, **which: Any) -> int:
    """Delete by one statement: what hangs on these rows is gone already."""
    rows = model.objects.filter(**which)
    return rows._raw_delete(rows.db) or 0  # None where `which` can match nothing
