"""The table of who sees and does what in the admin: every address of every model. One without a row fails a test."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.urls import resolve, reverse
from rest_framework.authtoken.models import Token

from sessions_app.models import AuditEntry, Node, NodeCommand, Peer, Route, RouteChange, Webhook, WebhookDelivery
from tests.pages.who import ALL, KNOWN, NOBODY, RULE, SEE, WHO, refused, routes
from tests.rows import make_failure, make_message, make_node, make_session

pytestmark = pytest.mark.django_db
STAFF = KNOWN - {"nobody"}

# model: who may look, add, change, delete
MODELS: dict[str, tuple[set[str], set[str], set[str], set[str]]] = {
    "sessions_app.gatewaysession": (SEE, NOBODY, NOBODY, NOBODY),
    "sessions_app.messagerecord": (SEE, NOBODY, NOBODY, NOBODY),
    "sessions_app.setupfailure": (SEE, NOBODY, NOBODY, NOBODY),
    "sessions_app.node": (SEE, NOBODY, NOBODY, NOBODY),
    "sessions_app.nodecommand": (SEE, NOBODY, NOBODY, NOBODY),
    "sessions_app.routechange": (SEE, NOBODY, NOBODY, NOBODY),
    "sessions_app.route": (SEE, RULE, RULE, RULE),
    "sessions_app.peer": (SEE, RULE, RULE, RULE),
    "sessions_app.webhook": (RULE, RULE, RULE, RULE),
    "sessions_app.webhookdelivery": (RULE, NOBODY, NOBODY, NOBODY),
    "sessions_app.auditentry": (RULE, NOBODY, NOBODY, NOBODY),
    # Accounts are the superuser's.
    "auth.user": (NOBODY, NOBODY, NOBODY, NOBODY),
    "auth.group": (NOBODY, NOBODY, NOBODY, NOBODY),
    "authtoken.tokenproxy": (NOBODY, NOBODY, NOBODY, NOBODY),
    "axes.accessattempt": (NOBODY, NOBODY, NOBODY, NOBODY),
    "axes.accesslog": (NOBODY, NOBODY, NOBODY, NOBODY),
    "axes.accessfailurelog": (NOBODY, NOBODY, NOBODY, NOBODY),
}
# method, address, who may
REST: list[tuple[str, str, set[str]]] = [
    ("get", "/admin/", STAFF),
    ("get", "/admin/search/", STAFF),
    ("get", "/admin/login/", ALL),
    ("post", "/admin/logout/", ALL),
    ("get", "/admin/password_change/", STAFF),
    ("get", "/admin/password_change/done/", STAFF),
    ("get", "/admin/autocomplete/", NOBODY),
    ("get", "/admin/jsi18n/", STAFF),
    ("get", "/admin/sessions_app/", STAFF),
    ("post", "/admin/sessions_app/webhook/{webhook}/send-test/", RULE),
    ("get", "/admin/sessions_app/route/try-it/", SEE),
    ("get", "/admin/sessions_app/routechange/{routechange}/undo/", RULE),
    ("get", "/admin/auth/user/{user}/password/", NOBODY),
]
NO_PAGE = {
    "admin/r/<path:content_type_id>/<path:object_id>/",  # leads to a record's own page; ours have none
    "admin/(?P<url>.*)$",  # whatever is left is nothing
}


@pytest.fixture
def rows(monkeypatch) -> dict[str, str]:
    """One of each, by the name of its model."""
    monkeypatch.setattr("sessions_app.webhooks.post", lambda *_: (200, "200 OK"))
    session = make_session()
    route = Route.objects.create(name="r", method="MESSAGE", action="msg_to_msrp")
    webhook = Webhook.objects.create(name="w", url="http://127.0.0.1:9/", events=["setup_failed"])
    user = User.objects.create_user("somebody")
    make_node("gateway-9")
    made = {
        "gatewaysession": session,
        "messagerecord": make_message(session, state="failed", body=b"x"),
        "setupfailure": make_failure(session),
        "node": Node.objects.get(),
        "nodecommand": NodeCommand.objects.create(node="gateway-9", verb="drain", by="otto", argument={}),
        "routechange": RouteChange.objects.create(kind="route", record=route.pk, name="r", by="ada", after={}),
        "route": route,
        "peer": Peer.objects.create(name="p", network="192.0.2.0/24"),
        "webhook": webhook,
        "webhookdelivery": WebhookDelivery.objects.create(webhook=webhook, event="setup_failed", payload={}),
        "auditentry": AuditEntry.objects.create(who="otto", action="drain"),
        "user": user,
        "group": Group.objects.first(),
        "tokenproxy": Token.objects.create(user=user),
    }
    return {name: str(row.pk) for name, row in made.items()}


def addresses(rows):
    """(method, address, who may) of everything that the admin makes for a model."""
    for label, (look, add, change, delete) in MODELS.items():
        app, model = label.split(".")
        yield "get", reverse(f"admin:{app}_{model}_changelist"), look
        yield "get", reverse(f"admin:{app}_{model}_add"), add
        if model in rows:
            for name, who in (("change", look), ("history", look), ("delete", delete)):
                yield "get", reverse(f"admin:{app}_{model}_{name}", args=[rows[model]]), who
            yield "post", reverse(f"admin:{app}_{model}_change", args=[rows[model]]), change
    yield from ((method, address.format(**rows), who) for method, address, who in REST)


@pytest.mark.parametrize("who", WHO)
def test_who_may(client, rows, who):
    wrong = []
    user = WHO[who]()
    for method, address, allowed in addresses(rows):
        if who != "stranger":
            client.force_login(user)
        answer = getattr(client, method)(address)
        if address == "/admin/logout/":
            continue
        if answer.status_code == 302 and answer["Location"] == "/admin/" != address and "login" not in address:
            assert who not in allowed, address  # that is how the admin says that there is nothing for them
        elif refused(answer) == (who in allowed):
            wrong.append((method, address, answer.status_code, answer.get("Location", "")))
        elif not refused(answer):
            assert answer.status_code < 400, (address, answer.status_code)
    assert wrong == []


def test_every_model_of_the_admin_has_its_row():
    assert {model._meta.label_lower for model in admin.site._registry} == set(MODELS)


def test_every_address_of_the_admin_has_its_row(rows):
    told = {resolve(address).route for _, address, _ in addresses(rows)} | NO_PAGE
    for route, _ in routes():
        if not route.startswith("admin/") or route in told:
            continue
        found = [label for label in MODELS if route.startswith(f"admin/{label.replace('.', '/')}/")]
        assert found, f"{route} is in no row of the table: who may?"
        # A model of which there is no row here, and the old form of a change's address, which leads there.
        assert route.endswith("<path:object_id>/") or found[0].partition(".")[2] not in rows, route
