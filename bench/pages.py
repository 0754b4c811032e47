"""How long pages, lists, searches, exports and the API take over the database at hand, and how heavy they are.

`python -m bench.pages` prints a table in Markdown and ends with status 1 where a bound is missed: 300 ms at p95, and
100 kB of HTML. Fill the database before:

    manage.py seed_demo --sessions 1000000 --messages 10000000 --days 30 --busiest 100000

Each address is asked in process, through all middleware, templates and the database; an export for its first 1,000
rows. Only reads, but for the user that it logs in as, whom it removes, and that user's entries of the audit trail.
"""

from __future__ import annotations

import argparse
import gzip
import os
import statistics
import time
from itertools import islice

LIMIT = 0.3
"""Seconds, p95."""
WEIGHT = 100_000
"""Octets of a page; answers of the API and exports are as long as their rows."""

PAGES = {
    "Pages": [
        "/",
        "/sessions/{session}/",
        "/sessions/{failed_session}/",
        "/sessions/{busiest}/",
        "/sessions/{busiest}/?before={noon}",
        "/sessions/{busiest}/frames/{frame}/",
        "/messages/{message}/",
        "/messages/{failed_message}/",
        "/failures/?window=1h",
        "/failures/",
        "/failures/?all=1",
        "/failures/?window=7d",
        "/failures/?window=7d&all=1",
        "/failures/{failure}/",
        "/peers/",
    ],
    "Sessions": [
        "/sessions/",
        "/sessions/?cursor={session_cursor}",
        "/sessions/?q={call_id}",
        "/sessions/?q={number}",
        "/sessions/?q={name}",
        "/sessions/?q={path}",
        "/sessions/?q={message_id}",
        "/sessions/?q=example",
        "/sessions/?q=alice",
        "/sessions/?q=no-such-thing-anywhere",
        "/sessions/?state=failed",
        "/sessions/?state=live",
        "/sessions/?state=setting_up",
        "/sessions/?state=ended&initiator=msrp&since=24h",
        "/sessions/?node=gateway-2&outcome=undelivered",
        "/sessions/?node=no-such-node",
        "/sessions/?outcome=setup_failed&q=heidi",
        "/sessions/?outcome=delivered",
        "/sessions/?sort=oldest",
        "/sessions/?sort=undelivered",
        "/sessions/?sort=ended",
        "/sessions/?sort=active",
        "/sessions/?sort=active&q={number}",
        "/sessions/?sort=undelivered&q={name}",
        "/sessions/?sort=ended&q=alice",
        "/sessions/?source=192.0.2.17",
        "/sessions/?source=198.51.100.1",
        "/sessions/?peer={peer}",
        "/sessions/?route=INVITE%20from%20MSRP",
        "/sessions/?route=no-such-route",
        "/sessions/?key={key}",
        "/sessions/?call_id={whole_call_id}",
        "/sessions/?from_uri={number}",
        "/sessions/?to_uri=no-such-thing-anywhere",
        "/sessions/?created_after={early}&created_before={late}",
        "/sessions/?created_after={early}&created_before={late}&state=failed&initiator=msrp&node=gateway-2",
    ],
    "Messages": [
        "/messages/",
        "/messages/?cursor={message_cursor}",
        "/messages/?sort=oldest",
        "/messages/?state=failed",
        "/messages/?state=expired",
        "/messages/?state=pending",
        "/messages/?state=accepted",
        "/messages/?state=failed&state=expired&sort=oldest",
        "/messages/?direction=to_page&since=7d",
        "/messages/?q={message_id}",
        "/messages/?q={number}",
        "/messages/?q={name}",
        "/messages/?q=alice",
        "/messages/?q=example",
        "/messages/?q=no-such-thing-anywhere",
        "/messages/?state=failed&q={name}",
        "/messages/?state=failed&q=alice",
        "/messages/?q=alice&sort=oldest",
        "/messages/?from_uri={number}",
        "/messages/?to_uri={name}",
        "/messages/?to_uri=example",
        "/messages/?session={busiest}",
        "/messages/?session={busiest}&state=failed",
        "/messages/?session={busiest}&sort=oldest",
        "/messages/?call_id={message_call_id}",
        "/messages/?message_id={message_id}",
        "/messages/?sip_code=486",
        "/messages/?sip_code=603",
        "/messages/?sip_code=202",
        "/messages/?msrp_code=481",
        "/messages/?msrp_code=506",
        "/messages/?detail=481",
        "/messages/?side=msrp&layer=response&code=481",
        "/messages/?detail=no-such-detail",
        "/messages/?host=chat.example.com",
        "/messages/?host=no-such-host.example",
        "/messages/?{message_group}",
        "/messages/?acknowledged=true",
        "/messages/?acknowledged=false&state=failed",
        "/messages/?received_after={early}&received_before={late}",
        "/messages/?received_after={early}&received_before={late}&state=failed&direction=to_page",
    ],
    "Failed set-ups": [
        "/failures/setups/",
        "/failures/setups/?q=busy",
        "/failures/setups/?q={failed_number}",
        "/failures/setups/?q=no-such-thing-anywhere",
        "/failures/setups/?code=486",
        "/failures/setups/?code=603",
        "/failures/setups/?code__isnull=true",
        "/failures/setups/?leg=msrp&layer=dns",
        "/failures/setups/?leg=gateway",
        "/failures/setups/?layer=policy",
        "/failures/setups/?since=24h&sort=oldest",
        "/failures/setups/?acknowledged=true",
        "/failures/setups/?acknowledged=false",
        "/failures/setups/?detail=connection%20refused",
        "/failures/setups/?host=chat.example.com",
        "/failures/setups/?host=no-such-host.example",
        "/failures/setups/?{setup_group}",
        "/failures/setups/?key={failed_key}",
        "/failures/setups/?session={failed_session}",
        "/failures/setups/?node=gateway-2",
        "/failures/setups/?node=no-such-node",
        "/failures/setups/?from_uri={failed_number}",
        "/failures/setups/?to_uri=no-such-thing-anywhere",
        "/failures/setups/?created_after={early}&created_before={late}",
    ],
    "Exports, their first 1,000 rows": [
        "/sessions/export.csv",
        "/sessions/export.json?q=alice",
        "/messages/export.csv",
        "/messages/export.csv?state=failed",
        "/messages/export.json?q={name}",
        "/failures/export.csv",
        "/failures/export.json?q=busy",
        "/sessions/{busiest}/ladder.svg",
        "/sessions/{busiest}/frames.pcap",
    ],
    "REST": [
        "/api/v1/sessions/",
        "/api/v1/sessions/?limit=500",
        "/api/v1/sessions/?q={number}",
        "/api/v1/sessions/?q=alice",
        "/api/v1/sessions/?from_uri={number}",
        "/api/v1/sessions/?outcome=undelivered&since=24h",
        "/api/v1/sessions/?cursor={session_cursor}",
        "/api/v1/sessions/{session}/",
        "/api/v1/sessions/{busiest}/",
        "/api/v1/messages/",
        "/api/v1/messages/?limit=500",
        "/api/v1/messages/?q={number}",
        "/api/v1/messages/?to_uri={name}",
        "/api/v1/messages/?call_id={message_call_id}",
        "/api/v1/messages/?state=failed&sip_code=486",
        "/api/v1/messages/?cursor={message_cursor}",
        "/api/v1/messages/{message}/",
        "/api/v1/failures/",
        "/api/v1/failures/?q=busy&limit=500",
        "/api/v1/failures/{failure}/",
        "/api/v1/routes/",
        "/api/v1/peers/",
        "/api/v1/nodes/",
        "/api/schema/",
    ],
    "Admin": [
        "/admin/",
        "/admin/sessions_app/gatewaysession/",
        "/admin/sessions_app/gatewaysession/?p=200",
        "/admin/sessions_app/gatewaysession/?p=100000",
        "/admin/sessions_app/gatewaysession/?o=-9",
        "/admin/sessions_app/gatewaysession/?o=9",
        "/admin/sessions_app/gatewaysession/?q={number}",
        "/admin/sessions_app/gatewaysession/?q=alice",
        "/admin/sessions_app/gatewaysession/?state__exact=failed",
        "/admin/sessions_app/gatewaysession/?state__exact=setting_up",
        "/admin/sessions_app/gatewaysession/?initiator__exact=msrp",
        "/admin/sessions_app/gatewaysession/?node=gateway-2",
        "/admin/sessions_app/gatewaysession/?route={route}",
        "/admin/sessions_app/gatewaysession/{session}/change/",
        "/admin/sessions_app/gatewaysession/{busiest}/change/",
        "/admin/sessions_app/messagerecord/",
        "/admin/sessions_app/messagerecord/?p=200",
        "/admin/sessions_app/messagerecord/?q={number}",
        "/admin/sessions_app/messagerecord/?q=alice",
        "/admin/sessions_app/messagerecord/?q={message_id}",
        "/admin/sessions_app/messagerecord/?state__exact=failed",
        "/admin/sessions_app/messagerecord/?state__exact=expired",
        "/admin/sessions_app/messagerecord/?state__exact=accepted",
        "/admin/sessions_app/messagerecord/?direction__exact=to_page",
        "/admin/sessions_app/messagerecord/?sip_code=4xx",
        "/admin/sessions_app/messagerecord/?sip_code=6xx",
        "/admin/sessions_app/messagerecord/?sip_code=none",
        "/admin/sessions_app/messagerecord/?msrp_code=5xx",
        "/admin/sessions_app/messagerecord/?msrp_code=none",
        "/admin/sessions_app/messagerecord/?session__id__exact={busiest}",
        "/admin/sessions_app/messagerecord/{message}/change/",
        "/admin/sessions_app/setupfailure/",
        "/admin/sessions_app/setupfailure/?q=busy",
        "/admin/sessions_app/setupfailure/?q=no-such-thing-anywhere",
        "/admin/sessions_app/setupfailure/?code=486",
        "/admin/sessions_app/setupfailure/?layer=policy",
        "/admin/sessions_app/setupfailure/{failure}/change/",
        "/admin/sessions_app/nodecommand/",
        "/admin/sessions_app/auditentry/",
        "/admin/sessions_app/route/",
        "/admin/sessions_app/route/{route_pk}/change/",
        "/admin/sessions_app/peer/",
        "/admin/sessions_app/routechange/",
        "/admin/sessions_app/webhook/",
        "/admin/sessions_app/webhookdelivery/",
        "/admin/sessions_app/node/",
        "/admin/auth/user/",
        "/admin/auth/user/{user}/change/",
        "/admin/auth/group/",
        "/admin/auth/group/{group}/change/",
    ],
}


def main() -> None:
    """A line an address, and what was over a bound."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=20, help="times that each address is asked")
    parser.add_argument("--only", default="", help="part of the addresses to ask")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway_project.settings")
    import django

    django.setup()
    import logging

    from django.contrib.auth import get_user_model
    from django.test import Client

    from sessions_app.models import AuditEntry

    logging.disable(logging.WARNING)
    users = get_user_model()
    users.objects.filter(username="bench").delete()  # of a run that was broken off
    user = users.objects.create_superuser("bench", password=None)
    over: list[str] = []
    try:
        names = _names(user)
        client = Client(headers={"host": "localhost"})
        client.force_login(user)
        for section, addresses in PAGES.items():
            chosen = [each for each in addresses if options.only in each]
            if chosen:
                print(f"\n| {section} | p50, ms | p95, ms | queries | kB | kB, gzip |\n|---|---|---|---|---|---|")
            over += [bound for each in chosen for bound in _measure(client, each, each.format(**names), options.times)]
    finally:
        AuditEntry.objects.filter(who="bench").delete()
        user.delete()
    print("\n" + ("\n".join(over) if over else "All within 300 ms and 100 kB."))
    raise SystemExit(1 if over else 0)


def _names(user) -> dict[str, object]:
    """What the addresses name: records from the middle of the tables, and parts of them."""
    from datetime import timedelta
    from urllib.parse import quote

    from django.contrib.auth.models import Group
    from django.utils import timezone

    from sessions_app import keyset
    from sessions_app.groups import groups
    from sessions_app.models import GatewaySession, MessageRecord, Peer, Route, SetupFailure

    newest = GatewaySession.objects.order_by("-created_at", "-id").filter(ended_at__isnull=False)
    session = newest.filter(created_at__lt=timezone.now() - timedelta(days=12), to_msrp__gt=5).first() or newest.first()
    failure = SetupFailure.objects.exclude(session=None).order_by("-created_at").first()
    failed = MessageRecord.objects.filter(state="failed").order_by("-received_at").first()
    if session is None or failure is None or failed is None:
        raise SystemExit("There are no records: see the docstring.")
    busiest = GatewaySession.objects.filter(route="busiest").first() or session
    frame = busiest.frames.first()
    message = session.messages.first()
    page, rich = sorted((session.from_uri, session.to_uri), key=lambda uri: "+" not in uri)
    found = groups(timedelta(days=7), timezone.now(), unseen=True)
    middle = session.created_at
    names = {
        "session": session.pk,
        "failed_session": failure.session_id,
        "busiest": busiest.pk,
        "frame": frame.pk if frame else 1,
        "message": message.pk,
        "failed_message": failed.pk,
        "failure": failure.pk,
        "call_id": session.call_id[3:13],
        "whole_call_id": session.call_id,
        "number": page.partition("@")[0].removeprefix("sip:+"),
        "failed_number": sorted((failure.from_uri, failure.to_uri), key=lambda uri: "+" not in uri)[0][5:16],
        "failed_key": failure.key,
        "name": rich.partition("@")[0].removeprefix("sip:"),
        "path": session.local_path.rpartition("/")[2][4:14],
        "key": session.key,
        "message_id": message.message_id,
        "message_call_id": message.call_id,
        "peer": getattr(Peer.objects.first(), "name", ""),
        "route": "INVITE from MSRP",
        "route_pk": Route.objects.values_list("pk", flat=True).first(),
        "early": f"{middle - timedelta(hours=1):%Y-%m-%dT%H:%MZ}",
        "late": f"{middle:%Y-%m-%dT%H:%MZ}",
        "noon": (timezone.now() - timedelta(hours=12)).isoformat(),
        "user": user.pk,
        "group": Group.objects.first().pk,
    }
    quoted = {name: quote(str(value), safe="") for name, value in names.items()}
    for kind in ("setup", "message"):
        rare = [group for group in found if group.kind == kind]
        quoted[f"{kind}_group"] = rare[-1].address if rare else ""
    order = ("-created_at", "-id")
    quoted["session_cursor"] = keyset.page(newest.filter(created_at__lte=middle), order, "", 1).next
    order = ("-received_at", "-id")
    early = MessageRecord.objects.defer("body").filter(received_at__lte=middle)
    quoted["message_cursor"] = keyset.page(early, order, "", 1).next
    return quoted


def _ask(client, address: str) -> bytes:
    answer = client.get(address)
    # An OFFSET that is too far is answered by the way back to what there is.
    assert answer.status_code in (200, 302), f"{address}: {answer.status_code}"
    return b"".join(islice(answer.streaming_content, 1001)) if answer.streaming else answer.content


def _measure(client, pattern: str, address: str, times: int) -> list[str]:
    """Print the line of an address; what is over a bound."""
    from django.db import connection

    queries = 0

    def counted(execute, sql, params, many, context):
        nonlocal queries
        queries += 1
        return execute(sql, params, many, context)

    with connection.execute_wrapper(counted):
        content = _ask(client, address)
    took = []
    for _ in range(times):
        began = time.perf_counter()
        _ask(client, address)
        took.append(time.perf_counter() - began)
    took.sort()
    p95 = took[min(len(took) - 1, int(0.95 * len(took)))]
    page = b"<!doctype html" in content[:200].lower()
    late, heavy = p95 > LIMIT, page and len(content) > WEIGHT
    cells = [
        f"`{pattern}`",
        f"{1000 * statistics.median(took):.0f}",
        f"{1000 * p95:.0f}{' **late**' if late else ''}",
        str(queries),
        f"{len(content) / 1000:.0f}{' **heavy**' if heavy else ''}",
        f"{len(gzip.compress(content)) / 1000:.0f}",
    ]
    print(f"| {' | '.join(cells)} |", flush=True)
    said = [f"{address}: p95 {1000 * p95:.0f} ms"] if late else []
    return said + ([f"{address}: {len(content) / 1000:.0f} kB"] if heavy else [])


if __name__ == "__main__":
    main()
