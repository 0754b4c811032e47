"""Full pages: under 100 kB of HTML each, however many rows there are, and a fixed number of queries."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from sessions_app import keyset
from sessions_app.cause import Cause, Side
from sessions_app.ladder.session import of_session
from sessions_app.models import (
    AuditEntry,
    GatewaySession,
    MessageRecord,
    Peer,
    Route,
    RouteChange,
    SetupFailure,
    TraceFrame,
    Webhook,
    WebhookDelivery,
)
from sessions_app.pages import ladder as ladder_pages
from tests.rows import ago, make_ended, make_event, make_failure, make_message, make_session

pytestmark = pytest.mark.django_db

HEAVIEST = 100_000
"""Octets of a page."""
ROWS = 70
"""More than any page of a list shows."""
MANY = 400
"""More messages, frames and events than the page of a session shows."""


def number(index: int) -> str:
    return f"sip:+4930{1_000_000 + index}@sbc{index % 7}.carrier.example"


def name(index: int) -> str:
    return f"sip:alexandra.featherstone{index}@messaging.operator{index % 60}.example.net"


def frame(session: GatewaySession, at, index: int) -> TraceFrame:
    data = f"SIP/2.0 488 Not Acceptable Here {index}\r\nCSeq: 1 INVITE\r\n\r\n".encode()
    ends = {"source": "192.0.2.30:5060", "destination": "192.0.2.1:5060", "transport": "udp", "protocol": "sip"}
    return TraceFrame(session=session, at=at, leg="msrp", direction="in", data=data, masked=False, **ends)


@pytest.fixture
def busy():
    """As much as the pages can show: lists that go on, and a session with more of everything than its page shows."""
    for index in range(ROWS):
        sides = {"from_uri": number(index), "to_uri": name(index), "ruri": name(index)}
        session = make_ended(key=f"{number(index)} {name(index)}", created_at=ago(minutes=index), **sides)
        cause = Cause(Side.MSRP, "msrp", f"4{index:02} what the far end said of it at some length", 400 + index)
        at = ago(minutes=index)
        make_message(session, cause, state="failed", sip_code=480, msrp_code=481, received_at=at)
        make_failure(session, code=None, reason=None, detail=f"connection refused by a host, try {index}", **sides)
    live = make_session(key=f"{number(0)} {name(0)} live", from_uri=number(0), to_uri=name(0))
    start = timezone.now() - timedelta(hours=1)
    for index in range(MANY):
        at = start + timedelta(seconds=index)
        silence = Cause(Side.MSRP, "msrp", "no answer in 30 s")
        make_message(live, silence, received_at=at, finished_at=at, state="failed")
        make_event(live, "renegotiated", at=at, detail="the far end moved to another address")
    TraceFrame.objects.bulk_create(frame(live, start + timedelta(seconds=index), index) for index in range(MANY))
    AuditEntry.objects.bulk_create(
        AuditEntry(who="otto", action="export", target=f"sessions {index}", detail="csv q=" + "x" * 40)
        for index in range(ROWS)
    )
    User.objects.bulk_create(User(username=f"user{index}", email=f"user{index}@example.net") for index in range(ROWS))
    for index in range(ROWS):
        network = f"2001:db8:{index:x}::/48"
        peer = Peer.objects.create(name=f"operator {index}", network=network, notes="Interconnect, see the contract.")
        route = {"name": f"operator {index} to MSRP", "priority": index, "method": "MESSAGE", "action": "msg_to_msrp"}
        Route.objects.create(**route, peer=peer, source_network=network, key_template="{pair}")
        RouteChange.objects.create(kind="route", record=peer.pk, name=route["name"], by="otto", after=route)
        hook = Webhook.objects.create(name=f"hook {index}", url=f"https://hooks.example.net/{index}")
        WebhookDelivery.objects.create(webhook=hook, event="message_failed", payload={}, detail="500 Server Error")
        Group.objects.create(name=f"group {index}")
    return live


def addresses(live: GatewaySession) -> dict[str, int]:
    """Pages, and the most queries that each may take: the session, the user and permissions are two to five of them."""
    return {
        "/": 14,
        "/sessions/": 6,
        f"/sessions/?q={name(3)[4:20]}": 11,
        "/messages/?state=failed": 5,
        "/messages/?q=alexandra": 11,
        "/failures/": 5,
        "/failures/?window=7d&all=1": 5,
        "/failures/setups/": 5,
        f"/sessions/{live.pk}/": 10,
        f"/messages/{live.messages.first().pk}/": 7,
        f"/failures/{SetupFailure.objects.first().pk}/": 8,
        "/peers/": 9,
        "/admin/sessions_app/gatewaysession/": 7,
        f"/admin/sessions_app/gatewaysession/{live.pk}/change/": 8,
        "/admin/sessions_app/messagerecord/": 5,
        f"/admin/sessions_app/messagerecord/?session__id__exact={live.pk}": 5,
        "/admin/sessions_app/setupfailure/": 8,
        "/admin/sessions_app/setupfailure/?q=refused": 8,
        "/admin/sessions_app/auditentry/": 6,
        "/admin/sessions_app/route/": 7,
        "/admin/sessions_app/peer/": 6,
        "/admin/sessions_app/webhook/": 6,
        "/admin/sessions_app/webhookdelivery/": 8,
        "/admin/sessions_app/routechange/": 6,
        "/admin/auth/user/": 8,
        "/admin/auth/group/": 7,
    }


def test_full_pages_are_light_and_ask_few_questions(admin_client, busy):
    over = []
    for address, queries in addresses(busy).items():
        with CaptureQueriesContext(connection) as asked:
            answer = admin_client.get(address)
        assert answer.status_code == 200, address
        if len(answer.content) > HEAVIEST:
            over.append(f"{address}: {len(answer.content) / 1000:.0f} kB")
        if len(asked) > queries:
            over.append(f"{address}: {len(asked)} queries, not {queries}")
    assert not over


class TestALongSession:
    def test_shows_the_newest_steps_and_leads_to_all_of_the_older(self, busy):
        seen, before = [], None
        while True:
            ladder = of_session(busy, 50, before)
            steps = [step.label for step in ladder.steps if step.label.startswith("488")]
            assert len(ladder.steps) <= 51  # with the note that says what is left out
            seen = steps + seen
            if not ladder.more:
                break
            before = ladder.begin
        assert len(seen) == MANY

    def test_without_frames_it_is_the_same(self, busy):
        busy.frames.all().delete()
        failed, before = 0, None
        while True:
            ladder = of_session(busy, 50, before)
            failed += sum(step.label == "failed" for step in ladder.steps)
            if not ladder.more:
                break
            before = ladder.begin
        assert failed == MANY

    def test_its_page_has_links_to_the_older_steps_and_back(self, admin_client, busy):
        page = admin_client.get(f"/sessions/{busy.pk}/")
        before = page.context["ladder"].begin
        assert "?before=" in page.content.decode()
        older = admin_client.get(f"/sessions/{busy.pk}/", {"before": before.isoformat()})
        assert older.context["ladder"].steps[-1].at < before
        assert "the newest</a>" in older.content.decode()
        assert "ws-connect" not in older.content.decode()  # nothing that moves takes the older steps away

    @pytest.mark.parametrize("before", ["yesterday", "2026-13-45T99:00Z", "0001-01-01T00:00+14:00"])
    def test_a_time_that_is_none_is_no_fault(self, admin_client, busy, before):
        assert admin_client.get(f"/sessions/{busy.pk}/", {"before": before}).status_code == 200

    def test_the_admin_shows_the_latest_and_leads_to_the_rest(self, admin_client, busy):
        page = admin_client.get(f"/admin/sessions_app/gatewaysession/{busy.pk}/change/").content.decode()
        assert f"/admin/sessions_app/messagerecord/?session__id__exact={busy.pk}" in page
        assert page.count("no answer in 30 s") == 50

    def test_its_capture_file_has_the_newest_frames(self, admin_client, busy, monkeypatch):
        monkeypatch.setattr(ladder_pages, "MOST_EXPORTED", 30)
        file = b"".join(admin_client.get(f"/sessions/{busy.pk}/frames.pcap").streaming_content)
        assert file.count(b"488 Not Acceptable Here") == 30
        assert f"Here {MANY - 1}\r\n".encode() in file
        assert AuditEntry.objects.get(target=str(busy.pk)).detail == "pcap of 30 frames"


class TestExports:
    @pytest.mark.parametrize("form", ["csv", "json"])
    def test_have_every_row_once_in_the_order_of_the_list(self, admin_client, busy, monkeypatch, form):
        monkeypatch.setattr(keyset.walk, "__defaults__", (30,))
        answer = admin_client.get(f"/messages/export.{form}?state=failed&sort=oldest")
        text = b"".join(answer.streaming_content).decode()
        rows = list(csv.DictReader(io.StringIO(text))) if form == "csv" else json.loads(text)
        expected = MessageRecord.objects.order_by("received_at", "id").values_list("id", flat=True)
        assert [row["id"] for row in rows] == [str(pk) for pk in expected]

    def test_ask_for_no_more_than_the_most(self, busy):
        rows = keyset.walk(MessageRecord.objects.all(), ("-received_at", "-id"), ["id"], 45, 20)
        with CaptureQueriesContext(connection) as asked:
            assert len(list(rows)) == 45
        assert [query["sql"].rpartition("LIMIT ")[2] for query in asked] == ["20", "20", "5"]

    def test_give_their_first_rows_before_they_ask_for_the_next(self, busy):
        rows = keyset.walk(MessageRecord.objects.all(), ("-received_at", "-id"), ["id"], 400, 20)
        with CaptureQueriesContext(connection) as asked:
            next(rows)
        assert len(asked) == 1
