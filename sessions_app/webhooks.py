"""Webhooks: each event as a signed POST, tried again with growing pauses until it is taken or given up.

The gateway process only writes rows (:func:`enqueue`); Celery delivers them (:func:`deliver_due`). The body is JSON,
the header ``Parley-Signature`` is ``t=<unix time>,v1=<hex HMAC-SHA256 of "<t>.<body>" with the webhook's secret>``, and
``Parley-Event-Id`` is the same for every try of one event, so that a receiver can drop repeats.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import logging
import socket
import time
import urllib.error
import urllib.request
import uuid
from datetime import timedelta
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from sessions_app.models import Webhook, WebhookDelivery

logger = logging.getLogger(__name__)

PATIENCE: Final = 10.0
"""Seconds for one POST."""
PAUSES: Final = (10, 30, 120, 600, 1800, 7200, 21600)
"""Seconds before each further try; after the last of them an event is given up."""
AT_ONCE: Final = 50
"""Deliveries that one task takes in hand."""
KEPT: Final = timedelta(days=7)


def enqueue(connection: Any, webhooks: list[tuple[str, frozenset[str]]], found: list[dict[str, Any]]) -> int:
    """Write a delivery for each event that a webhook wants, by a psycopg connection; how many."""
    rows = [
        (str(uuid.uuid4()), webhook, event["event"], json.dumps(event))
        for webhook, names in webhooks
        for event in found
        if event["event"] in names
    ]
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO sessions_app_webhookdelivery"
                " (id, webhook_id, event, payload, state, attempts, created_at, next_at, detail)"
                " SELECT %s, id, %s, %s::jsonb, 'waiting', 0, now(), now(), '' FROM sessions_app_webhook WHERE id = %s",
                [(identity, event, payload, webhook) for identity, webhook, event, payload in rows],
            )
    return len(rows)


def signature(secret: str, at: int, body: bytes) -> str:
    """The value of Parley-Signature."""
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v1={mac.hexdigest()}"


def deliver_due() -> int:
    """Try what is due, AT_ONCE at the most; how many were tried. Workers may do so side by side."""
    tried = 0
    while tried < AT_ONCE:
        with transaction.atomic():
            delivery = (
                WebhookDelivery.objects.select_for_update(skip_locked=True, of=("self",))
                .select_related("webhook")
                .filter(state="waiting", next_at__lte=timezone.now())
                .order_by("next_at")
                .first()
            )
            if delivery is None:
                break
            attempt(delivery)
        tried += 1
    return tried


def attempt(delivery: WebhookDelivery) -> None:
    """One POST, and what came of it into the row."""
    webhook = delivery.webhook
    now = timezone.now()
    delivery.attempts += 1
    if not webhook.enabled:
        delivery.state, delivery.detail, delivery.finished_at = "given_up", "the webhook is disabled", now
    else:
        delivery.status, delivery.detail = post(webhook, delivery.payload)
        if delivery.status is not None and 200 <= delivery.status < 300:
            delivery.state, delivery.finished_at = "delivered", timezone.now()
        elif delivery.attempts > len(PAUSES) or delivery.status == 410:
            delivery.state, delivery.finished_at = "given_up", timezone.now()
            logger.warning("webhook delivery given up", extra={"webhook": webhook.name, "detail": delivery.detail})
        else:
            delivery.next_at = now + timedelta(seconds=PAUSES[delivery.attempts - 1])
    delivery.save()


def post(webhook: Webhook, payload: dict[str, Any]) -> tuple[int | None, str]:
    """POST it; the status, None where no answer came, and what was seen."""
    body = json.dumps(payload, separators=(",", ":")).encode()
    at = int(time.time())
    request = urllib.request.Request(  # noqa: S310 - http and https only, see Webhook.url and _opener
        webhook.url,
        data=body,
        method="POST",
        headers={
            "Content-Type": "application/json",
            "User-Agent": "Parley",
            "Parley-Event": str(payload.get("event", "")),
            "Parley-Event-Id": str(payload.get("id", "")),
            "Parley-Signature": signature(webhook.secret, at, body),
        },
    )
    try:
        with _opener.open(request, timeout=PATIENCE) as answer:
            answer.read(1000)
            return answer.status, f"{answer.status} {answer.reason}"[:255]
    except urllib.error.HTTPError as error:
        return error.code, f"{error.code} {error.reason}"[:255]
    except (OSError, http.client.HTTPException, ValueError) as error:
        return None, str(getattr(error, "reason", None) or error or type(error).__name__)[:255]


class _Stays(urllib.request.HTTPRedirectHandler):
    """A signed event goes where the administrator said, and nowhere else."""

    def redirect_request(self, *args: Any) -> None:
        """No."""


_opener: Final = urllib.request.build_opener(_Stays, urllib.request.ProxyHandler({}))


def test_event(webhook: Webhook) -> tuple[int | None, str]:
    """A made-up event, at once and without a row; what came of it."""
    return post(
        webhook,
        {
            "event": "test",
            "id": str(uuid.uuid4()),
            "at": timezone.now().isoformat(timespec="milliseconds"),
            "node": socket.gethostname(),
        },
    )


def purge() -> int:
    """Forget deliveries that were over KEPT ago; how many."""
    return WebhookDelivery.objects.filter(finished_at__lt=timezone.now() - KEPT).delete()[0]
