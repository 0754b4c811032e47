"""The pages: who sees what, what they show, and at what cost."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from sessions_app.cause import Cause, Side
from sessions_app.models import AuditEntry, GatewaySession, Node, NodeCommand, PeerCheck
from tests.rows import (
    ago,
    make_ended,
    make_event,
    make_failure,
    make_message,
    make_session,
    make_user,
    operator,
    session_values,
    viewer,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def pages(client):
    """A client logged in as somebody who may look."""
    client.force_login(viewer())
    return client


def text(answer) -> str:
    assert answer.status_code == 200
    return answer.content.decode()


class TestTheDoor:
    @pytest.mark.parametrize(
        "address",
        [
            "/sessions/",
            "/sessions/00000000-0000-4000-8000-000000000001/",
            "/failures/",
            "/messages/",
            "/peers/",
            "/",
            "/failures/setups/",
        ],
    )
    def test_a_page_leads_to_the_login(self, client, address):
        answer = client.get(address)
        assert (answer.status_code, answer["Location"]) == (302, f"/login/?next={address}")

    def test_the_root_is_the_dashboard(self, pages):
        assert "Needs attention" in text(pages.get("/"))

    def test_a_user_who_is_no_staff_logs_in_and_out(self, client):
        viewer()
        assert "Log in" in text(client.get("/login/?next=/sessions/"))
        answer = client.post("/login/", {"username": "vera", "password": "secret", "next": "/sessions/"})
        assert answer["Location"] == "/sessions/"
        assert client.get("/logout/").status_code == 405
        assert client.post("/logout/")["Location"] == "/login/"
        assert client.get("/sessions/").status_code == 302

    def test_a_wrong_password_is_said_to_be_wrong(self, client):
        assert 'role="alert"' in text(client.post("/login/", {"username": "vera", "password": "x"}))

    def test_somebody_else_s_address_is_not_gone_to_after_the_login(self, client):
        viewer()
        answer = client.post("/login/?next=https://evil.example/", {"username": "vera", "password": "secret"})
        assert answer["Location"] == "/"

    @pytest.mark.parametrize("address", ["/sessions/", "/failures/", "/messages/", "/peers/", "/", "/failures/setups/"])
    def test_a_user_without_the_view_permission_is_told_so(self, client, address):
        client.force_login(make_user("nobody"))
        answer = client.get(address)
        assert answer.status_code == 403
        assert "lacks the permission" in answer.content.decode()


class TestTheList:
    def test_says_what_to_do_when_there_is_nothing(self, pages):
        page = text(pages.get("/sessions/"))
        assert "No sessions yet" in page
        assert "MESSAGE sip:bob@" in page

    def test_shows_each_session_with_its_state_in_words(self, pages):
        session = make_session(undelivered=2)
        make_ended(from_uri="sip:carol@example.org", initiator="msrp")
        page = text(pages.get("/sessions/"))
        assert f'href="/sessions/{session.pk}/"' in page
        for word in (">live<", ">ended<", "MSRP side", "BYE from the MSRP side"):
            assert word in page

    def test_tells_the_exact_time_on_hover(self, pages):
        session = make_session(created_at=ago(hours=5))
        page = text(pages.get("/sessions/"))
        assert "5 h ago" in page
        assert f"{session.created_at:%Y-%m-%d %H:%M:%S}." in page

    @pytest.mark.parametrize(
        "query", [{"q": "CAROL"}, {"q": "key-of-carol"}, {"q": "call-7"}, {"state": "ended"}, {"initiator": "msrp"}]
    )
    def test_is_narrowed(self, pages, query):
        make_session()
        found = make_ended(from_uri="sip:carol@x", initiator="msrp", key="key-of-carol", call_id="call-7")
        assert list(pages.get("/sessions/", query).context["sessions"]) == [found]

    def test_says_so_when_nothing_matches(self, pages):
        make_session()
        assert "No session matches" in text(pages.get("/sessions/", {"q": "nobody"}))

    @pytest.mark.parametrize(
        "query", ["state=dead", "cursor=x", "cursor=WzAsMSwyXQ", "since=1y", "sort=up", "q=%00", "q=" + "x" * 300]
    )
    def test_does_not_break_on_a_made_up_address(self, pages, query):
        make_session()
        assert pages.get(f"/sessions/?{query}").status_code in (200, 404)

    def test_is_sorted_as_asked(self, pages):
        old = make_session(created_at=ago(hours=2))
        new = make_session()
        assert list(pages.get("/sessions/").context["sessions"]) == [new, old]
        assert list(pages.get("/sessions/?sort=oldest").context["sessions"]) == [old, new]

    def test_does_not_let_an_address_of_record_write_the_page(self, pages):
        make_session(from_uri="sip:<script>alert(1)</script>@x")
        assert "<script>alert" not in text(pages.get("/sessions/"))

    def test_of_many_sessions_is_a_page_of_fifty_in_few_queries(self, pages, django_assert_max_num_queries):
        now = timezone.now()
        GatewaySession.objects.bulk_create(
            GatewaySession(**session_values(created_at=now - timedelta(seconds=number))) for number in range(130)
        )
        seen = []
        address = "/sessions/"
        while address:
            with django_assert_max_num_queries(8):
                context = pages.get(address).context
            seen += context["sessions"]
            address = context["page"].next and f"/sessions/?cursor={context['page'].next}"
        assert len(seen) == len({session.pk for session in seen}) == 130
        assert [session.created_at for session in seen] == sorted((each.created_at for each in seen), reverse=True)

    def test_leads_back_to_where_it_came_from(self, pages):
        for number in range(120):
            make_session(created_at=ago(minutes=number))
        first = pages.get("/sessions/").context["page"]
        second = pages.get(f"/sessions/?cursor={first.next}").context["page"]
        third = pages.get(f"/sessions/?cursor={second.next}").context["page"]
        assert third.next == ""
        back = pages.get(f"/sessions/?cursor={third.previous}").context["page"]
        assert [row.pk for row in back.rows] == [row.pk for row in second.rows]
        assert first.previous == ""

    @pytest.mark.parametrize("sort", ["", "oldest", "ended", "active", "undelivered"])
    def test_every_order_goes_through_all_of_its_rows_once(self, pages, sort):
        for number in range(60):
            make_session(created_at=ago(minutes=number), undelivered=1 + number % 3)
            make_ended(created_at=ago(minutes=number), ended_at=ago(seconds=number), undelivered=number % 3)
        expected = {"": 120, "oldest": 120, "ended": 60, "active": 60, "undelivered": 100}[sort]
        seen, cursor = [], ""
        while True:
            page = pages.get("/sessions/", {"sort": sort, "cursor": cursor}).context["page"]
            seen += [row.pk for row in page.rows]
            cursor = page.next
            if not cursor:
                break
        assert len(seen) == len(set(seen)) == expected

    def test_keeps_the_search_from_page_to_page(self, pages):
        for _ in range(51):
            make_session()
        assert "?q=alice&amp;cursor=" in text(pages.get("/sessions/?q=alice"))

    @pytest.mark.parametrize("form", ["csv", "json"])
    def test_is_exported_as_it_is_narrowed(self, pages, form):
        make_session()
        make_session(from_uri="sip:carol@example.org")
        answer = pages.get(f"/sessions/export.{form}", {"q": "carol"})
        body = b"".join(answer.streaming_content).decode()
        assert body.count("sip:carol@example.org") == 1
        assert "sip:alice" not in body
        if form == "json":
            assert json.loads(body)[0]["from_uri"] == "sip:carol@example.org"
        assert AuditEntry.objects.filter(action="export", who="vera").exists()

    def test_an_export_of_nothing_is_an_empty_array(self, pages):
        assert json.loads(b"".join(pages.get("/sessions/export.json").streaming_content)) == []


class TestASession:
    def test_shows_both_sides_its_steps_and_its_messages(self, pages):
        session = make_session(local_path="msrp://192.0.2.1:2855/abc;tcp", source="192.0.2.50")
        make_event(session, "invite_sent", detail="udp 192.0.2.7:5070")
        make_message(session, detail="", sip_code=200)
        refused = Cause(Side.MESSAGE, "sip", "486 Busy Here", 486)
        make_message(session, refused, direction="to_page", state="failed", sip_code=486, msrp_code=413)
        page = text(pages.get(f"/sessions/{session.pk}/"))
        for word in ("192.0.2.50", "invite sent", "udp 192.0.2.7:5070", ">delivered<", "486", "413"):
            assert word in page
        assert "message side, sip: 486 Busy Here" in page

    def test_shows_why_its_set_up_failed(self, pages):
        session = make_session(state="failed", ended_at=timezone.now(), end_reason="msrp side, sip: 486 Busy Here")
        make_failure(session)
        page = text(pages.get(f"/sessions/{session.pk}/"))
        assert "Failed set-up" in page
        assert "<strong>486</strong> Busy Here" in page

    def test_never_shows_a_body(self, pages):
        session = make_session()
        make_message(session, state="pending", finished_at=None, body=b"a private word")
        assert "a private word" not in text(pages.get(f"/sessions/{session.pk}/"))

    def test_shows_messages_only_to_those_who_may_see_them(self, client):
        session = make_session()
        make_message(session, Cause(Side.MSRP, "msrp", "481", 481), state="failed")
        client.force_login(make_user("half", "view_gatewaysession"))
        assert "msrp side, msrp: 481" not in text(client.get(f"/sessions/{session.pk}/"))

    def test_costs_the_same_however_many_messages(self, pages, django_assert_max_num_queries):
        session = make_session()
        for _ in range(220):
            make_message(session)
        with django_assert_max_num_queries(12):
            page = text(pages.get(f"/sessions/{session.pk}/"))
        assert "The newest 50 messages" in page

    def test_that_never_was_is_not_found(self, pages):
        assert pages.get(f"/sessions/{uuid.uuid4()}/").status_code == 404


class TestEnd:
    def test_is_not_offered_to_a_viewer_nor_taken_from_one(self, pages):
        session = make_session()
        assert "End session" not in text(pages.get(f"/sessions/{session.pk}/"))
        assert pages.post(f"/sessions/{session.pk}/end/").status_code == 403
        assert not NodeCommand.objects.exists()

    def test_is_a_command_to_the_process_and_the_page_says_so(self, client):
        client.force_login(operator())
        session = make_session()
        assert "Yes, end this session" in text(client.get(f"/sessions/{session.pk}/"))
        page = text(client.post(f"/sessions/{session.pk}/end/", follow=True))
        assert "gateway-1 has been asked to end this session" in page
        assert "Yes, end this session" not in page
        assert NodeCommand.objects.get().by == "otto"

    def test_of_one_that_has_ended_says_so(self, client):
        client.force_login(operator())
        session = make_ended()
        assert "had ended already" in text(client.post(f"/sessions/{session.pk}/end/", follow=True))
        assert not NodeCommand.objects.exists()

    def test_is_a_post_with_a_csrf_token(self, client):
        from django.test import Client

        strict = Client(enforce_csrf_checks=True)
        strict.force_login(operator())
        session = make_session()
        assert strict.get(f"/sessions/{session.pk}/end/").status_code == 405
        assert strict.post(f"/sessions/{session.pk}/end/").status_code == 403
        assert not NodeCommand.objects.exists()


class TestFailedSetUps:
    def test_are_listed_with_reply_and_cause(self, pages):
        make_failure()
        make_failure(code=None, reason=None, detail="no answer in 40 s", layer="timer")
        page = text(pages.get("/failures/setups/"))
        for word in ("<strong>486</strong> Busy Here", "no reply", "no answer in 40 s", "msrp side, timer"):
            assert word in page

    def test_are_narrowed(self, pages):
        make_failure()
        other = make_failure(code=404, reason="Not Found")
        assert list(pages.get("/failures/setups/?code=404").context["failures"]) == [other]
        assert list(pages.get("/failures/setups/?q=not found").context["failures"]) == [other]

    def test_none_is_good_news(self, pages):
        assert "No set-up has failed" in text(pages.get("/failures/setups/"))


def test_every_page_is_reached_from_the_navigation(pages):
    page = text(pages.get("/sessions/"))
    assert f'href="{reverse("failure-groups")}"' in page
    assert 'aria-current="page">Sessions' in page


def test_certificates_say_until_when_and_the_dashboard_says_it_in_time(pages):
    now = timezone.now()
    Node.objects.create(
        name="gateway-1", version="1", pid=1, started_at=now, heartbeat_at=now,
        certificate_expires=now + timedelta(days=12, minutes=1),
    )  # fmt: skip
    for host, days in (("fine", 200), ("gone", -3)):
        PeerCheck.objects.create(
            node="gateway-1", target=f"sip:{host}.example;transport=tls", at=now, changed_at=now, reachable=True,
            certificate_expires=now + timedelta(days=days),
        )  # fmt: skip
    peers = text(pages.get("/peers/"))
    for said in ("ends soon", "for 12 d", "valid", "for 199 d", "expired", "3 d ago"):
        assert said in peers
    dashboard = text(pages.get("/"))
    assert "Node gateway-1: its certificate ends in 12 d." in dashboard
    assert "sip:gone.example;transport=tls: its certificate ended 3 d ago." in dashboard
    assert "fine.example" not in dashboard
