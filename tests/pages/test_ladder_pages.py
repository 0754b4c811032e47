"""The ladder on a session's page, a frame by itself, exports; and that a viewer reads no body by any of them."""

from __future__ import annotations

import pytest
from django.utils import timezone

from sessions_app.models import AuditEntry, NodeCommand, TraceFrame
from tests.rows import make_event, make_message, make_session, operator, reader, viewer
from tests.test_pcap import MESSAGE, SEND

pytestmark = pytest.mark.django_db


@pytest.fixture
def session():
    session = make_session()
    make_event(session, "live")
    return session


def make_frame(session, data=MESSAGE, **values):
    known = {
        "at": timezone.now(),
        "leg": "message",
        "direction": "in",
        "protocol": "sip",
        "transport": "udp",
        "source": "192.0.2.1:5080",
        "destination": "192.0.2.9:5060",
        "masked": False,
    }
    return TraceFrame.objects.create(session=session, data=data, **{**known, **values})


def test_without_frames_the_page_says_what_the_ladder_is_drawn_from(client, session):
    make_message(session)
    client.force_login(viewer())
    page = client.get(f"/sessions/{session.pk}/").content.decode()
    assert "drawn from its events and messages" in page
    assert "<svg" in page


def test_a_frame_of_the_ladder_leads_to_its_octets_without_the_body(client, session):
    frame = make_frame(session)
    client.force_login(viewer())
    address = f"/sessions/{session.pk}/frames/{frame.pk}/"
    assert address in client.get(f"/sessions/{session.pk}/").content.decode()
    page = client.get(address).content.decode()
    assert "Call-ID: a1" in page
    assert "hello" not in page
    assert "xxxxx" in page
    assert client.post(address).status_code == 403


def test_reading_the_body_of_a_frame_is_on_the_audit_trail(client, session):
    frame = make_frame(session)
    client.force_login(reader())
    address = f"/sessions/{session.pk}/frames/{frame.pk}/"
    assert "hello" not in client.get(address).content.decode()
    assert "hello" in client.post(address).content.decode()
    assert AuditEntry.objects.get(action="read_body").target == str(session.pk)


def test_exports_have_no_bodies_unless_they_are_asked_for_by_who_may(client, session):
    make_frame(session)
    make_frame(session, SEND, protocol="msrp", transport="tcp", leg="msrp")
    client.force_login(viewer())
    pcap = client.get(f"/sessions/{session.pk}/frames.pcap")
    content = b"".join(pcap.streaming_content)
    assert b"Call-ID: a1" in content
    assert b"hello" not in content
    assert b"hello" not in client.get(f"/sessions/{session.pk}/ladder.svg").content
    assert "MESSAGE" in client.get(f"/sessions/{session.pk}/ladder.txt").content.decode()
    assert client.post(f"/sessions/{session.pk}/frames.pcap").status_code == 403
    client.force_login(reader())
    assert b"hello" in b"".join(client.post(f"/sessions/{session.pk}/frames.pcap").streaming_content)
    assert AuditEntry.objects.filter(action="read_body").count() == 1
    assert AuditEntry.objects.filter(action="export").count() == 3


def test_an_operator_captures_a_live_session(client, session):
    client.force_login(viewer())
    assert client.post(f"/sessions/{session.pk}/capture/").status_code == 403
    client.force_login(operator())
    client.post(f"/sessions/{session.pk}/capture/")
    command = NodeCommand.objects.get()
    assert (command.verb, command.argument, command.by) == ("capture", {"seconds": 60}, "otto")
