"""Frames over REST: page by page, masked, with bodies for whoever may read them."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from sessions_app.models import AuditEntry, TraceFrame
from tests.rows import ago, make_failure, make_session, make_user, reader, viewer

pytestmark = pytest.mark.django_db
SEND = b"MSRP a786 SEND\r\nTo-Path: msrp://x:1/y;tcp\r\nContent-Type: text/plain\r\n\r\nprivate\r\n-------a786$\r\n"


def make_frame(owner, **values):
    return TraceFrame.objects.create(
        session_id=owner.pk,
        **{
            "at": ago(seconds=10),
            "leg": "msrp",
            "direction": "out",
            "protocol": "msrp",
            "transport": "tcp",
            "source": "192.0.2.9:40112",
            "destination": "192.0.2.7:2855",
            "data": SEND,
            "masked": False,
            **values,
        },
    )


def client(user):
    made = APIClient()
    made.force_authenticate(user)
    return made


def test_they_come_oldest_first_and_page_by_page():
    session = make_session()
    made = [make_frame(session, at=ago(seconds=60 - number)) for number in range(5)]
    make_frame(make_session())
    api = client(viewer())
    address, seen = f"/api/v1/sessions/{session.pk}/frames/?limit=2", []
    while address:
        page = api.get(address).json()
        seen += [row["id"] for row in page["results"]]
        address = page["next"]
    assert seen == [frame.pk for frame in made]


def test_bodies_are_masked_unless_a_reader_asks_for_them_and_that_is_audited():
    session = make_session()
    make_frame(session)
    address = f"/api/v1/sessions/{session.pk}/frames/"
    (row,) = client(viewer()).get(address).json()["results"]
    assert (row["masked"], row["size"], "private" in row["data"]) == (True, len(SEND), False)
    assert row["data"].endswith("\r\n\r\nxxxxxxx\r\n-------a786$\r\n")
    assert client(viewer("victor")).get(f"{address}?bodies=true").status_code == 403
    rita = client(reader())
    (row,) = rita.get(address).json()["results"]
    assert "private" not in row["data"], "a reader, too, has to ask"
    assert not AuditEntry.objects.exists()
    answer = rita.get(f"{address}?bodies=true")
    (row,) = answer.json()["results"]
    assert (row["masked"], row["data"]) == (False, SEND.decode())
    assert (answer["Cache-Control"], "ETag" in answer) == ("no-store", False)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.who, entry.target) == ("read_body", "rita", str(session.pk))


def test_those_of_a_refused_request_are_at_its_failure():
    failure = make_failure(leg="gateway", layer="refusal")
    make_frame(failure)
    assert len(client(viewer()).get(f"/api/v1/failures/{failure.pk}/frames/").json()["results"]) == 1
    session = make_session()
    make_frame(session)
    assert len(client(viewer("v")).get(f"/api/v1/failures/{make_failure(session).pk}/frames/").json()["results"]) == 1


def test_they_need_the_permission_to_see_frames():
    session = make_session()
    user = make_user("u", "view_gatewaysession")
    assert client(user).get(f"/api/v1/sessions/{session.pk}/frames/").status_code == 403
    assert APIClient().get(f"/api/v1/sessions/{session.pk}/frames/").status_code == 401
