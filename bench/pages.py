"""How long the pages and the API take over the database at hand, and how many queries: `python -m bench.pages`.

Fill it before: `manage.py seed_demo --sessions 1000000 --messages 10000000 --days 30`. Only reads, but for the
user that it logs in as, whom it removes.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time

ADDRESSES = [
    "/",
    "/sessions/",
    "/sessions/?q={call_id}",
    "/sessions/?q={uri}",
    "/sessions/?q={path}",
    "/sessions/?q={message_id}",
    "/sessions/?q=example",
    "/sessions/?q=no-such-thing-anywhere",
    "/sessions/?state=failed",
    "/sessions/?state=live",
    "/sessions/?initiator=msrp&since=24h",
    "/sessions/?node=gateway-2&outcome=undelivered",
    "/sessions/?outcome=setup_failed&q=heidi",
    "/sessions/?sort=oldest",
    "/sessions/?sort=undelivered",
    "/sessions/?sort=ended",
    "/sessions/?source=192.0.2.17",
    "/sessions/{session}/",
    "/messages/",
    "/messages/?state=failed",
    "/messages/?q={message_id}",
    "/messages/?q={uri}",
    "/messages/{message}/",
    "/failures/",
    "/failures/?window=7d",
    "/failures/setups/",
    "/failures/setups/?q=busy",
    "/peers/",
    "/api/v1/sessions/",
    "/api/v1/sessions/?q={uri}",
    "/api/v1/sessions/?from_uri={uri}",
    "/api/v1/messages/",
    "/api/v1/messages/?to_uri={uri}",
    "/api/v1/messages/?call_id={message_call_id}",
    "/api/v1/failures/",
    "/admin/sessions_app/gatewaysession/",
    "/admin/sessions_app/messagerecord/",
]
LIMIT = 0.3


def main() -> None:
    """A line an address; exit status 1 if a p95 is over LIMIT."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=15)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway_project.settings")
    import django

    django.setup()
    import logging

    from django.contrib.auth import get_user_model
    from django.test import Client

    from sessions_app.models import GatewaySession, MessageRecord

    logging.disable(logging.INFO)
    users = get_user_model()
    users.objects.filter(username="bench").delete()  # of a run that was broken off
    user = users.objects.create_superuser("bench", password=None)
    try:
        middle = GatewaySession.objects.order_by("created_at")[:200_001:200_000] or []
        session = list(middle)[-1] if middle else None
        if session is None:
            raise SystemExit("There are no sessions: see the docstring.")
        message = session.messages.first() or MessageRecord.objects.first()
        names = {
            "call_id": session.call_id[3:13],
            "uri": session.from_uri.partition("@")[0].removeprefix("sip:").replace("+", "%2B"),
            "path": session.local_path.rpartition("/")[2][4:14],
            "message_id": message.message_id,
            "message_call_id": message.call_id,
            "session": session.pk,
            "message": message.pk,
        }
        client = Client(headers={"host": "localhost"})
        client.force_login(user)
        chosen = [each.format(**names) for each in ADDRESSES if options.only in each]
        late = [address for address in chosen if not _measure(client, address, options.times)]
    finally:
        user.delete()
    raise SystemExit(1 if late else 0)


def _measure(client, address: str, times: int) -> bool:
    from django.db import connection

    queries: list[float] = []

    def timed(execute, sql, params, many, context):
        began = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            queries.append(time.perf_counter() - began)

    with connection.execute_wrapper(timed):
        answer = client.get(address)
    assert answer.status_code == 200, f"{address}: {answer.status_code}"
    took = []
    for _ in range(times):
        began = time.perf_counter()
        answer = client.get(address)
        took.append(time.perf_counter() - began)
    took.sort()
    p95 = took[min(len(took) - 1, int(0.95 * len(took)))]
    slowest = max(queries, default=0)
    print(
        f"{1000 * statistics.median(took):7.0f} ms median {1000 * p95:7.0f} ms p95 {len(queries):3} queries "
        f"{1000 * slowest:6.0f} ms slowest {len(answer.content) / 1000:6.0f} kB  {address}",
        flush=True,
    )
    return p95 <= LIMIT


if __name__ == "__main__":
    main()
