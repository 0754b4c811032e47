"""The ladder: arrows from frames, arrows from records, as a picture and as text."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import call_command

from sessions_app.cause import Cause, Side
from sessions_app.ladder import svg, text
from sessions_app.ladder.steps import Step, gap, of_frames, of_records, told
from sessions_app.models import TraceFrame
from tests.rows import make_session
from tests.test_pcap import MESSAGE, OK, SEND

START = datetime(2026, 1, 1, 10, 42, tzinfo=UTC)
NAMES = ("sip:alice@example.com", "gateway-1", "sip:bob@example.net")
ANSWER = b"SIP/2.0 480 Temporarily Unavailable\r\nCSeq: 1 MESSAGE\r\n\r\n"


def frame(number: int, data: bytes, **values: Any) -> Any:
    known = {
        "leg": "message",
        "direction": "in",
        "protocol": "sip",
        "transport": "udp",
        "source": "a",
        "destination": "b",
    }
    return SimpleNamespace(pk=number, at=START + timedelta(milliseconds=20 * number), data=data, **{**known, **values})


def event(kind: str, detail: str = "", after: float = 0.0) -> Any:
    return SimpleNamespace(at=START + timedelta(seconds=after), kind=kind, detail=detail)


FRAMES = [
    frame(1, MESSAGE),
    frame(2, MESSAGE),
    frame(3, SEND, leg="msrp", direction="out", protocol="msrp", transport="tcp"),
    frame(4, OK, leg="msrp", protocol="msrp", transport="tcp"),
    frame(5, ANSWER, direction="out"),
]


def test_frames_are_arrows_between_their_columns_and_repeats_are_marked():
    steps = of_frames(FRAMES, [event("invite_sent"), event("live", after=0.05)])
    assert [(step.source, step.target, step.label, step.tone, step.again) for step in steps] == [
        (0, 1, "MESSAGE", "ask", False),
        (0, 1, "MESSAGE", "ask", True),
        (1, 1, "live", "note", False),
        (1, 2, "SEND", "ask", False),
        (2, 1, "200 OK", "fine", False),
        (1, 0, "480 Temporarily Unavailable", "bad", False),
    ]


@pytest.mark.parametrize(
    ("protocol", "data", "found"),
    [
        ("sip", b"SIP/2.0 100 Trying\r\nCSeq: 7 INVITE\r\n\r\n", ("100 Trying", "wait", "of INVITE")),
        ("sip", b"BYE sip:a@b SIP/2.0\r\n\r\n", ("BYE", "ask", "")),
        ("msrp", b"MSRP abcd 408 Late\r\n\r\n-------abcd$\r\n", ("408 Late", "bad", "MSRP")),
        ("msrp", b"MSRP abcd REPORT\r\nStatus: 000 200 OK\r\n-------abcd$\r\n", ("REPORT 200", "fine", "MSRP")),
        ("msrp", b"MSRP abcd REPORT\r\nStatus: 000 413 No\r\n-------abcd$\r\n", ("REPORT 413", "bad", "MSRP")),
        ("sip", b"\xff\xfe", ("\ufffd\ufffd", "ask", "")),
        ("sip", b"SIP/2.0", ("", "bad", "")),
    ],
)
def test_what_a_frame_is_called(protocol, data, found):
    assert told(protocol, data) == found


def test_without_frames_the_records_tell_it():
    message = SimpleNamespace(
        direction="to_msrp", size=5, received_at=START, finished_at=START + timedelta(seconds=1), sip_code=480,
        msrp_code=None, state="failed", cause=Cause(Side.MSRP, "sip", "486 Busy Here", 486),
    )  # fmt: skip
    steps = of_records([message], [event("invite_sent", "udp 192.0.2.7:5070", 0.1)])
    assert [(step.source, step.target, step.label, step.tone) for step in steps] == [
        (0, 1, "MESSAGE", "ask"),
        (1, 1, "invite sent", "note"),
        (1, 0, "480", "bad"),
        (1, 1, "failed", "bad"),
    ]
    assert steps[-1].detail == "msrp side, sip: 486 Busy Here"


def test_the_picture_is_sound_accessible_and_every_frame_is_a_link():
    steps = of_frames(FRAMES, [event("live", "<&>", 0.05)])
    drawn = svg.draw(steps, NAMES, title="Ladder of <a> & b", link=lambda number: f"/frames/{number}/", alone=True)
    root = ET.fromstring(drawn.partition("?>")[2])
    space = "{http://www.w3.org/2000/svg}"
    assert root.find(f"{space}title").text == "Ladder of <a> & b"
    assert root.find(f"{space}desc") is not None
    links = root.findall(f"{space}a")
    assert [link.get("href") for link in links] == [f"/frames/{number}/" for number in range(1, 6)]
    assert "sent again" in links[1].get("aria-label")
    assert links[4].get("class") == "bad"
    assert "✕" in "".join(links[4].itertext())
    assert "✓" in "".join(links[3].itertext())
    inside = svg.draw(steps, NAMES, title="t")
    assert "<style" not in inside
    assert " style=" not in inside


def test_the_text_has_columns():
    drawn = text.draw(of_frames(FRAMES, []), NAMES).split("\n")
    assert "sip:alice@example.com" in drawn[0]
    assert drawn[1].startswith("10:42:00.020")
    assert "MESSAGE" in drawn[1]
    assert drawn[1].count(">|") == 1
    assert "↻" in drawn[2]
    assert "+20 ms" in drawn[2]
    assert "|<" in drawn[5]


def test_gaps():
    assert [gap(each) for each in (0.0, 0.02, 1.5, 120)] == ["", "+20 ms", "+1.5 s", "+2 min"]


def test_a_ladder_without_steps_is_a_picture_too():
    ET.fromstring(svg.draw([], NAMES, title="t"))
    assert Step(START, 0, 1, "x", "ask").frame is None


@pytest.mark.django_db
def test_the_terminal_draws_it_and_writes_the_capture_file(tmp_path, capsys):
    session = make_session()
    TraceFrame.objects.create(
        session=session, at=START, data=MESSAGE, leg="message", direction="in", protocol="sip", transport="udp",
        source="192.0.2.1:5080", destination="192.0.2.9:5060", masked=False,
    )  # fmt: skip
    for command in ("trace", "session"):
        call_command(command, str(session.pk), *(["--ladder"] if command == "session" else []))
        assert "MESSAGE 5 octets" in capsys.readouterr().out
    file = tmp_path / "x.pcap"
    call_command("trace", session.key, pcap=file)
    assert b"Call-ID: a1" in file.read_bytes()
    assert b"hello" not in file.read_bytes()
