"""The caller's half of a session: RFC 3261 s13.2, s9.1 (RULEBOOK U4)."""

from __future__ import annotations

import pytest

from protocols.sip.dialog import Dialog
from protocols.sip.invite_client import MOST_FORKS, InviteClient
from protocols.sip.locate import Locator
from protocols.sip.transaction_client import Failure
from protocols.sip.user_agent import UserAgent
from tests.sip.fakes import TO_PEER, Recorder, RecordingFlow, Stack, answer, outgoing


class Caller:
    """Notes the one thing it is told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def on_answered(self, invite: InviteClient, dialog: Dialog, response: object) -> None:
        self.told.append(dialog)

    def on_refused(self, invite: InviteClient, response: object) -> None:
        self.told.append(response.status)  # type: ignore[attr-defined]

    def on_unanswered(self, invite: InviteClient, failure: Failure) -> None:
        self.told.append(failure.layer)


class Call:
    """An INVITE that is on its way."""

    def __init__(self, target=TO_PEER, ring: float = 60.0) -> None:
        self.stack = Stack()
        agent = UserAgent(self.stack.layer, Locator(lambda: self.stack.now), Recorder())  # type: ignore[arg-type]
        self.caller = Caller()
        self.invite = agent.invite(outgoing("INVITE"), target, self.caller, ring)
        self.sent = self.stack.udp.take()[0] if target is TO_PEER else None
        self.advance = self.stack.advance

    def answer(self, status: int, **kwargs) -> list[str]:
        """What an answer makes us send."""
        self.stack.receive(answer(self.sent, status, **kwargs))
        return self.stack.udp.starts()

    def is_over(self) -> bool:
        self.advance(70)
        self.stack.udp.take()
        return self.stack.layer.pending == len(self.stack.wheel) == 0


@pytest.fixture
def call() -> Call:
    return Call()


class TestAnswered:
    def test_is_acknowledged_within_the_dialog(self, call):
        call.stack.receive(answer(call.sent, 200, extra="Record-Route: <sip:192.0.2.20;lr>\r\n"))
        (_, to), (ack,) = call.stack.udp.sent[0], call.stack.udp.take()
        assert (ack.method, ack.uri, ack.cseq.number) == ("ACK", "sip:bob@192.0.2.10", 1)
        assert ack.to.tag == "9"
        assert [each.uri for each in ack.routes] == ["sip:192.0.2.20;lr"]
        assert to == ("192.0.2.20", 5060)
        assert ack.via.branch != call.sent.via.branch  # a transaction of its own, s13.2.2.4
        assert call.caller.told == [call.invite.dialog]

    def test_past_a_strict_router_too(self, call):
        call.stack.receive(answer(call.sent, 200, extra="Record-Route: <sip:192.0.2.20>\r\n"))
        (_, to), (ack,) = call.stack.udp.sent[0], call.stack.udp.take()
        assert ack.uri == "sip:192.0.2.20"
        assert to == ("192.0.2.20", 5060)

    def test_every_repeat_gets_the_same_ack(self, call):
        for _ in range(3):
            call.stack.receive(answer(call.sent, 200))
        assert len({data for data, _ in call.stack.udp.sent}) == 1
        assert len(call.stack.udp.sent) == 3
        assert len(call.caller.told) == 1

    def test_ends_the_ringing(self, call):
        call.answer(200)
        call.advance(61)
        assert len(call.caller.told) == 1
        assert call.is_over()

    def test_after_timer_m_a_repeat_is_nobodys(self, call):
        call.answer(200)
        call.advance(33)
        assert call.answer(200) == []

    def test_over_needs_no_garbage_collector(self, call, no_collector):
        call.answer(180)
        call.answer(200)
        call.advance(61)
        call.invite = None
        assert no_collector(InviteClient) == 0


class TestForks:
    """s13.2.2.4: one 2xx makes the session, the others are acknowledged and hung up."""

    def test_the_second_2xx_gets_ack_and_bye(self, call):
        assert call.answer(200, to_tag="a") == ["ACK"]
        call.stack.receive(answer(call.sent, 200, to_tag="b", contact="<sip:fork@192.0.2.10:5070>"))
        ack, bye = call.stack.udp.take()
        assert (ack.to.tag, bye.to.tag) == ("b", "b")
        assert ack.uri == bye.uri == "sip:fork@192.0.2.10:5070"
        assert bye.cseq == (2, "BYE")
        assert len(call.caller.told) == 1
        assert call.invite.dialog.remote_tag == "a"

    def test_its_repeats_get_the_ack_but_no_other_bye(self, call):
        call.answer(200, to_tag="a")
        call.answer(200, to_tag="b")
        assert call.answer(200, to_tag="b") == ["ACK"]

    def test_a_hostile_number_of_them_is_bounded(self, call):
        sent = [call.answer(200, to_tag=f"t{number}") for number in range(MOST_FORKS + 50)]
        assert sum(each.count("BYE") for each in sent) == MOST_FORKS - 1
        assert sent[-1] == []
        assert call.is_over()

    def test_a_late_refusal_is_not_heard(self, call):
        call.answer(200)
        assert call.answer(486) == []
        assert len(call.caller.told) == 1


class TestNotAnswered:
    def test_a_refusal_is_told_once(self, call):
        assert call.answer(486) == ["ACK"]
        assert call.answer(486) == ["ACK"]
        assert call.caller.told == [486]
        assert call.is_over()

    def test_silence_ends_by_timer_b(self, call):
        call.advance(33)
        assert call.caller.told == ["timer"]
        assert call.is_over()

    def test_ringing_for_too_long_is_cancelled(self, call):
        call.answer(180)
        call.advance(60.1)
        assert call.stack.udp.starts() == ["CANCEL"]
        assert call.caller.told == ["timer"]
        assert call.is_over()

    def test_no_connection_is_told_also_within_the_call(self):
        stack = Stack()
        stack.transports.dial = None
        agent = UserAgent(stack.layer, Locator(lambda: stack.now), Recorder())  # type: ignore[arg-type]
        caller = Caller()
        invite = agent.invite(outgoing("INVITE"), TO_PEER._replace(transport="TCP"), caller, 60)
        assert caller.told == ["tcp"]
        invite.cancel()
        assert len(stack.wheel) == 0

    @pytest.mark.parametrize(
        "broken",
        [
            {"contact": "<broken"},
            {"contact": "<tel:+1555>"},
            {"extra": "Record-Route: <nonsense\r\n"},
        ],
    )
    def test_a_2xx_that_cannot_be_read_fails_it_and_raises_nothing(self, call, broken):
        assert call.answer(200, **broken) == []
        assert call.caller.told == ["sip"]
        assert call.answer(200, to_tag="other") == ["ACK", "BYE"]

    def test_a_2xx_without_a_readable_to_neither(self, call):
        data = answer(call.sent, 200).replace(b"To: <sip:bob@example.com>", b"To: <<broken")
        call.stack.receive(data)
        assert call.stack.udp.sent == []
        assert call.caller.told == ["sip"]


class TestCancelled:
    def test_nothing_more_is_heard_of_it(self, call):
        call.answer(180)
        call.invite.cancel()
        call.answer(487)
        call.advance(70)
        assert call.caller.told == []

    def test_a_2xx_that_crossed_it_gets_ack_and_bye(self, call):
        call.answer(180)
        call.invite.cancel()
        assert call.stack.udp.starts() == ["CANCEL"]
        assert call.answer(200) == ["ACK", "BYE"]
        assert call.answer(200) == ["ACK"]
        assert call.caller.told == []
        assert call.is_over()

    def test_before_any_answer_it_waits_for_one(self, call):
        call.invite.cancel()
        assert call.stack.udp.sent == []
        assert call.answer(180) == ["CANCEL"]
        assert call.answer(183) == []

    def test_before_any_answer_a_2xx_gets_ack_and_bye(self, call):
        call.invite.cancel()
        assert call.answer(200) == ["ACK", "BYE"]

    def test_twice_is_once(self, call):
        call.answer(180)
        call.invite.cancel()
        call.invite.cancel()
        assert call.stack.udp.starts() == ["CANCEL"]

    def test_without_a_final_answer_it_is_over_in_64_t1(self, call):
        call.answer(180)
        call.invite.cancel()
        call.advance(20)
        call.answer(180)
        call.advance(12.5)
        assert call.stack.layer.pending == 0

    def test_while_it_waits_for_a_connection_it_never_leaves(self):
        call = Call(TO_PEER._replace(transport="TCP"))
        call.invite.cancel()
        flow = RecordingFlow("TCP")
        call.stack.transports.connected(call.stack.dialled[0], flow)
        assert flow.sent == []
        assert call.is_over()
