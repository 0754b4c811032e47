"""The ladder of a live session on its page: what a capture brings comes over the page's WebSocket while it happens."""

from __future__ import annotations

import contextlib
import re

import pytest

from tests.wire.served import WebSocket


@pytest.fixture
def gateway(served_gateway):
    return served_gateway


def labels(html):
    """What stands on the arrows and in the notes of a drawing."""
    return [found.strip(" ✓✕…") for found in re.findall(r'class="said"[^>]*>([^<]+)', html)]


def test_the_page_draws_frames_while_the_conversation_goes_on(gateway, visitor, alice, bob, live):
    session = str(gateway.session_row(live.invite.call_id, state="live")["id"])
    page = visitor.get(f"/sessions/{session}/")
    assert f'ws-connect="/ws/sessions/{session}/"' in page
    assert "No frames of this session are on record" in page
    with contextlib.closing(visitor.socket(f"/ws/sessions/{session}/")) as ladder:
        assert ladder.status == 101
        visitor.post(f"/sessions/{session}/capture/")
        gateway.wait_for_rows(
            "SELECT 1 FROM sessions_app_nodecommand WHERE session_id = %s AND result = 'captured for 60 s'", session
        )
        sent = alice.message(bob.uri, "a private word")
        live.take_message()
        assert alice.final_answer_to(sent).status == 200
        html = ladder.take(
            lambda each: {"MESSAGE", "SEND", "200 OK"} <= set(labels(each)), 10, "ladder with the message's frames"
        )
        assert html.lstrip().startswith('<div id="ladder-now" hx-swap-oob="true">')
        assert re.search(rf'href="/sessions/{session}/frames/\d+/"', html)
        assert live.bye().status == 200
        last = ladder.take(lambda each: {"BYE", "ended"} <= {each.split(":")[0] for each in labels(each)}, 10, "BYE")
        assert "a private word" not in html + last


def test_the_ladder_is_not_shown_to_a_stranger(gateway, live):
    session = str(gateway.session_row(live.invite.call_id, state="live")["id"])
    assert WebSocket(gateway, f"/ws/sessions/{session}/").status == 403
    assert WebSocket(gateway, "/ws/events/").status == 403
