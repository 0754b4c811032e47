"""Every action of the pages and of the admin's rules, by mouse and by keyboard, in Chromium at the real gateway."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.pages.browsing import chromium, log_in
from tests.wire.served import PASSWORD
from tests.wire.session_peer import SessionPeer
from tests.wire.sip_peer import SipPeer

pytestmark = [pytest.mark.peer]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def door(browser, gateway) -> dict:
    """The cookies of an administrator: one login for all."""
    context = browser.new_context()
    log_in(context.new_page(), gateway.address, "admin", PASSWORD)
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def page(browser, gateway, door) -> Iterator[Page]:
    faults: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 900}, storage_state=door)
    page = context.new_page()
    page.set_default_timeout(15_000)
    page.on("console", lambda said: faults.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield page
    context.close()
    assert faults == []


@pytest.fixture
def alice(gateway):
    peer = SipPeer("alice", gateway)
    yield peer
    peer.close()


@pytest.fixture
def bob(gateway):
    peer = SessionPeer("bob", gateway)
    yield peer
    peer.close()


def talk(gateway, alice, bob, text="one"):
    """A session with one delivered message: its call and its row."""
    sent = alice.message(bob.uri, text)
    call = bob.take_call()
    call.take_message()
    assert alice.final_answer_to(sent).status == 200
    return call, gateway.session_row(call.call_id, state="live")


def lose(gateway, alice, bob, text="lost"):
    """The row of a message whose set-up is refused."""
    sent = alice.message(bob.uri, text)
    bob.respond(bob.expect("INVITE"), 486, "Busy Here")
    alice.final_answer_to(sent)
    return gateway.message_row(sent.call_id, state="failed")


def test_a_session_page_moves_with_its_session_until_the_end(gateway, page, alice, bob):
    call, session = talk(gateway, alice, bob)
    page.goto(f"{gateway.address}/sessions/{session['id']}/")
    rows = page.locator("#message-rows tr")
    steps = page.locator("#ladder-now a[aria-label^='MESSAGE']")
    expect(rows).to_have_count(1)
    expect(steps).to_have_count(1)
    first = rows.first.get_by_role("link")
    first.focus()
    sent = alice.message(bob.uri, "two")
    call.take_message()
    alice.final_answer_to(sent)
    expect(rows).to_have_count(2)
    expect(steps).to_have_count(2)
    expect(page.locator("#session-sides dt", has_text="Messages to MSRP").locator("+ dd")).to_have_text("2")
    assert page.evaluate("document.activeElement.closest('tr')?.sectionRowIndex") == 1  # below the new one
    call.send("three")
    alice.respond(alice.expect("MESSAGE"), 200, "OK")
    expect(rows).to_have_count(3)
    steps.first.focus()
    name = page.evaluate("document.activeElement.getAttribute('href')")
    call.bye()
    expect(page.locator("#session-head .state")).to_have_text("ended")
    expect(page.locator("#ladder-now a[aria-label^='BYE']")).to_have_count(1)
    assert page.evaluate("document.activeElement.getAttribute('href')") == name
    expect(page.get_by_text("End session…")).to_have_count(0)
    expect(page.get_by_role("button", name="Capture for a minute")).to_have_count(0)
    expect(page.locator("#session-events li", has_text="BYE").first).to_be_visible()


def test_a_session_is_ended_after_a_question_and_captured_on_request(gateway, page, alice, bob):
    call, session = talk(gateway, alice, bob)
    page.goto(f"{gateway.address}/sessions/{session['id']}/")
    page.get_by_role("button", name="Capture for a minute").click()
    page.get_by_text("Every frame of this session is stored").wait_for()
    page.get_by_text("End session…").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Yes, end this session"
    page.keyboard.press("Enter")
    page.get_by_text("has been asked to end this session").wait_for()
    call.expect_bye()
    expect(page.locator("#session-head .state")).to_have_text("ended")


def test_a_step_of_the_ladder_opens_its_frame_by_keyboard_and_its_body_by_those_who_may(
    gateway, browser, page, alice, bob
):
    call, session = talk(gateway, alice, bob, "for bob only")
    address = f"{gateway.address}/sessions/{session['id']}/"
    page.goto(address)
    page.locator("#ladder-now a[aria-label^='SEND']").nth(1).focus()  # the first one only binds
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"
    page.keyboard.press("Enter")
    page.wait_for_url("**/frames/*/")
    shown = page.locator("pre")
    assert "for bob only" not in shown.inner_text()
    page.get_by_role("button", name="Show the body").click()
    page.get_by_text("is on the audit trail").wait_for()
    assert "for bob only" in shown.inner_text()
    assert gateway.rows(
        "SELECT * FROM sessions_app_auditentry WHERE action = 'read_body' AND target = %s", str(session["id"])
    )
    made = gateway.manage(
        "shell",
        "-c",
        "from django.contrib.auth.models import Group, User\n"
        f"User.objects.create_user('vera', password='{PASSWORD}').groups.add(Group.objects.get(name='viewer'))",
    )
    assert made.returncode == 0, made.stderr
    frame = page.url
    other = browser.new_context()
    hers = other.new_page()
    log_in(hers, gateway.address, "vera", PASSWORD)
    hers.goto(frame)
    assert "for bob only" not in hers.locator("pre").inner_text()
    assert hers.get_by_text("Your user may not read bodies").is_visible()
    assert hers.get_by_role("button", name="Show the body").count() == 0
    hers.goto(address)
    assert hers.get_by_text("End session…").count() == 0
    sent = alice.message(bob.uri, "more for bob")
    call.take_message()
    alice.final_answer_to(sent)
    expect(hers.locator("#message-rows tr")).to_have_count(2)  # the live page is hers as well
    hers.goto(f"{gateway.address}/admin/")
    assert hers.url.startswith(f"{gateway.address}/admin/login/")
    hers.goto(f"{gateway.address}/playground/")
    assert hers.get_by_role("heading", name="Not for you to see").is_visible()
    other.close()


def test_everything_can_be_taken_away_as_a_file(gateway, page, alice, bob):
    _, session = talk(gateway, alice, bob)
    page.goto(f"{gateway.address}/sessions/{session['id']}/")
    begins = {"SVG": b"<?xml", "text": b"", "PCAP": b"\xd4\xc3\xb2\xa1"}
    found = {}
    for name in begins:
        with page.expect_download() as download:
            page.get_by_role("link", name=name, exact=True).click()
        found[name] = download.value.path().read_bytes()
    assert found["SVG"].startswith(b"<?xml")
    assert b"INVITE" in found["text"]
    assert found["PCAP"][:4] in (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d")
    page.goto(f"{gateway.address}/sessions/?q={alice.user}")
    for name in ("CSV", "JSON"):
        with page.expect_download() as download:
            page.get_by_role("link", name=name, exact=True).click()
        text = download.value.path().read_text()
        assert alice.user in text
        assert str(session["id"]) in (text if name == "CSV" else json.dumps(json.loads(text)))


def test_a_lost_message_is_acknowledged_with_a_note_and_sent_elsewhere(gateway, page, alice, bob):
    lost = lose(gateway, alice, bob, "to carol then")
    page.goto(f"{gateway.address}/messages/{lost['id']}/")
    assert page.get_by_text("The MSRP side is busy").is_visible()
    page.get_by_label("Note").fill("told the customer")
    page.get_by_role("button", name="Acknowledge").click()
    page.get_by_text("told the customer").first.wait_for()
    carol = SessionPeer("carol", gateway)
    taken: list[str] = []
    answering = threading.Thread(target=lambda: taken.append(carol.take_call().take_message()))
    answering.start()
    page.get_by_text("Send it elsewhere").click()
    page.get_by_label("Request-URI").fill(carol.uri)
    page.get_by_role("button", name="Send there").click()
    answering.join(10)
    carol.close()
    assert len(taken) == 1
    gateway.message_row(lost["call_id"], state="delivered")


def test_filters_and_order_are_in_the_address(gateway, page, alice, bob):
    call, _ = talk(gateway, alice, bob)
    page.goto(f"{gateway.address}/sessions/")
    page.get_by_label("Search").fill(alice.user)
    page.get_by_label("State").select_option("live")
    page.get_by_label("Sort").select_option("oldest")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**/sessions/?*")
    kept = page.url
    assert f"q={alice.user}" in kept
    assert "state=live" in kept
    assert "sort=oldest" in kept
    assert "since" not in kept
    call.bye()
    expect(page.locator("tbody tr .state")).to_have_text("ended")  # in its place, though it matches no more
    page.goto(kept.replace("live", "ended"))
    assert page.get_by_label("State").input_value() == "ended"
    assert page.locator("tbody tr").count() == 1
    page.get_by_role("link", name="Clear").click()
    page.wait_for_url(f"{gateway.address}/sessions/")
    page.goto(f"{gateway.address}/messages/?received_after=yesterday-ish")
    assert page.locator(".fault").is_visible()  # a filter that makes no sense is named


def test_the_keyboard_reaches_everything_and_is_trapped_nowhere(gateway, page, alice, bob):
    _, session = talk(gateway, alice, bob)
    for address in (
        "/",
        "/sessions/",
        f"/sessions/{session['id']}/",
        "/messages/",
        "/failures/",
        "/failures/setups/",
        "/peers/",
        "/playground/",
    ):
        page.goto(gateway.address + address)
        page.evaluate("document.body.focus()")
        wanted = page.evaluate(
            "[...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, summary,"
            ' [tabindex="0"]\')].filter(each => each.checkVisibility() && !each.disabled).length'
        )
        seen = page.evaluate("window.seen = new Set(); 0")
        unseen: list[str] = []
        for _ in range(wanted + 1):
            page.keyboard.press("Tab")
            seen = page.evaluate(
                "(() => { const at = document.activeElement; if (at === document.body) return null;"
                " window.seen.add(at); return [window.seen.size, getComputedStyle(at).outlineStyle !== 'none',"
                " at.outerHTML.slice(0, 80)]; })()"
            )
            if seen is None:
                break
            if not seen[1]:
                unseen.append(seen[2])
            if seen[0] >= min(wanted, 120):
                break
        assert unseen == [], address
        assert page.evaluate("window.seen.size") >= min(wanted, 120), address


@pytest.fixture
def routes(gateway) -> Iterator[list[str]]:
    """Names of the routes in their order; the table is as it was at the end."""
    before = gateway.rows("SELECT id, priority FROM sessions_app_route")
    yield names(gateway)
    gateway.execute("DELETE FROM sessions_app_route WHERE name = 'nothing for dora'")
    for row in before:
        gateway.execute("UPDATE sessions_app_route SET priority = %s WHERE id = %s", row["priority"], row["id"])


def names(gateway) -> list[str]:
    return [row["name"] for row in gateway.rows("SELECT name FROM sessions_app_route ORDER BY priority, name")]


def drag(page, what, onto, arrived):
    """Hold one thing and move over another until it has arrived there."""
    start, end = what.bounding_box(), onto.bounding_box()
    page.mouse.move(start["x"] + 10, start["y"] + 10)
    page.mouse.down()
    for step in range(1, 9):
        page.mouse.move(end["x"] + 10, start["y"] + 10 + (end["y"] - start["y"] - 8) * step / 8)
    for step in range(100):
        if arrived():
            break
        page.mouse.move(end["x"] + 10, end["y"] + 2 + step % 6)
        page.wait_for_timeout(30)  # for a frame of the browser's, in which it looks at what it is over
    page.mouse.up()


def test_routes_are_ordered_by_dragging_kept_in_the_history_and_taken_back(gateway, page, routes):
    lists = f"{gateway.address}/admin/sessions_app/route/"
    page.goto(f"{lists}add/")
    page.get_by_label("Name").fill("nothing for dora")
    page.get_by_label("Priority").fill("900")
    page.locator("select[name=action]").select_option("reject", force=True)
    page.get_by_label("From pattern").fill("sip:dora-.*(")
    page.get_by_role("button", name="Save", exact=True).click()
    fault = page.locator(".field-from_pattern, [class*=from_pattern]", has_text="sip").first
    expect(page.locator(".errornote, .errorlist").first).to_be_visible()
    assert fault.count()
    page.get_by_label("From pattern").fill("sip:dora-.*")
    page.locator("select[name=action]").select_option("reject", force=True)
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url(lists)
    assert names(gateway) == [*routes, "nothing for dora"]
    dora, bob = SipPeer("dora", gateway), SessionPeer("bob", gateway)
    sent = dora.message(bob.uri, "through")
    bob.take_call().take_message()
    assert dora.final_answer_to(sent).status == 200

    handles = page.locator("#result_list [x-sort\\:handle]")
    expect(handles).to_have_count(len(routes) + 1)
    first = page.locator("#result_list tbody tr").first
    for _ in range(3):  # a busy browser may lose a drag; it is done again then, as people do
        drag(page, handles.last, handles.first, lambda: "nothing for dora" in first.inner_text())
        if "nothing for dora" in first.inner_text():
            break
        page.reload()
    expect(page.locator("#result_list tbody tr").first).to_contain_text("nothing for dora")
    expect(page.locator("#result_list tbody input[name$=-priority]").first).to_have_value("0")
    before = gateway.reloads
    page.get_by_role("button", name="Save", exact=True).click()
    page.locator("text=successfully").first.wait_for()
    assert names(gateway)[0] == "nothing for dora"
    kept = gateway.rows("SELECT * FROM sessions_app_routechange WHERE name = 'nothing for dora' ORDER BY id")
    assert [each["before"] is None for each in kept] == [True, False]
    assert kept[-1]["by"] == "admin"
    assert kept[-1]["after"]["priority"] == 0
    deadline = time.monotonic() + 5
    while gateway.reloads == before:  # its table follows by a NOTIFY
        assert time.monotonic() < deadline, "the gateway did not read the routes again"
        page.wait_for_timeout(10)
    assert dora.final_answer_to(dora.message(bob.uri, "no more")).status == 403

    page.goto(f"{gateway.address}/admin/sessions_app/routechange/{kept[-1]['id']}/undo")
    page.get_by_role("button", name="Yes, take it back").click()
    page.get_by_text("is as it was before").wait_for()
    assert gateway.rows("SELECT priority FROM sessions_app_route WHERE name = 'nothing for dora'") == [
        {"priority": 900}
    ]
    page.goto(f"{lists}?o=-2")
    assert handles.count() == 0  # some other order is shown: the number is the way
    page.locator("#result_list input[name$=-priority]").first.focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("901")
    page.get_by_role("button", name="Save", exact=True).press("Enter")
    page.locator("text=successfully").first.wait_for()
    assert gateway.rows("SELECT priority FROM sessions_app_route WHERE name = 'nothing for dora'") == [
        {"priority": 901}
    ]
    dora.close()
    bob.close()


def test_a_request_is_tried_out_and_a_fault_names_its_field(gateway, page):
    page.goto(f"{gateway.address}/admin/sessions_app/route/")
    page.get_by_role("link", name="Try it").first.click()
    page.get_by_label("To", exact=True).fill("")
    page.get_by_role("button", name="Try it").click()
    fault = page.locator("#id_to_uri_error")
    expect(fault).to_have_text("Is needed, or paste a request.")
    page.get_by_label("To", exact=True).fill("sip:bob@example.net")
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_role("status")).to_contain_text("Taken by MESSAGE to MSRP")


class Desk(http.server.BaseHTTPRequestHandler):
    """Takes a webhook's POST."""

    def do_POST(self) -> None:
        self.server.taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


def test_a_webhook_is_tried_by_its_button(gateway, page):
    desk = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Desk)
    desk.taken = []
    threading.Thread(target=desk.serve_forever, daemon=True).start()
    page.goto(f"{gateway.address}/admin/sessions_app/webhook/add/")
    page.get_by_label("Name").fill("desk")
    page.get_by_label("Url").fill(f"http://127.0.0.1:{desk.server_port}/parley")
    page.get_by_label("session ended").check()
    page.get_by_role("button", name="Save and continue editing").click()
    page.get_by_role("link", name="Send a test event").first.click()
    page.get_by_role("button", name="Yes, send it").click()
    page.get_by_text("204").first.wait_for()
    desk.shutdown()
    assert len(desk.taken) == 1
    gateway.execute("DELETE FROM sessions_app_webhookdelivery")
    gateway.execute("DELETE FROM sessions_app_webhook")


def test_a_node_is_drained_and_resumed(gateway, page, alice, bob):
    page.goto(f"{gateway.address}/peers/")
    page.get_by_role("button", name="Drain").first.click()
    page.get_by_role("button", name="Resume").first.wait_for()
    gateway.wait_for_rows("SELECT * FROM sessions_app_nodecommand WHERE verb = 'drain' AND done_at IS NOT NULL")
    assert alice.final_answer_to(alice.message(bob.uri, "no")).status == 503
    page.get_by_role("button", name="Resume").first.click()
    page.get_by_role("button", name="Drain").first.wait_for()
    gateway.wait_for_rows("SELECT * FROM sessions_app_nodecommand WHERE verb = 'resume' AND done_at IS NOT NULL")
    talk(gateway, alice, bob)
