"""The table of who sees and does what, over pages, exports, actions, admin and REST."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group

from sessions_app import roles
from sessions_app.models import AuditEntry, MessageRecord
from tests.rows import (
    administrator,
    make_failure,
    make_message,
    make_node,
    make_session,
    make_user,
    operator,
    reader,
    viewer,
)

pytestmark = pytest.mark.django_db

BODY = b"a private word"
WHO: dict[str, Callable[[], Any]] = {
    "stranger": AnonymousUser,
    "nobody": lambda: make_user("nobody"),
    "viewer": lambda: viewer(is_staff=True),
    "reader": lambda: reader(is_staff=True),
    "operator": lambda: operator(is_staff=True),
    "administrator": lambda: administrator(is_staff=True),
}
SEE = {"viewer", "reader", "operator", "administrator"}
ACT = {"operator", "administrator"}
RULE = {"administrator"}

# method, address, data, who may
TABLE: list[tuple[str, str, dict[str, str], set[str]]] = [
    ("get", "/", {}, SEE),
    ("get", "/sessions/", {}, SEE),
    ("get", "/sessions/{session}/", {}, SEE),
    ("get", "/sessions/export.csv", {}, SEE),
    ("get", "/sessions/export.json", {}, SEE),
    ("get", "/messages/", {}, SEE),
    ("get", "/messages/{message}/", {}, SEE),
    ("get", "/messages/export.csv", {}, SEE),
    ("get", "/messages/export.json", {}, SEE),
    ("get", "/failures/", {}, SEE),
    ("get", "/failures/setups/", {}, SEE),
    ("get", "/failures/{failure}/", {}, SEE),
    ("get", "/failures/export.csv", {}, SEE),
    ("get", "/peers/", {}, SEE),
    ("post", "/messages/{message}/body/", {}, {"reader"}),
    ("post", "/sessions/{session}/end/", {}, ACT),
    ("post", "/messages/{message}/retry/", {}, ACT),
    ("post", "/failures/{failure}/acknowledge/", {"note": "seen"}, ACT),
    ("post", "/failures/{message}/acknowledge/", {"note": "seen"}, ACT),
    ("post", "/failures/bulk/", {"kind": "message", "act": "retry"}, ACT),
    ("post", "/failures/bulk/", {"kind": "setup", "act": "acknowledge"}, ACT),
    ("post", "/peers/nodes/gateway-9/drain/", {"wish": "drain"}, ACT),
    ("get", "/admin/sessions_app/gatewaysession/", {}, SEE),
    ("get", "/admin/sessions_app/messagerecord/", {}, SEE),
    ("get", "/admin/sessions_app/route/", {}, SEE),
    ("get", "/admin/sessions_app/route/add/", {}, RULE),
    ("get", "/admin/sessions_app/peer/add/", {}, RULE),
    ("get", "/admin/auth/user/", {}, set()),
    ("get", "/api/v1/sessions/", {}, SEE),
    ("get", "/api/v1/messages/", {}, SEE),
    ("get", "/api/v1/messages/{message}/", {}, SEE),
    ("get", "/api/v1/routes/", {}, SEE),
    ("get", "/api/v1/peers/", {}, SEE),
    ("get", "/api/v1/nodes/", {}, SEE),
    ("post", "/api/v1/sessions/{session}/end/", {}, ACT),
]


@pytest.fixture
def ids(monkeypatch) -> dict[str, str]:
    monkeypatch.setattr("sessions_app.commands.wait", lambda command, seconds: False)
    make_node("gateway-9", version="1")
    session = make_session()
    message = make_message(session, state="failed", detail="msrp side, msrp: 481", body=BODY)
    return {"session": str(session.pk), "message": str(message.pk), "failure": str(make_failure(session).pk)}


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize(
    ("method", "address", "data", "allowed"), TABLE, ids=lambda value: value if isinstance(value, str) else None
)
def test_who_may(client, ids, who, method, address, data, allowed):
    user = WHO[who]()
    if who != "stranger":
        client.force_login(user)
    answer = getattr(client, method)(address.format(**ids), data)
    # Refused: to the login, or 401, 403; an action that was taken leads somewhere, but not to the login.
    refused = answer.status_code in (401, 403) or (answer.status_code == 302 and "login" in answer["Location"])
    assert refused != (who in allowed), f"{answer.status_code} {answer.get('Location', '')}"
    if not refused:
        assert answer.status_code < 400, answer.status_code


@pytest.mark.parametrize("who", ["viewer", "operator", "administrator"])
@pytest.mark.parametrize(
    "address",
    [row[1] for row in TABLE if row[0] == "get" and ("message" in row[1] or "session" in row[1] or "failure" in row[1])]
    + ["/admin/sessions_app/messagerecord/{message}/change/", "/admin/sessions_app/gatewaysession/{session}/change/"],
)
def test_no_role_gets_a_body_from_anywhere(client, ids, who, address):
    client.force_login(WHO[who]())
    answer = client.get(address.format(**ids))
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    assert BODY not in content
    assert BODY.hex().encode() not in content


def test_reading_a_body_is_audited_and_not_kept_by_any_cache(client, ids):
    client.force_login(reader())
    answer = client.post(f"/messages/{ids['message']}/body/")
    assert BODY.decode() in answer.content.decode()
    assert answer["Cache-Control"] == "no-store"
    entry = AuditEntry.objects.get(action="read_body")
    assert (entry.who, entry.target, entry.address) == ("rita", ids["message"], "127.0.0.1")
    assert client.get(f"/messages/{ids['message']}/body/").status_code == 405, "no link reads a body by chance"


def test_a_body_that_is_gone_is_said_to_be_gone(client, ids):
    MessageRecord.objects.update(body=None)
    client.force_login(reader())
    assert "Not kept" in client.post(f"/messages/{ids['message']}/body/").content.decode()
    assert not AuditEntry.objects.filter(action="read_body").exists()


def test_the_groups_are_made_by_the_migrations_and_keep_what_was_added():
    assert set(Group.objects.values_list("name", flat=True)) >= {"viewer", "operator", "administrator"}
    from django.contrib.auth.models import Permission

    group = Group.objects.get(name="viewer")
    group.permissions.add(Permission.objects.get(codename="read_body"))
    group.permissions.remove(Permission.objects.get(codename="view_node"))
    roles.ensure_groups()
    names = set(group.permissions.values_list("codename", flat=True))
    assert {"read_body", "view_node"} <= names


def test_no_role_of_ours_reads_bodies():
    assert all("read_body" not in codenames for codenames in roles.GROUPS.values())
