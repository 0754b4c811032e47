"""The playground in a real browser, served by the real server: a conversation, its ladder, a click on a frame."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.conftest import find_program
from tests.wire.running import HOST, PROJECT
from tests.wire.served import PASSWORD

pytestmark = pytest.mark.peer
AXE = PROJECT / "tests" / "pages" / "axe" / "axe-4.14.1.min.js"


@pytest.fixture
def address(gateway) -> str:
    return gateway.address


@pytest.fixture(params=[1280, 390])
def page(request, address) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_program("chromium"), args=["--no-sandbox"])
        faults: list[str] = []
        context = browser.new_context(viewport={"width": request.param, "height": 900}, bypass_csp=True)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if said.type in ("error", "warning") else None)
        page.goto(f"{address}/login/?next=/playground/")
        page.get_by_label("User name").fill("admin")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url("**/playground/")
        yield page
        assert faults == []
        browser.close()


def say(page: Page, side: str, text: str, other: str) -> None:
    page.get_by_label(f"Message from the {side}").fill(text)
    page.keyboard.press("Enter")
    page.locator(f"#{other}-lines .theirs", has_text=text).wait_for(timeout=15_000)
    assert page.get_by_label(f"Message from the {side}").input_value() == ""


def violations(page: Page) -> list[str]:
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run()")["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in found]


def test_two_talk_and_the_ladder_draws_itself_and_leads_to_a_masked_frame(page):
    page.locator("#chat-uri", has_text=f"sip:bob@{HOST}").wait_for(timeout=15_000)
    say(page, "phone", "Are you there?", "chat")
    say(page, "chat client", "Yes, on MSRP.", "phone")
    ladder = page.locator("#ladder-now")
    for label in ("INVITE", "SEND", "MESSAGE", "REPORT 200"):
        ladder.locator("a", has_text=label).first.wait_for(timeout=15_000)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert violations(page) == []
    ladder.locator("a", has_text="MESSAGE").first.click()
    page.wait_for_url("**/frames/*/")
    shown = page.locator("pre").inner_text()
    assert shown.startswith("MESSAGE sip:bob@")
    assert "Are you there?" not in shown
    assert "x" * len("Are you there?") in shown
    assert violations(page) == []
