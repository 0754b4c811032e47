"""What the gateway says of its own accord: once for a failure, to nobody about a notice, a notification or a machine.

RFC 5438 s7.2.1, RFC 3428 s8, RULEBOOK U2, I2. The machine of these tests takes every MESSAGE and sends a new one.
"""

from __future__ import annotations

from typing import Any

import pytest

from protocols.payload import cpim, imdn
from sessions_app.gateway import notices
from sessions_app.gateway.notices import BURST, LATER
from sessions_app.gateway.routing import RouteRequest, msg_to_msrp, msrp_gw_answer
from sessions_app.gateway.session import Session
from tests.gateway.rig import PAGE, Rig


class Telling(Rig):
    """Its route tells senders of failed set-ups, and carries notifications."""

    def __init__(self, *, notify_failure: bool = True, **config: Any) -> None:
        super().__init__(**config)
        self.notify_failure = notify_failure
        self.gateway.route = self.telling_route

    def telling_route(self, request: RouteRequest) -> None:
        if request.method == "MESSAGE":
            msg_to_msrp(request, request.pair, "text/plain", notify_failure=self.notify_failure)
        else:
            msrp_gw_answer(request, request.pair, "text/plain")

    def send(self, content_type: str, body: str, *headers: str) -> None:
        self._branch += 1
        extra = "".join(f"{header}\r\n" for header in headers)
        self.receive(
            "MESSAGE sip:bob@127.0.0.1:5090 SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bKn{self._branch};rport\r\nMax-Forwards: 70\r\n"
            "From: <sip:alice@127.0.0.1:5080>;tag=1\r\nTo: <sip:bob@127.0.0.1:5090>\r\n"
            f"Call-ID: n{self._branch}\r\nCSeq: 1 MESSAGE\r\n{extra}Content-Type: {content_type}\r\n\r\n{body}",
            PAGE,
        )

    def refuse(self) -> bool:
        """The chat side refuses the INVITE that came, if one did."""
        if not any(data.startswith(b"INVITE") for data, _ in self.flow.sent):
            return False
        self.answer(self.flow.take("INVITE"), 486, "Busy Here")
        return True

    def notices(self) -> list[Any]:
        """MESSAGEs to alice once all is committed, which she takes."""
        self.store.commit()
        found = []
        while any(data.startswith(b"MESSAGE") for data, _ in self.flow.sent):
            found.append(self.flow.take("MESSAGE"))
            self.answer(found[-1], 200, source=PAGE)
        return found


def run_with_a_machine(rig: Telling, seconds: float) -> int:
    """How many notices a machine at alice's gets in this time from one MESSAGE of hers, while bob is busy."""
    told = 0
    rig.message("what started it")
    for _ in range(int(seconds * 20)):
        rig.refuse()
        for _ in rig.notices():
            told += 1
            rig.message("I am away and will read your message later")
        rig.advance(0.05, step=0.05)
        rig.store.commit()
    return told


def test_a_machine_that_answers_each_notice_is_told_once() -> None:
    assert run_with_a_machine(Telling(), 60) == 1


def test_nor_does_it_keep_us_busy_where_its_messages_had_been_promised() -> None:
    """bob rings for eleven seconds: each MESSAGE is answered 202 before it fails, and its failure must be told."""
    rig = Telling(notify_failure=False)
    told = 0
    rig.message("what started it")
    ringing: list[tuple[float, Any]] = []
    for _ in range(int(300 / 0.25)):
        while any(data.startswith(b"INVITE") for data, _ in rig.flow.sent):
            ringing.append((rig.now + 11, rig.flow.take("INVITE")))
            rig.answer(ringing[-1][1], 180, "Ringing")
        while ringing and ringing[0][0] <= rig.now:
            rig.answer(ringing.pop(0)[1], 486, "Busy Here")
        for _ in rig.notices():
            told += 1
            rig.message("I am away and will read your message later")
        rig.advance(0.25)
        rig.store.commit()
    assert told == 4  # after 10, 20, 80 and 210 s, and then ever less often


def three_promised(rig: Telling) -> Any:
    """Three messages of alice's are answered 202, as bob rings; his INVITE."""
    for body in ("one", "two", "three"):
        rig.message(body)
    invite = rig.flow.take("INVITE")
    rig.answer(invite, 180, "Ringing")
    rig.advance(11)
    rig.store.commit()
    return invite


@pytest.mark.parametrize("notify_failure", [False, True])
def test_messages_that_were_promised_and_wait_for_one_set_up_are_told_of_by_one_notice(notify_failure: bool) -> None:
    rig = Telling(notify_failure=notify_failure)
    invite = three_promised(rig)
    rig.answer(invite, 486, "Busy Here")
    [notice] = rig.notices()
    assert notice.body == b"Your message to sip:bob@127.0.0.1:5090 was not delivered: 486 Busy Here (3 messages)"
    assert (notice.first("auto-submitted"), notice.first("in-reply-to")) == ("auto-generated", "c1")
    rig.advance(120)
    assert rig.notices() == []


def test_a_set_up_that_fails_before_anything_was_promised_is_told_of_once_where_the_route_says_so() -> None:
    for wanted in (True, False):
        rig = Telling(notify_failure=wanted)
        rig.message("one")
        rig.message("two")
        rig.refuse()
        assert len(rig.notices()) == wanted


@pytest.mark.parametrize("value", ["auto-replied", "auto-generated", "Auto-Replied; owner=x"])
def test_what_says_that_it_is_automatic_is_never_told_of(value: str) -> None:
    rig = Telling()
    rig.send("text/plain", "away", f"Auto-Submitted: {value}")
    rig.advance(11)
    rig.store.commit()
    rig.refuse()
    rig.advance(120)
    assert rig.notices() == []
    assert [failure["code"] for failure in rig.store.failures] == [486]


def test_what_says_that_it_is_not_automatic_is() -> None:
    rig = Telling()
    rig.send("text/plain", "here", "Auto-Submitted: no")
    rig.refuse()
    assert len(rig.notices()) == 1


def test_notices_to_one_recipient_have_a_budget_and_what_is_over_it_is_told_in_a_sentence() -> None:
    """Each of these fails by itself, and none may be lost: all had been answered 202."""
    rig = Telling(notify_failure=False)
    connection, _ = rig.live()
    for number in range(25):
        rig.message(f"number {number}")
    sent = connection.take_output(rig.now)
    rig.advance(11)
    rig.store.commit()
    for chunk in sent.split(b"MSRP ")[1:]:
        tid, to, own = (line.split(b" ")[index] for line, index in zip(chunk.split(b"\r\n"), (0, 1, 1), strict=False))
        refusal = b"MSRP %s 403 Forbidden\r\nTo-Path: %s\r\nFrom-Path: %s\r\n-------%s$\r\n" % (tid, own, to, tid)
        rig.gateway.msrp_side.handle(connection.receive(refusal, rig.now))
    assert len(rig.notices()) == BURST
    rig.advance(LATER + 0.25)
    [last] = rig.notices()
    assert last.body == b"15 more messages to sip:bob@127.0.0.1:5090 were not delivered."
    assert sum("failed" in outcome for outcome in rig.store.outcomes) == 25


def exhaust(rig: Telling) -> Session:
    """Use up what may be told to alice about bob, in the one session there is; that session."""
    [session] = rig.gateway.sessions.values()
    while rig.gateway.notices.may_tell(session, promised=0):
        pass
    return session


def test_a_notice_that_is_withheld_counts_all_messages_that_it_would_have_been_about() -> None:
    rig = Telling(notify_failure=False)
    invite = three_promised(rig)
    exhaust(rig)
    rig.answer(invite, 486, "Busy Here")
    assert rig.notices() == []
    rig.advance(LATER + 1)
    [notice] = rig.notices()
    assert notice.body == b"3 more messages to sip:bob@127.0.0.1:5090 were not delivered."


def test_what_was_withheld_is_told_before_it_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "MOST", 1)
    rig = Telling(notify_failure=False)
    gateway = rig.gateway
    rig.message("one")
    first = exhaust(rig)
    assert not gateway.notices.may_tell(first)
    rig.store.commit()
    assert rig.notices() == []
    rig.message("to another", to="carol")
    second = next(session for session in gateway.sessions.values() if session is not first)
    assert gateway.notices.may_tell(second)
    [notice] = rig.notices()
    assert notice.body == b"1 more message to sip:bob@127.0.0.1:5090 was not delivered."


IMDN = imdn.build(imdn.Imdn("m1", "2026-11-28T12:00:00Z", "delivery", "delivered", "sip:alice@127.0.0.1:5080"))


def test_nobody_is_told_what_became_of_a_notification_wrapped_or_bare() -> None:
    wrapped = cpim.wrap(
        IMDN, imdn.CONTENT_TYPE, from_uri="sip:a@h", to_uri="sip:b@h", at=0.0, disposition="notification"
    )
    for content_type, body in ((imdn.CONTENT_TYPE, IMDN), (cpim.CONTENT_TYPE, wrapped)):
        rig = Telling()
        rig.send(content_type, body.decode())
        invite = rig.flow.take("INVITE")
        rig.answer(invite, 180, "Ringing")
        rig.advance(11)
        rig.store.commit()
        assert [data[8:11] for data, _ in rig.flow.sent if data.startswith(b"SIP/2.0 2")] == [b"202"]
        rig.answer(invite, 486, "Busy Here")
        rig.advance(LATER + 60)
        assert rig.notices() == []
        assert [outcome.split("\t")[1] for outcome in rig.store.outcomes] == ["failed"]


def test_a_bare_notification_settles_the_message_that_it_is_about() -> None:
    rig = Telling()
    rig.send(imdn.CONTENT_TYPE, IMDN.decode())
    [news] = rig.store.news
    assert (news.imdn_id, news.direction, news.state, news.text) == ("m1", "to_page", "delivered", "IMDN delivered")


@pytest.mark.parametrize(
    ("takes", "as_it_is"),
    [("text/plain message/imdn+xml", True), ("message/cpim text/plain message/imdn+xml", False), ("*", True)],
)
def test_a_bare_notification_goes_on_in_a_form_that_the_peer_takes(takes: str, as_it_is: bool) -> None:
    rig = Telling()
    rig.send(imdn.CONTENT_TYPE, IMDN.decode())
    invite = rig.flow.take("INVITE")
    path = "msrp://127.0.0.1:2900/abcdefghij;tcp"
    sdp = (
        "v=0\r\no=x 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=message 2900 TCP/MSRP *\r\n"
        f"a=accept-types:{takes}\r\na=path:{path}\r\na=setup:passive\r\n"
    )
    extra = "Contact: <sip:bob@127.0.0.1:5090>\r\nContent-Type: application/sdp\r\n"
    rig.answer(invite, 200, extra=extra, body=sdp)
    connection = rig.connect()
    sent = connection.take_output(rig.now)
    assert IMDN in sent
    assert (b"Content-Type: message/imdn+xml\r\n\r\n" + IMDN in sent) is as_it_is
    assert (b"Content-Disposition: notification" in sent) is not as_it_is
    rig.answer_sends(connection, sent)
    assert any(data.startswith(b"SIP/2.0 200") for data, _ in rig.flow.sent)


def test_a_peer_that_takes_no_notifications_is_415_and_its_sender_hears_no_more_of_it() -> None:
    rig = Telling()
    rig.send(imdn.CONTENT_TYPE, IMDN.decode())
    invite = rig.flow.take("INVITE")
    sdp = (
        "v=0\r\no=x 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=message 2900 TCP/MSRP *\r\n"
        "a=accept-types:text/plain\r\na=path:msrp://127.0.0.1:2900/abcdefghij;tcp\r\na=setup:passive\r\n"
    )
    extra = "Contact: <sip:bob@127.0.0.1:5090>\r\nContent-Type: application/sdp\r\n"
    rig.answer(invite, 200, extra=extra, body=sdp)
    rig.connect()
    assert [data[8:11] for data, _ in rig.flow.sent if b"MESSAGE" in data and data.startswith(b"SIP")] == [b"415"]
    assert rig.notices() == []
