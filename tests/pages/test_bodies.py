"""What somebody has written reaches whoever may read bodies, and nobody else, by any way that there is.

Everything is kept here: the body of the message, and the frames with theirs. What a running gateway tells and logs is
looked through in tests/wire/test_privacy.py.
"""

from __future__ import annotations

import base64
import logging
from io import StringIO

import pytest
from django.core.management import call_command
from django.urls import reverse

from sessions_app.models import AuditEntry, MessageRecord
from sessions_app.pages import ladder
from tests.api.test_frames import make_frame
from tests.pages import test_admin_permissions as admin_table
from tests.pages.test_permissions import TABLE, ids  # noqa: F401 - a fixture
from tests.pages.who import WHO
from tests.rows import reader

pytestmark = pytest.mark.django_db
MARKER = b"Tr0ub4dor-and-3"
FORMS = [
    MARKER,
    MARKER.hex().encode(),
    base64.b64encode(MARKER),
    base64.b64encode(b"x" + MARKER)[4:-4],
    base64.b64encode(b"xx" + MARKER)[4:-4],
]
MESSAGE = (
    b"MESSAGE sip:bob@example.net SIP/2.0\r\nCall-ID: c\r\nCSeq: 1 MESSAGE\r\nContent-Type: text/plain\r\n\r\n" + MARKER
)
SEND = (
    b"MSRP a786 SEND\r\nTo-Path: msrp://x:1/y;tcp\r\nContent-Type: text/plain\r\n\r\n"
    + MARKER
    + b"\r\n-------a786$\r\n"
)


@pytest.fixture
def kept(ids, monkeypatch):  # noqa: F811
    """A message with its body, and its frames with theirs."""
    session = MessageRecord.objects.get().session
    MessageRecord.objects.update(body=MARKER, size=len(MARKER))
    session.frames.all().delete()
    frames = [
        make_frame(session, data=MESSAGE, protocol="sip", leg="message", direction="in", transport="udp"),
        make_frame(session, data=SEND),
    ]
    refused = make_frame(type(session)(pk=ids["failure"]), data=MESSAGE, protocol="sip", leg="message")
    return {**ids, "frame": str(frames[0].pk), "send": str(frames[1].pk), "refused": str(refused.pk)}


def found(content: bytes) -> bool:
    return any(form in content for form in FORMS)


def content_of(answer) -> bytes:
    return answer.content if not answer.streaming else b"".join(answer.streaming_content)


@pytest.mark.parametrize("who", ["viewer", "operator", "administrator"])
def test_no_role_finds_it_at_any_address(client, kept, who, caplog):
    client.force_login(WHO[who]())
    addresses = [address for method, address, _, _ in TABLE if method == "get" and "/events/" not in address]
    addresses += ["/sessions/{session}/frames/{send}/", "/sessions/{failure}/frames/{refused}/"]
    addresses += [f"/{name}/?q={MARKER.decode()}" for name in ("sessions", "messages", "failures/setups")]
    addresses += [f"/api/v1/{name}/?q={MARKER.decode()}" for name in ("sessions", "messages", "failures")]
    with caplog.at_level(logging.DEBUG):
        for address in addresses:
            content = content_of(client.get(address.format(**kept)))
            if MARKER.decode() in address:  # the page has what was asked for in its box, and no row
                rows = content.replace(MARKER, b"", 4)
                assert not found(rows), address
            else:
                assert not found(content), address
        for method, address, data, _ in TABLE:
            if method == "post" and not address.startswith("/logout"):
                assert not found(content_of(client.post(address.format(**kept), data))), address
    assert not found(caplog.text.encode())


@pytest.mark.parametrize("who", ["viewer", "operator", "administrator"])
def test_no_role_finds_it_in_the_admin(client, kept, who):
    client.force_login(WHO[who]())
    for label in admin_table.MODELS:
        app, model = label.split(".")
        if app != "sessions_app":
            continue
        listed = reverse(f"admin:{app}_{model}_changelist")
        assert not found(content_of(client.get(listed)))
        if model in ("messagerecord", "gatewaysession", "setupfailure"):
            searched = content_of(client.get(f"{listed}?q={MARKER.decode()}"))
            assert not any(kept[name].encode() in searched for name in ("message", "session", "failure")), label
        for name in ("messagerecord", "gatewaysession"):
            pk = kept["message" if name == "messagerecord" else "session"]
            for page in ("change", "history"):
                address = reverse(f"admin:sessions_app_{name}_{page}", args=[pk])
                assert not found(content_of(client.get(address))), address
    query = "app_label=sessions_app&model_name=messagerecord&field_name=session"
    assert not found(content_of(client.get(f"/admin/autocomplete/?{query}&term={MARKER.decode()[:6]}")))


def test_no_drawing_event_or_command_has_it(kept, tmp_path):
    message = MessageRecord.objects.get()
    drawn = ladder.context(message.session)
    assert not found(drawn["drawing"].encode())
    file = tmp_path / "frames.pcap"
    for command in (
        ["sessions", "--json"],
        ["session", kept["session"], "--json"],
        ["session", kept["session"], "--ladder"],
        ["session", kept["session"], "--ladder", "--json"],
        ["failures", "--each", "--json"],
        ["trace", kept["session"]],
        ["trace", kept["session"], "--json"],
        ["trace", kept["session"], "--pcap", str(file)],
    ):
        out = StringIO()
        call_command(*command, stdout=out, stderr=out)
        assert not found(out.getvalue().encode()), command
    assert not found(file.read_bytes())


READINGS = [
    ("post", "/messages/{message}/body/", "{message}"),
    ("post", "/sessions/{session}/frames/{frame}/", "{session}"),
    ("post", "/sessions/{session}/frames/{send}/", "{session}"),
    ("post", "/sessions/{failure}/frames/{refused}/", "{failure}"),
    ("post", "/sessions/{session}/frames.pcap", "{session}"),
    ("get", "/api/v1/messages/{message}/body/", "{message}"),
    ("get", "/api/v1/sessions/{session}/frames/?bodies=true", "{session}"),
]


@pytest.mark.parametrize(("method", "address", "target"), READINGS, ids=lambda value: value)
def test_a_body_reader_reads_it_and_each_reading_is_on_the_audit_trail(client, kept, method, address, target):
    client.force_login(reader())
    answer = getattr(client, method)(address.format(**kept))
    assert found(content_of(answer))
    assert "no-store" in answer["Cache-Control"]
    entry = AuditEntry.objects.get(action="read_body")
    assert (entry.who, entry.target, entry.address) == ("rita", target.format(**kept), "127.0.0.1")


def test_a_body_reader_does_not_come_upon_it_by_chance(client, kept):
    client.force_login(reader())
    asked = {address.partition("?")[0] for method, address, _ in READINGS if method == "get"}
    for method, address, _, _ in TABLE:
        reads = address.partition("?")[0] in asked or "bodies=true" in address
        if method == "get" and "/events/" not in address and not reads:
            assert not found(content_of(client.get(address.format(**kept)))), address
    assert not AuditEntry.objects.filter(action="read_body").exists()


def test_a_body_that_is_gone_is_said_to_be_gone(client, kept):
    MessageRecord.objects.update(body=None)
    client.force_login(reader())
    assert "Not kept" in client.post(f"/messages/{kept['message']}/body/").content.decode()
    assert not AuditEntry.objects.filter(action="read_body").exists()
