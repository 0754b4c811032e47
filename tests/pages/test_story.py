"""The thirty seconds: "my message to bob did not arrive": found, understood, retried, delivered. And what moves.

Everything is real: the gateway with its pages (`manage.py runserver`), a SIP phone, an MSRP client, Chromium.
"""

from __future__ import annotations

import json
import socket
import threading
import urllib.request
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.conftest import find_program
from tests.wire.served import PASSWORD
from tests.wire.session_peer import SessionPeer
from tests.wire.sip_peer import SipPeer

pytestmark = [pytest.mark.peer]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_program("chromium"), args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser, gateway) -> Iterator[Page]:
    faults: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 900}, timezone_id="Europe/Berlin")
    page = context.new_page()
    page.on("console", lambda message: faults.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(f"{gateway.address}/login/")
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{gateway.address}/")
    yield page
    assert faults == []
    context.close()


@pytest.fixture
def alice(gateway):
    peer = SipPeer("alice", gateway, "udp")
    yield peer
    peer.close()


@pytest.fixture
def bob(gateway):
    peer = SessionPeer("bob", gateway, "udp")
    yield peer
    peer.close()


def test_a_message_that_did_not_arrive_is_found_understood_and_delivered(gateway, page, alice, bob):
    sent = alice.message(bob.uri, "Is the parcel there?")
    bob.respond(bob.expect("INVITE"), 486, "Busy Here")
    assert alice.final_answer_to(sent).status == 480
    gateway.wait_for_rows("SELECT * FROM sessions_app_messagerecord WHERE call_id = %s", sent.call_id)

    page.goto(f"{gateway.address}/sessions/")
    page.get_by_label("Search").fill(bob.uri.removeprefix("sip:"))
    page.keyboard.press("Enter")
    page.get_by_role("link", name="bob").click()
    page.locator("tbody tr", has_text="failed").get_by_role("link").last.click()
    page.wait_for_url("**/messages/*/")
    assert page.get_by_text("The MSRP side is busy (486)").is_visible()
    assert page.get_by_text("Retry in a minute").is_visible()

    taken = threading.Thread(target=lambda: bob.take_call().take_message())
    taken.start()
    page.get_by_role("button", name="Retry now").click()
    taken.join(10)
    gateway.wait_for_rows(
        "SELECT * FROM sessions_app_messagerecord WHERE call_id = %s AND state = 'delivered'", sent.call_id
    )
    page.reload()
    assert page.locator(".head .state").inner_text() == "delivered"
    audit = gateway.rows("SELECT * FROM sessions_app_auditentry WHERE action = 'retry_message' ORDER BY id")[-1]
    assert (audit["who"], audit["target"]) == ("admin", page.url.rstrip("/").rpartition("/")[2])


def test_the_list_moves_by_itself_and_keeps_the_readers_place(gateway, page, alice, bob):
    first = alice.message(bob.uri, "one")
    call = bob.take_call()
    call.take_message()
    alice.final_answer_to(first)
    gateway.session_row(call.call_id)
    with page.expect_websocket():
        page.goto(f"{gateway.address}/sessions/?state=live")
    row = page.locator("tbody tr", has_text=alice.uri.removeprefix("sip:"))
    row.wait_for()
    page.get_by_label("Search").fill("what the reader is typing")
    second = alice.message(bob.uri, "two")
    call.take_message()
    alice.final_answer_to(second)
    cell = row.locator("td[data-label='To MSRP']")
    expect(cell).to_have_text("2", timeout=15_000)
    assert page.get_by_label("Search").input_value() == "what the reader is typing"
    call.bye()
    page.locator("tbody tr", has_text="BYE").first.wait_for(timeout=10_000)


def test_a_new_session_is_offered_not_pushed_in(gateway, page, alice, bob):
    with page.expect_websocket():
        page.goto(f"{gateway.address}/sessions/")
    before = page.locator("tbody tr").count()
    bob.call(alice.uri)
    page.get_by_text("new session").wait_for(timeout=10_000)
    assert page.locator("tbody tr").count() == before
    page.get_by_role("link", name="new session").click()
    page.wait_for_load_state()
    assert page.locator("tbody tr").count() == before + 1


def test_bulk_retry_shows_how_far_it_is(gateway, page, alice, bob):
    sent = [alice.message(bob.uri, f"number {number}") for number in range(3)]
    bob.respond(bob.expect("INVITE"), 480, "Away")
    for each in sent:
        alice.final_answer_to(each)
    gateway.wait_for_rows(
        "SELECT * FROM sessions_app_messagerecord WHERE call_id = %s AND state = 'failed'", sent[-1].call_id
    )
    page.goto(f"{gateway.address}/messages/?state=failed&q={bob.uri.removeprefix('sip:')}")
    page.get_by_text("Act on these").click()

    def take():
        call = bob.take_call()
        for _ in sent:
            call.take_message()

    taken = threading.Thread(target=take)
    taken.start()
    page.get_by_role("button", name="Retry now").click()
    page.wait_for_url("**/failures/bulk/*/")
    page.get_by_text("Done: 3 of 3").wait_for(timeout=15_000)
    taken.join(10)


def test_events_are_streamed_and_sent_by_udp(gateway, alice, bob):
    answer = urllib.request.urlopen(
        urllib.request.Request(
            f"{gateway.address}/api/v1/token/",
            data=json.dumps({"username": "admin", "password": PASSWORD}).encode(),
            headers={"Content-Type": "application/json"},
        )
    )
    token = json.load(answer)["token"]
    stream = urllib.request.urlopen(
        urllib.request.Request(
            f"{gateway.address}/api/v1/events/?event=setup_failed", headers={"Authorization": f"Token {token}"}
        ),
        timeout=15,
    )
    assert stream.headers["Content-Type"].startswith("text/event-stream")
    stream.readline()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        udp.settimeout(15)
        subscribe = {
            "jsonrpc": "2.0",
            "id": "1",
            "method": "event_subscribe",
            "params": ["E_MSRP_GW_SETUP_FAILED", f"udp:127.0.0.1:{udp.getsockname()[1]}", 60],
        }
        said = urllib.request.urlopen(
            urllib.request.Request(
                f"{gateway.address}/mi", json.dumps(subscribe).encode(), {"Content-Type": "application/json"}
            )
        )
        assert json.load(said)["result"] == "OK"
        threading.Event().wait(2.5)  # the gateway looks for subscribers every two seconds
        sent = alice.message(bob.uri, "x")
        bob.respond(bob.expect("INVITE"), 404, "Not Found")
        alice.final_answer_to(sent)
        told = json.loads(udp.recv(65535))
    assert told["method"] == "E_MSRP_GW_SETUP_FAILED"
    assert (told["params"]["code"], told["params"]["reason"]) == (404, "Not Found")
    lines = []
    while not (lines and lines[-1].startswith("data:")):
        lines.append(stream.readline().decode().strip())
    assert "event: setup_failed" in lines
    event = json.loads(lines[-1].removeprefix("data: "))
    assert (event["code"], event["to_uri"]) == (404, bob.uri)
    stream.close()


def test_metrics_have_what_was_carried(gateway, alice, bob):
    sent = alice.message(bob.uri, "counted")
    bob.take_call().take_message()
    alice.final_answer_to(sent)
    text = urllib.request.urlopen(f"{gateway.address}/metrics").read().decode()
    for word in (
        'parley_messages_total{code="200",direction="to_msrp",outcome="delivered",peer="127.0.0.1"}',
        "parley_delivery_seconds_bucket",
        "parley_loop_lag_seconds_bucket",
        'parley_queue_depth{queue="database"}',
        "parley_batch_rows_bucket",
    ):
        assert word in text, word


def test_the_page_of_a_live_session_shows_what_happens_and_its_end_without_a_reload(gateway, page, alice, bob):
    first = alice.message(bob.uri, "first")
    call = bob.take_call()
    call.take_message()
    assert alice.final_answer_to(first).status == 200
    session = gateway.session_row(call.invite.call_id, state="live", to_msrp=1)["id"]
    page.goto(f"{gateway.address}/sessions/{session}/")
    page.evaluate("window.sameDocument = true")
    messages, ladder = page.locator("#session-messages"), page.locator("#ladder-now")
    expect(messages.locator("tbody tr")).to_have_count(1)

    call.send("second")
    alice.respond(alice.expect("MESSAGE"), 404, "Not Found")
    messages.locator("tbody tr", has_text="404 Not Found").wait_for()
    expect(messages.locator("tbody tr")).to_have_count(2)
    ladder.locator("svg text", has_text="404 Not Found").first.wait_for()
    page.locator("#session-sides dd strong", has_text="1").wait_for()
    expect(page.get_by_text("End session")).to_be_visible()

    call.bye()
    page.locator("#session-head .state", has_text="ended").wait_for()
    page.locator("#session-events li", has_text="BYE from the MSRP side").wait_for()
    expect(page.get_by_text("End session")).to_have_count(0)
    shown = page.locator("#ladder-now svg text[data-at]").first
    expect(shown, "times are in the reader's zone there, too").to_have_attribute("data-local", "")
    assert page.evaluate("window.sameDocument")
