"""The pages in a real browser, at the width of a desk and of a telephone: nothing breaks or is fetched elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, ConsoleMessage, Page

from sessions_app.cause import Cause, Side
from tests.pages.browsing import chromium
from tests.rows import make_event, make_failure, make_message, make_session, operator

pytestmark = [pytest.mark.peer, pytest.mark.django_db(transaction=True)]

WIDTHS = {"desk": 1280, "telephone": 360}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(params=WIDTHS)
def page(request, browser, live_server) -> Iterator[Page]:
    """A page of a logged-in operator; whatever went wrong in it fails the test."""
    operator(is_staff=True)
    faults: list[str] = []
    context = browser.new_context(viewport={"width": WIDTHS[request.param], "height": 800})
    page = context.new_page()
    page.on("console", lambda message: faults.append(message.text) if is_fault(message) else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "request",
        lambda asked: None if asked.url.startswith((live_server.url, "data:")) else faults.append(asked.url),
    )
    page.goto(f"{live_server.url}/")
    page.get_by_label("User name").fill("otto")
    page.get_by_label("Password").fill("secret")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{live_server.url}/")
    page.goto(f"{live_server.url}/sessions/")
    yield page
    assert faults == []
    context.close()


def is_fault(message: ConsoleMessage) -> bool:
    """What the console complains of, but for WebSockets: the test server has none; see test_live.py."""
    about_sockets = "WebSocket" in message.text or message.text == "[object Event]"
    return message.type in ("error", "warning") and not about_sockets


def fits(page: Page) -> bool:
    """Whether nothing has to be scrolled sideways."""
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_the_empty_list_says_what_to_do(page):
    assert page.get_by_role("heading", name="No sessions yet").is_visible()
    assert fits(page)


def test_the_list_leads_to_a_session_and_the_session_can_be_ended(page, live_server):
    session = make_session(
        from_uri="sip:+4930123456@carrier.example;user=phone",
        to_uri="sip:somebody-with-a-long-name@messaging.support.example.co.uk",
        peer_path="msrp://192.0.2.7:7654/jshA7weztasjshA7weztasjshA7weztas;tcp",
    )
    make_event(session, "invite_sent", detail="udp 192.0.2.7:5070")
    make_message(session, Cause(Side.MSRP, "msrp", "no answer in 30 s"), state="failed")
    page.reload()
    assert fits(page)
    page.get_by_role("link", name="carrier.example").click()
    page.wait_for_url(f"**/sessions/{session.pk}/")
    assert page.get_by_role("cell", name="no answer in 30 s").is_visible()
    assert fits(page)
    page.get_by_text("End session…").click()
    page.get_by_role("button", name="Yes, end this session").click()
    assert page.get_by_text("has been asked to end this session").is_visible()
    assert session.commands.get().by == "otto"


def test_the_search_works_from_the_keyboard(page):
    make_session(from_uri="sip:carol@example.org")
    make_session()
    page.reload()
    page.get_by_label("Search").focus()
    page.keyboard.type("carol")
    page.keyboard.press("Enter")
    page.wait_for_url("**/sessions/?q=carol*")
    assert page.locator("tbody tr").count() == 1


def test_the_first_stop_of_the_tabulator_skips_to_the_content(page):
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"


def test_a_failed_set_up_shows_its_cause(page, live_server):
    session = make_session(state="failed", ended_at=timezone.now(), end_reason="msrp side, sip: 486 Busy Here")
    make_failure(session)
    page.goto(f"{live_server.url}/failures/setups/")
    assert page.locator("tbody").get_by_text("486 Busy Here").first.is_visible()
    assert fits(page)


def test_the_admin_fetches_nothing_from_elsewhere(page, live_server):
    make_session()
    page.goto(f"{live_server.url}/admin/sessions_app/gatewaysession/")
    assert page.get_by_text("sip:alice@example.com").first.is_visible()
