"""The callee's half of a session: RFC 3261 s13.3.1.4, s15."""

from __future__ import annotations

import pytest

from protocols.sip.errors import SipError
from protocols.sip.invite_server import InviteServer, uas_dialog
from protocols.sip.parser import parse_message
from tests.sip.fakes import RecordingFlow, Stack, request


class Answered:
    """An INVITE that was answered 200."""

    def __init__(self, transport: str = "UDP", cseq: int = 1) -> None:
        self.stack = Stack()
        self.flow = RecordingFlow(transport)
        self.stack.receive(request("INVITE", cseq=cseq), self.flow)
        transaction = self.stack.user.requests[0]
        self.given_up: list[InviteServer] = []
        self.dialog = uas_dialog(transaction)
        self.server = InviteServer(
            transaction, self.dialog, self.given_up.append, [("Contact", "<sip:192.0.2.1>")], b"v=0\r\n"
        )
        self.advance = self.stack.advance


@pytest.fixture
def call() -> Answered:
    return Answered()


def ack(cseq: int = 1):
    return parse_message(request("ACK", branch="z9hG4bKack", cseq=cseq, to_tag="x"))


def test_the_2xx_has_the_dialogs_tag_contact_and_body(call):
    (ok,) = call.flow.take()
    assert ok.to.tag == call.dialog.local_tag
    assert ok.contacts[0].uri == "sip:192.0.2.1"
    assert ok.body == b"v=0\r\n"


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
def test_it_is_repeated_from_t1_doubling_to_t2_over_any_transport(transport):
    call = Answered(transport)
    call.flow.take()
    repeats = call.stack.times(40, "200", call.flow)
    assert repeats == pytest.approx([0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5], abs=0.2)


def test_an_ack_ends_the_repeats(call):
    call.advance(2)
    call.flow.take()
    assert call.server.ack(ack())
    call.advance(60)
    assert call.flow.sent == []
    assert call.given_up == []


def test_only_the_first_ack_of_this_invite_counts():
    call = Answered(cseq=7)
    assert not call.server.ack(ack(6))
    assert not call.server.acknowledged
    assert call.server.ack(ack(7))
    assert not call.server.ack(ack(7))


def test_without_an_ack_it_is_given_up_once_after_64_t1(call):
    call.advance(31.9)
    assert call.given_up == []
    call.advance(0.2)
    assert call.given_up == [call.server]
    call.advance(60)
    assert call.given_up == [call.server]
    assert len(call.stack.wheel) == 0


def test_stopped_it_says_nothing_more(call):
    call.server.stop()
    call.flow.take()
    call.advance(60)
    assert call.flow.sent == []
    assert call.given_up == []


class TestBeforeBye:
    """s15: the callee sends no BYE before the ACK, or the end of waiting for it."""

    def test_waits_for_the_ack(self, call):
        done: list[str] = []
        call.server.before_bye(lambda: done.append("bye"))
        call.advance(3)
        assert done == []
        assert len(call.flow.take()) == 3  # the 2xx, and still its repeats
        call.server.ack(ack())
        assert done == ["bye"]
        call.advance(60)
        assert done == ["bye"]

    def test_at_most_64_t1(self, call):
        done: list[str] = []
        call.server.before_bye(lambda: done.append("bye"))
        call.advance(33)
        assert done == ["bye"]
        assert call.given_up == []

    def test_not_at_all_after_it(self, call):
        done: list[str] = []
        call.server.ack()
        call.server.before_bye(lambda: done.append("bye"))
        assert done == ["bye"]


def test_over_needs_no_garbage_collector(no_collector):
    call = Answered()
    call.given_up.append(call.server)
    call.server._on_no_ack = call.given_up.append
    call.server.ack()
    call.advance(33)
    del call
    assert no_collector(InviteServer) == 0


def test_the_tag_is_that_of_provisional_answers():
    stack = Stack()
    stack.receive(request("INVITE"))
    transaction = stack.user.requests[0]
    transaction.respond(180)
    assert uas_dialog(transaction).local_tag == stack.udp.take()[0].to.tag


def test_without_contact_there_is_no_dialog():
    stack = Stack()
    stack.receive(request("INVITE", contact=""))
    with pytest.raises(SipError, match="Missing Contact"):
        uas_dialog(stack.user.requests[0])
