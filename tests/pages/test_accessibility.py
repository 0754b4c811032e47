"""WCAG 2.2 AA by axe: no violation on any page, light and dark, at the width of a desk and of a telephone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.utils import timezone
from playwright.sync_api import Browser

from sessions_app.cause import Cause, Side
from sessions_app.models import Acknowledgement, Peer, PeerCheck, Traffic
from tests.pages.browsing import RULES, chromium, log_in, looked_at, violations
from tests.rows import ago, make_ended, make_event, make_failure, make_message, make_node, make_session, operator

pytestmark = [pytest.mark.peer, pytest.mark.django_db(transaction=True)]

LARGEST = 100_000
"""Octets of a page's HTML."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


def fill() -> dict[str, str]:
    make_node("gateway-1")
    make_node("gateway-2", heartbeat_at=ago(hours=1))
    make_node("gateway-3", draining_since=ago(minutes=3))
    Peer.objects.create(name="carrier", network="192.0.2.0/24")
    PeerCheck.objects.create(
        node="gateway-1",
        target="sip:192.0.2.9",
        at=timezone.now(),
        reachable=False,
        detail="timer",
        changed_at=ago(hours=1),
    )
    for minute in range(50):
        at = ago(minutes=minute).replace(second=0, microsecond=0)
        Traffic.objects.create(
            node="gateway-1", minute=at, to_msrp=60 + minute, to_page=40, failed=2, latency=[1, 2, 3]
        )
    live = make_session(undelivered=1)
    make_event(live, "invite_sent", detail="udp 192.0.2.7:5070")
    make_message(live)
    lost = make_message(live, Cause(Side.MESSAGE, "sip", "486 Busy Here", 486), state="failed", body=b"x", sip_code=486)
    gone = make_message(live, state="expired")
    Acknowledgement.objects.create(record=gone.pk, by="otto", note="seen")
    broken = make_session(state="failed", ended_at=timezone.now(), end_reason="msrp side, sip: 486 Busy Here")
    failure = make_failure(broken)
    for _ in range(60):
        make_ended()
    return {"session": live.pk, "lost": lost.pk, "gone": gone.pk, "broken": broken.pk, "failure": failure.pk}


PAGES = [
    "/",
    "/sessions/",
    "/sessions/?q=nobody",
    "/sessions/?state=live&key=x",
    "/sessions/{session}/",
    "/sessions/{broken}/",
    "/messages/",
    "/messages/{lost}/",
    "/messages/{gone}/",
    "/failures/",
    "/failures/setups/",
    "/failures/{failure}/",
    "/peers/",
    "/no-such-page/",
]


def test_no_page_has_a_violation_or_is_wider_than_the_window(browser, live_server):
    ids = fill()
    operator()
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    faults: list[str] = []

    page.goto(f"{live_server.url}/login/")
    faults += looked_at(page, "login", RULES)
    log_in(page, live_server.url, "otto")
    for address in PAGES:
        answer = page.goto(live_server.url + address.format(**ids))
        assert answer is not None
        assert len(answer.body()) < LARGEST, address
        for summary in page.locator("details > summary").all():
            summary.click()
        faults += looked_at(page, address, RULES)
    assert faults == [], "\n".join(faults)
    context.close()


def test_empty_pages_say_what_to_do_and_have_no_violation(browser, live_server):
    operator()
    context = browser.new_context(viewport={"width": 390, "height": 900})
    page = context.new_page()
    log_in(page, live_server.url, "otto")
    for address in ("/", "/sessions/", "/messages/", "/failures/", "/failures/setups/", "/peers/"):
        page.goto(live_server.url + address)
        assert page.locator(".empty, .none").first.is_visible(), address
        assert violations(page) == [], address
    context.close()


def test_times_are_in_the_readers_zone_with_the_exact_one_on_hover(browser, live_server):
    session = make_session(created_at=timezone.now().replace(year=2026, month=1, day=31, hour=23, minute=30, second=5))
    operator()
    context = browser.new_context(timezone_id="Asia/Tokyo")
    page = context.new_page()
    page.goto(f"{live_server.url}/login/?next=/sessions/{session.pk}/")
    page.get_by_label("User name").fill("otto")
    page.get_by_label("Password").fill("secret")
    page.keyboard.press("Enter")
    shown = page.get_by_text("2026-02-01 08:30:05").first
    shown.wait_for()
    title = shown.get_attribute("title") or ""
    assert "UTC+09:00" in title
    assert "2026-01-31 23:30:05" in title
    context.close()
