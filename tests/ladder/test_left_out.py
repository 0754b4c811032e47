"""A ladder says where it does not begin with its session, and why; and a refused request has a ladder of its own."""

from __future__ import annotations

import pytest

from sessions_app.ladder.session import MOST, of_session
from sessions_app.trace.frames import LARGEST
from tests.api.test_frames import make_frame
from tests.rows import ago, make_ended, make_event, make_failure, make_session, viewer

pytestmark = pytest.mark.django_db


def notes(session):
    return [step.detail for step in of_session(session).steps if step.label == "cut"]


def test_a_ladder_from_the_beginning_says_nothing():
    session = make_session(created_at=ago(seconds=10))
    make_frame(session, at=ago(seconds=9.9))
    assert notes(session) == []


def test_what_was_cut_at_the_bounds_is_said_first():
    session = make_session(created_at=ago(seconds=60))
    make_frame(session)
    (note,) = notes(session)
    assert "what came before is not on record" in note
    ladder = of_session(session)
    assert ladder.steps[0].label == "cut"
    assert "not on record" in ladder.text()
    assert "not on record" in ladder.svg(alone=True)


def test_more_frames_than_a_ladder_shows_are_said_to_be_left_out():
    session = make_session(created_at=ago(seconds=10))
    for number in range(MOST + 1):
        make_frame(session, at=ago(seconds=9.9 - number / 1000))
    assert notes(session) == [f"older frames are left out: {MOST} are shown at once"]


def test_a_frame_that_was_cut_says_so():
    session = make_session(created_at=ago(seconds=10))
    make_frame(session, data=b"MSRP a786 SEND\r\n".ljust(LARGEST, b"x"))
    assert any("cut at 64 KiB" in step.detail for step in of_session(session).steps)


def test_a_session_whose_frames_were_missed_says_why(client):
    session = make_ended()
    make_event(session, "frames_missing", detail="Too many sessions failed at once: no frames are on record.")
    client.force_login(viewer())
    assert "Too many sessions failed at once" in client.get(f"/sessions/{session.pk}/").content.decode()


def test_a_refused_request_is_drawn_on_its_failures_page(client):
    failure = make_failure(leg="gateway", layer="refusal", code=None, reason=None, detail="415 to MESSAGE")
    frame = make_frame(
        failure, data=b"MESSAGE sip:x SIP/2.0\r\nCSeq: 1 MESSAGE\r\n\r\nprivate", protocol="sip", leg="message"
    )
    client.force_login(viewer())
    page = client.get(f"/failures/{failure.pk}/").content.decode()
    assert "MESSAGE" in page
    assert f'href="/sessions/{failure.pk}/frames/{frame.pk}/"' in page
    shown = client.get(f"/sessions/{failure.pk}/frames/{frame.pk}/").content.decode()
    assert f'href="/failures/{failure.pk}/"' in shown
    assert "private" not in shown
