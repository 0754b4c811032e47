"""The admin and the API's documentation: WCAG 2.2 AA by axe, light and dark, desk and telephone; all of it is ours."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.urls import reverse
from playwright.sync_api import Browser

from sessions_app.admin.navigation import _GROUPS
from sessions_app.cause import Cause, Side
from sessions_app.models import AuditEntry, NodeCommand, Peer, Route, RouteChange, Webhook
from tests.pages.browsing import chromium, log_in, looked_at
from tests.rows import make_ended, make_event, make_failure, make_message, make_node, make_session

pytestmark = [pytest.mark.peer, pytest.mark.django_db(transaction=True)]

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
LISTS = [f"/admin/{app}/{model}/" for _, entries in _GROUPS for _, _, app, model in entries]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


def fill() -> list[str]:
    """Rows for every list; addresses of forms."""
    ContentType.objects.clear_cache()
    peer = Peer.objects.create(name="carrier", network="192.0.2.0/24")
    route = Route.objects.create(name="to MSRP", priority=10, action="msg_to_msrp")
    Route.objects.create(name="the rest", priority=20, action="reject")
    make_node()
    session = make_session(
        undelivered=1, peer_path="msrp://192.0.2.7:7654/jshA7weztasjshA7weztasjshA7weztasjshA7weztasjshA7weztas;tcp"
    )
    make_event(session, "invite_sent", detail="udp 192.0.2.7:5070")
    message = make_message(session, Cause(Side.MESSAGE, "sip", "486 Busy Here", 486), state="failed", sip_code=486)
    failure = make_failure(make_ended(state="failed"))
    hook = Webhook.objects.create(name="desk", url="https://hooks.example/parley", secret="s" * 32, events=[])
    change = RouteChange.objects.create(
        kind="route", record=route.pk, name=route.name, by="ada", before={"priority": 1}, after={"priority": 10}
    )
    AuditEntry.objects.create(who="ada", action="change", target=str(route.pk), detail="route to MSRP")
    NodeCommand.objects.create(node="gateway-1", verb="end_session", session=session, by="ada")
    chosen = {
        "gatewaysession": session,
        "messagerecord": message,
        "setupfailure": failure,
        "route": route,
        "peer": peer,
        "webhook": hook,
        "routechange": change,
    }
    return [
        *(reverse(f"admin:sessions_app_{name}_change", args=[row.pk]) for name, row in chosen.items()),
        "/admin/sessions_app/route/add/",
        "/admin/sessions_app/route/try-it",
        f"/admin/sessions_app/routechange/{change.pk}/undo",
        f"/admin/sessions_app/peer/{peer.pk}/delete/",
        f"/admin/auth/user/{User.objects.get(username='ada').pk}/change/",
        "/admin/password_change/",
        "/admin/sessions_app/gatewaysession/?q=nobody",
    ]


def test_no_page_of_the_admin_has_a_violation(browser, live_server):
    User.objects.create_superuser("ada", password="secret")
    addresses = ["/admin/", *LISTS, *fill(), "/api/docs/"]
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="light")
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(f"{page.url} {error}"))
    page.on("request", lambda it: it.url.startswith((live_server.url, "data:")) or faults.append(f"asks {it.url}"))

    def look(name: str) -> None:
        faults.extend(looked_at(page, name, WCAG, dark_class="dark"))

    page.goto(f"{live_server.url}/admin/login/")
    look("login")
    page.set_viewport_size({"width": 1280, "height": 900})
    log_in(page, live_server.url, "ada", then="/admin/")
    for address in addresses:
        answer = page.goto(live_server.url + address)
        assert answer is not None
        assert answer.status == 200, address
        if address == "/api/docs/":
            page.locator(".opblock").first.wait_for()
        look(address)
    page.goto(f"{live_server.url}/admin/sessions_app/gatewaysession/?state__exact=live")
    page.locator("input.action-select").first.check()
    page.locator("select[name=action]").select_option("end_sessions", force=True)
    page.evaluate("document.getElementById('changelist-form').submit()")
    page.get_by_role("button", name="Yes, end it").wait_for()
    look("confirmation")
    context.close()
    assert faults == [], "\n".join(faults)
