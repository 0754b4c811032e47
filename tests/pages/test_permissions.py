"""The table of who sees and does what: every address, every WebSocket. One that has no row here fails a test.

The admin's addresses have a table of their own, tests/pages/test_admin_permissions.py; what a body reader alone gets
to see, and where, is in tests/pages/test_bodies.py.
"""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import Group, Permission
from django.core.cache import cache
from django.urls import resolve

from sessions_app import roles, sockets
from sessions_app.cause import Cause, Side
from sessions_app.models import NodeCommand, Peer, Route
from tests.api.test_frames import make_frame
from tests.pages.who import ACT, ALL, KNOWN, READ, RULE, SEE, WHO, refused, routes
from tests.rows import make_failure, make_message, make_node, make_session

pytestmark = pytest.mark.django_db
S, M, F = "{session}", "{message}", "{failure}"

# method, address, data, who may
TABLE: list[tuple[str, str, dict[str, str], set[str]]] = [
    ("get", "/", {}, SEE),
    ("get", "/login/", {}, ALL),
    ("post", "/logout/", {}, ALL),
    ("get", "/sessions/", {}, SEE),
    ("get", f"/sessions/{S}/", {}, SEE),
    ("get", "/sessions/export.csv", {}, SEE),
    ("get", "/sessions/export.json", {}, SEE),
    ("post", f"/sessions/{S}/end/", {}, ACT),
    ("get", f"/sessions/{S}/ladder.svg", {}, SEE),
    ("get", f"/sessions/{S}/ladder.txt", {}, SEE),
    ("get", f"/sessions/{S}/frames.pcap", {}, SEE),
    ("post", f"/sessions/{S}/frames.pcap", {}, READ),
    ("get", f"/sessions/{S}/frames/{{frame}}/", {}, SEE),
    ("post", f"/sessions/{S}/frames/{{frame}}/", {}, READ),
    ("post", f"/sessions/{S}/capture/", {}, ACT),
    ("get", "/messages/", {}, SEE),
    ("get", f"/messages/{M}/", {}, SEE),
    ("get", "/messages/export.csv", {}, SEE),
    ("get", "/messages/export.json", {}, SEE),
    ("post", f"/messages/{M}/body/", {}, READ),
    ("post", f"/messages/{M}/retry/", {}, ACT),
    ("post", f"/messages/{M}/retry/", {"ruri": "sip:elsewhere@192.0.2.8"}, ACT),
    ("get", "/failures/", {}, SEE),
    ("get", "/failures/setups/", {}, SEE),
    ("get", f"/failures/{F}/", {}, SEE),
    ("get", "/failures/export.csv", {}, SEE),
    ("get", "/failures/export.json", {}, SEE),
    ("post", f"/failures/{F}/acknowledge/", {"note": "seen"}, ACT),
    ("post", f"/failures/{M}/acknowledge/", {"note": "seen"}, ACT),
    ("post", "/failures/bulk/", {"kind": "message", "act": "retry"}, ACT),
    ("post", "/failures/bulk/", {"kind": "setup", "act": "acknowledge"}, ACT),
    ("get", "/failures/bulk/{batch}/", {}, SEE),
    ("get", "/peers/", {}, SEE),
    ("post", "/peers/nodes/gateway-9/drain/", {"wish": "drain"}, ACT),
    ("post", "/peers/nodes/gateway-9/drain/", {"wish": "resume"}, ACT),
    ("get", "/playground/", {}, SEE),
    ("get", "/api/v1/sessions/", {}, SEE),
    ("get", f"/api/v1/sessions/{S}/", {}, SEE),
    ("get", f"/api/v1/sessions/{S}/frames/", {}, SEE),
    ("get", f"/api/v1/sessions/{S}/frames/?bodies=true", {}, READ),
    ("post", f"/api/v1/sessions/{S}/end/", {}, ACT),
    ("get", "/api/v1/messages/", {}, SEE),
    ("post", "/api/v1/messages/", {"from_uri": "sip:a@b", "to_uri": "sip:c@d", "text": "x", "wait": "0"}, ACT),
    ("get", f"/api/v1/messages/{M}/", {}, SEE),
    ("get", f"/api/v1/messages/{M}/body/", {}, READ),
    ("post", f"/api/v1/messages/{M}/retry/", {}, ACT),
    ("get", "/api/v1/failures/", {}, SEE),
    ("get", f"/api/v1/failures/{F}/", {}, SEE),
    ("get", f"/api/v1/failures/{F}/frames/", {}, SEE),
    ("get", f"/api/v1/failures/{F}/frames/?bodies=true", {}, READ),
    ("post", f"/api/v1/failures/{F}/acknowledge/", {}, ACT),
    ("get", "/api/v1/setup-failures/", {}, SEE),
    ("get", f"/api/v1/setup-failures/{F}/", {}, SEE),
    ("get", f"/api/v1/setup-failures/{F}/frames/", {}, SEE),
    ("post", f"/api/v1/setup-failures/{F}/acknowledge/", {}, ACT),
    ("get", "/api/v1/routes/", {}, SEE),
    ("get", "/api/v1/routes/{route}/", {}, SEE),
    ("get", "/api/v1/peers/", {}, SEE),
    ("get", "/api/v1/peers/{peer}/", {}, SEE),
    ("get", "/api/v1/nodes/", {}, SEE),
    ("get", "/api/v1/nodes/gateway-9/", {}, SEE),
    ("get", "/api/v1/events/", {}, SEE),
    # What anybody may ask, logged in or not: how to log in, what there is, how the process does. /mi asks where the
    # connection comes from, see below.
    ("post", "/api/v1/token/", {"username": "vera", "password": "secret"}, ALL),
    ("get", "/api/schema/", {}, ALL),
    ("get", "/api/docs/", {}, ALL),
    ("get", "/metrics", {}, ALL),
    ("get", "/healthz", {}, ALL),
    ("get", "/readyz", {}, ALL),
    ("post", "/mi", {"jsonrpc": "2.0", "id": "1", "method": "which"}, ALL),
]
NOTHING = {"api/"}
"""Addresses that are nothing, and say so."""
SOCKETS: list[tuple[str, set[str]]] = [
    ("/ws/sessions/", SEE),
    (f"/ws/sessions/{S}/", SEE),
    ("/ws/events/", SEE),
    ("/ws/playground/", SEE),
]


@pytest.fixture
def ids(monkeypatch) -> dict[str, str]:
    """Rows for each address. No gateway process answers commands here."""
    monkeypatch.setattr("sessions_app.commands.wait", lambda command, seconds: False)
    monkeypatch.setattr("sessions_app.pages.playground.is_open", lambda: True)
    monkeypatch.setattr("sessions_app.playground.is_open", lambda: True)
    monkeypatch.setattr("channels.db.close_old_connections", lambda: None)  # a test's one is its transaction
    cache.clear()
    make_node("gateway-9", version="1")
    session, batch = make_session(), uuid.uuid4()
    message = make_message(session, Cause(Side.MSRP, "msrp", "481", 481), state="failed", body=b"a private word")
    NodeCommand.objects.create(
        node="gateway-9", verb="retry_message", by="otto", argument={"message": str(message.pk)}, batch=batch
    )
    return {
        "session": str(session.pk),
        "message": str(message.pk),
        "failure": str(make_failure(session).pk),
        "frame": str(make_frame(session).pk),
        "batch": str(batch),
        "route": str(Route.objects.create(name="r", method="MESSAGE", action="msg_to_msrp").pk),
        "peer": str(Peer.objects.create(name="p", network="192.0.2.0/24").pk),
    }


def ask(client, method: str, address: str, data: dict[str, str]) -> Any:
    """JSON where programs ask, a form where people do."""
    if method == "post" and (address.startswith("/api/v1/") or address == "/mi"):
        return client.post(address, data, content_type="application/json")
    return getattr(client, method)(address, data)


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize(
    ("method", "address", "data", "allowed"), TABLE, ids=lambda value: value if isinstance(value, str) else None
)
def test_who_may(client, ids, who, method, address, data, allowed):
    if address == "/api/v1/token/" and who != "viewer":
        WHO["viewer"]()
    user = WHO[who]()
    if who != "stranger":
        client.force_login(user)
    answer = ask(client, method, address.format(**ids), data)
    assert refused(answer) != (who in allowed) or address == "/logout/", f"{answer.status_code}"
    if not refused(answer) and address != "/readyz":
        assert answer.status_code < 400, answer.status_code


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize(("address", "allowed"), SOCKETS, ids=lambda value: value if isinstance(value, str) else None)
def test_who_may_open_a_socket(ids, monkeypatch, who, address, allowed):
    monkeypatch.setattr("sessions_app.live.Hub.add", lambda hub, listener: None)
    user = WHO[who]()

    async def opened() -> bool:
        socket = WebsocketCommunicator(URLRouter(sockets.urlpatterns), address.format(**ids))
        socket.scope["user"] = user
        connected, _ = await socket.connect()
        if connected:
            await socket.disconnect()
        return connected

    assert async_to_sync(opened)() == (who in allowed)


def test_every_address_has_its_row(ids):
    told = set()
    for method, address, _, _ in TABLE:
        told.add((resolve(address.format(**ids).partition("?")[0]).route, method))
    for route, view in routes():
        if route.startswith("admin/") or route in NOTHING:
            continue
        for method in sorted(set(getattr(view, "actions", None) or [None]) - {"head"}, key=str):
            rows = [row for row in told if row[0] == route and method in (None, row[1])]
            assert rows, f"{method or ''} {route} is in no row of the table: who may?"


def test_every_socket_has_its_row(ids):
    for pattern in sockets.urlpatterns:
        assert any(pattern.resolve(address.format(**ids)[1:]) for address, _ in SOCKETS), pattern


def test_a_page_that_acts_does_nothing_by_a_link(client, ids):
    client.force_login(WHO["administrator"]())
    asked = {address for method, address, _, _ in TABLE if method == "get"}
    for method, address, data, _ in TABLE:
        if method == "post" and address not in asked and not address.startswith(("/api/", "/mi")):
            assert client.get(address.format(**ids), data).status_code == 405, address


def test_the_management_interface_is_for_the_machine_itself(client):
    document = {"jsonrpc": "2.0", "id": 1, "method": "which"}
    for headers in ({"REMOTE_ADDR": "192.0.2.1"}, {"REMOTE_ADDR": "192.0.2.1", "HTTP_X_FORWARDED_FOR": "127.0.0.1"}):
        assert client.post("/mi", document, content_type="application/json", **headers).status_code == 403


def test_the_groups_are_made_by_the_migrations_and_keep_what_was_added():
    assert set(Group.objects.values_list("name", flat=True)) >= {"viewer", "operator", "administrator"}
    group = Group.objects.get(name="viewer")
    group.permissions.add(Permission.objects.get(codename="read_body"))
    group.permissions.remove(Permission.objects.get(codename="view_node"))
    roles.ensure_groups()
    names = set(group.permissions.values_list("codename", flat=True))
    assert {"read_body", "view_node"} <= names


def test_no_role_of_ours_reads_bodies():
    assert all("read_body" not in codenames for codenames in roles.GROUPS.values())


def test_whoever_may_be_told_of_is_in_the_table():
    assert ACT < SEE < KNOWN < ALL
    assert RULE < ACT
