"""A restarted gateway: what comes before it can speak itself is known again, or waits behind what is owed."""

from __future__ import annotations

import time

from sessions_app.gateway.recovery import Inheritance
from sessions_app.store.estate import Estate, Ghost, Owed
from tests.gateway.rig import Rig

KEY = "sip:alice@127.0.0.1:5080 sip:bob@127.0.0.1:5090"
PAST = {
    "session": "018f0000-0000-7000-8000-000000000001",
    "key": KEY,
    "initiator": "message",
    "from_uri": "sip:alice@127.0.0.1:5080",
    "to_uri": "sip:bob@127.0.0.1:5090",
    "ruri": "sip:bob@127.0.0.1:5090",
    "content_types": "text/plain",
    "next_hop": "",
    "back_hop": "",
    "route": "",
    "source": "127.0.0.1",
}
DIALOG = {
    "call_id": "before",
    "local_tag": "ours",
    "remote_tag": "theirs",
    "local": "<sip:alice@127.0.0.1:5080>",
    "remote": "<sip:bob@127.0.0.1:5090>",
    "remote_target": "sip:bob@127.0.0.1:5090",
    "local_cseq": 1,
    "remote_cseq": None,
    "route_set": [],
}


def owed(body: str) -> Owed:
    """A MESSAGE that was answered 202."""
    return Owed(
        **PAST,
        id=f"018f0000-0000-7000-8000-{int.from_bytes(body.encode()[:4]):012x}",
        direction="to_msrp",
        call_id=f"call of {body}",
        message_id=f"id-of-{body}",
        content_type="text/plain",
        body=body.encode(),
        subject="",
        imdn_id="",
        notify="",
        received_at=time.time(),
        expires_at=None,
    )


def ghost() -> Ghost:
    """Its session, whose dialog the peer still has."""
    return Ghost(
        **PAST, dialog=DIALOG, state="live", created_at=980.0, to_msrp=0, to_page=0, undelivered=0
    )  # fmt: skip


def bodies(rig: Rig) -> list[bytes]:
    """Of the SENDs that go out, in order."""
    data = rig.connections[-1].take_output(rig.now)
    return [part.split(b"\r\n\r\n")[1].split(b"\r\n-------")[0] for part in data.split(b"MSRP ")[1:] if b"SEND" in part]


def test_a_message_that_comes_first_goes_out_after_what_is_owed() -> None:
    """Senders repeat themselves the moment the socket is there, which is before the gateway can call."""
    rig = Rig()
    inheritance = Inheritance(rig.gateway, Estate(owed=[owed("one"), owed("two")]))
    rig.message("three")
    assert inheritance.go() == 2
    rig.accept(rig.flow.take("INVITE"))
    rig.connect()
    assert bodies(rig) == [b"one", b"two", b"three"]


def test_the_same_where_the_peer_still_has_the_dialog() -> None:
    rig = Rig()
    rig.store.sessions[PAST["session"]] = {}
    inheritance = Inheritance(rig.gateway, Estate(ghosts=[ghost()], owed=[owed("one")]))
    rig.message("two")
    inheritance.go()
    again = rig.flow.take("INVITE")
    assert again.call_id == "before"
    rig.accept(again)
    rig.connect()
    assert bodies(rig) == [b"one", b"two"]


def test_a_repeat_of_what_was_taken_before_gets_its_answer_and_goes_nowhere() -> None:
    rig = Rig()
    rig.message("one")
    rig.accept(rig.flow.take("INVITE"))
    sent = rig.connect().take_output(rig.now)
    message_id = sent.partition(b"Message-ID: ")[2].split(b"\r\n")[0].decode()

    restarted = Rig()
    inheritance = Inheritance(restarted.gateway, Estate(seen=[("to_msrp", KEY, message_id, "delivered", 200)]))
    restarted.message("one")
    assert restarted.flow.take("SIP/2.0 200").cseq.method == "MESSAGE"
    inheritance.go()
    assert [data for data, _ in restarted.flow.sent if data.startswith(b"INVITE")] == []


def test_what_an_inheriting_process_has_under_way_itself_does_not_overtake_what_it_inherits() -> None:
    rig = Rig()
    rig.message("three")
    invite = rig.flow.take("INVITE")
    Inheritance(rig.gateway, Estate(owed=[owed("one"), owed("two")])).go()
    rig.accept(invite)
    rig.connect()
    assert bodies(rig) == [b"one", b"two", b"three"]
