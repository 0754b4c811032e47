"""Makes docs/img anew: every page, light and dark, at the width of a desk and of a telephone.

``make screenshots`` starts a gateway of its own on free ports, fills it with made-up records and a few real
conversations, and takes the pictures with Debian's chromium. Look at them before you commit them.
"""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.conftest import find_program
from tests.pages.browsing import log_in
from tests.wire.served import PASSWORD, Served
from tests.wire.session_peer import SessionPeer
from tests.wire.sip_peer import SipPeer

IMAGES = Path(__file__).parent / "img"
WIDTHS = {"desk": (1280, 800), "phone": (390, 800)}
PAGES = {
    "dashboard": "/",
    "sessions": "/sessions/",
    "session": "/sessions/{session}/",
    "messages": "/messages/?state=failed",
    "message": "/messages/{message}/",
    "failures": "/failures/",
    "failure": "/failures/{failure}/",
    "peers": "/peers/",
    "playground": "/playground/",
    "api": "/api/docs/",
    "admin": "/admin/",
    "admin-sessions": "/admin/sessions_app/gatewaysession/",
    "admin-session": "/admin/sessions_app/gatewaysession/{session}/change/",
    "admin-routes": "/admin/sessions_app/route/",
    "admin-try-it": "/admin/sessions_app/route/try-it",
}
TALL = {"session", "message", "failure", "admin-try-it"}
"""Pages of which more is shown than fits into a window."""
LARGEST = 150_000
"""Octets of a picture."""


def converse(gateway: Served) -> dict[str, str]:
    """Real traffic: a session that lives, a set-up that fails. The ids that PAGES wants."""
    with contextlib.ExitStack() as held:
        alice = held.enter_context(contextlib.closing(SipPeer("alice", gateway)))
        bob = held.enter_context(contextlib.closing(SessionPeer("bob", gateway)))
        carol = held.enter_context(contextlib.closing(SessionPeer("carol", gateway)))
        sent = alice.message(bob.uri, "Are you there?")
        call = bob.take_call()
        call.take_message()
        assert alice.final_answer_to(sent).status == 200
        tid = call.send("Yes, on MSRP.")
        message = alice.expect("MESSAGE")
        alice.respond(message, 200)
        assert call.wire.response_to(tid).code == 200
        call.send("And not for everybody.")
        alice.respond(alice.expect("MESSAGE"), 403, "Forbidden")
        session = gateway.session_row(call.invite.call_id, to_page=1)["id"]

        lost = alice.message(carol.uri, "Is the parcel there?")
        carol.respond(carol.expect("INVITE"), 486, "Busy Here")
        assert alice.final_answer_to(lost).status == 480
        record = gateway.message_row(lost.call_id, state="failed")["id"]
        (failure,) = gateway.wait_for_rows("SELECT id FROM sessions_app_setupfailure WHERE ruri = %s", carol.uri)
        gateway.wait_for_rows(
            "SELECT 1 FROM sessions_app_traceframe AS frame JOIN sessions_app_messagerecord AS message"
            " USING (session_id) WHERE message.id = %s LIMIT 1",
            record,
        )
        call.bye()
        gateway.session_row(call.invite.call_id, state="ended")
    return {"session": session, "message": record, "failure": failure["id"]}


def keep(page: Page, name: str, *, tall: bool = False) -> None:
    """Take the picture, in as many colours as keep it small."""
    picture = Image.open(io.BytesIO(page.screenshot(full_page=tall))).convert("RGB")
    for colours in (256, 96, 48, 24):
        small = io.BytesIO()
        picture.quantize(colours, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
        if small.tell() < LARGEST:
            break
    (IMAGES / name).write_bytes(small.getvalue())


def talk(page: Page) -> None:
    """A few words in the playground."""
    page.locator("#chat-uri", has_text="sip:").wait_for()
    for side, text, other in (
        ("phone", "Are you there?", "chat"),
        ("chat client", "Yes, on MSRP.", "phone"),
        ("phone", "Good. The meeting is at ten.", "chat"),
    ):
        page.get_by_label(f"Message from the {side}").fill(text)
        page.keyboard.press("Enter")
        page.locator(f"#{other}-lines .theirs", has_text=text).wait_for()
    page.locator("#ladder-now svg").wait_for()


def take(page: Page, address: str, ids: dict[str, str], ending: str) -> None:
    """The pictures of one width and scheme."""
    page.goto(f"{address}/login/")
    keep(page, f"login-{ending}")
    log_in(page, address, "admin", PASSWORD)
    for name, path in PAGES.items():
        page.goto(address + path.format(**ids), wait_until="load")
        if name == "playground":
            talk(page)
        if name == "api":
            page.locator(".opblock").first.wait_for()
        if name == "dashboard":
            page.locator(".uplot canvas").first.wait_for()
        if name == "admin-try-it":
            page.get_by_role("button", name="Try it").click()
            page.get_by_role("status").wait_for()
        page.evaluate("document.fonts.ready")
        keep(page, f"{name}-{ending}", tall=name in TALL)


def main() -> None:
    """Take them all."""
    gateway = Served(GATEWAY_TRACE="all", GATEWAY_STORE_BODIES="undelivered", GATEWAY_PLAYGROUND="yes")
    try:
        gateway.start()
        made = gateway.manage("seed_demo", "--sessions", "2000", "--messages", "20000", "--days", "2")
        assert made.returncode == 0, made.stderr
        ids = converse(gateway)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find_program("chromium"), args=["--no-sandbox"])
            for width, (across, down) in WIDTHS.items():
                for scheme in ("light", "dark"):
                    context = browser.new_context(
                        viewport={"width": across, "height": down}, color_scheme=scheme, timezone_id="Europe/Berlin"
                    )
                    take(context.new_page(), gateway.address, ids, f"{width}-{scheme}.png")
                    context.close()
            browser.close()
    finally:
        gateway.close()


if __name__ == "__main__":
    main()
