"""How much may be under way with a host that does not answer, and with one that does."""

from __future__ import annotations

import pytest

from protocols.quota import FIRST, MOST_REMEMBERED, Quota
from protocols.sip.far_ends import FarEnds
from protocols.sip.flow import Target
from protocols.sip.transaction_client import OutgoingRequest
from tests.sip.fakes import PEER, Outcomes, Stack, request


def ask(stack: Stack, method: str = "INVITE", host: str = "192.0.2.77") -> Outcomes:
    outcomes = Outcomes()
    headers = [("From", "<sip:c@d>;tag=1"), ("To", "<sip:a@b>"), ("Call-ID", "1"), ("CSeq", f"1 {method}")]
    message = OutgoingRequest(method, "sip:a@b", headers)
    stack.layer.request(message, Target("UDP", host, 5060), outcomes.on_response, outcomes.on_failure)
    return outcomes


def answer(stack: Stack, data: bytes, status: int) -> None:
    head = [
        line for line in data.split(b"\r\n") if line.split(b":")[0] in (b"Via", b"From", b"To", b"Call-ID", b"CSeq")
    ]
    stack.receive(b"SIP/2.0 %d X\r\n" % status + b"\r\n".join(head) + b"\r\n\r\n", source=("192.0.2.77", 5060))


@pytest.mark.parametrize("method", ["INVITE", "MESSAGE", "OPTIONS"])
def test_a_host_that_never_answers_gets_a_few_requests_and_what_is_over_fails_at_once(method: str) -> None:
    stack = Stack()
    outcomes = [ask(stack, method) for _ in range(FIRST + 50)]
    assert len(stack.udp.sent) == FIRST
    refused = [each.failures[0] for each in outcomes if each.failures]
    assert len(refused) == 50
    assert {failure.layer for failure in refused} == {"overload"}
    assert ask(stack, method, "192.0.2.78").failures == []  # another host is another matter
    stack.advance(40)
    assert all(len(each.failures) == 1 for each in outcomes)
    assert ask(stack, method).failures == []  # those have given up


def test_what_ends_something_is_sent_in_any_case() -> None:
    stack = Stack()
    for _ in range(FIRST):
        ask(stack)
    assert ask(stack, "BYE").failures == []


@pytest.mark.parametrize("status", [100, 180, 200, 486, 503])
def test_whoever_answers_whatever_may_be_asked_more(status: int) -> None:
    stack = Stack()
    outcomes = [ask(stack) for _ in range(FIRST)]
    answer(stack, stack.udp.sent[0][0], status)
    outcomes += [ask(stack) for _ in range(1000)]
    assert not any(each.failures for each in outcomes)


def test_a_repeated_answer_makes_no_room_for_others() -> None:
    stack = Stack(far_ends=FarEnds(most_unanswered=10))
    first = ask(stack)
    sent = stack.udp.sent[0][0]
    for _ in range(9):
        ask(stack)
    for status in (180, 180, 183, 200, 200):
        answer(stack, sent, status)
    assert first.responses
    assert sum(bool(ask(stack).failures) for _ in range(5)) == 4


def invite(stack: Stack, number: int, source: tuple[str, int] = PEER) -> bytes:
    sent = request("INVITE", branch=f"z9hG4bKinvite{number}", call_id=f"call{number}")
    stack.receive(sent, source=source)
    return sent


@pytest.mark.parametrize("status", [200, 486])
def test_invites_whose_ack_never_comes_are_taken_up_to_a_bound_and_then_answered_once(status: int) -> None:
    stack = Stack()
    stack.user.answer = status
    for number in range(FIRST + 50):
        invite(stack, number)
    codes = [data[8:11] for data, _ in stack.udp.sent]
    assert codes.count(b"503") == 50
    assert len(stack.user.requests) == FIRST
    assert b"\r\nRetry-After: 5\r\n" in stack.udp.sent[-1][0]
    stack.udp.sent.clear()
    stack.advance(33)
    assert not any(data[8:11] == b"503" for data, _ in stack.udp.sent), "what is refused for overload is not repeated"
    invite(stack, 9999)
    assert len(stack.user.requests) == FIRST + 1


def test_whoever_acknowledges_may_have_more_under_way() -> None:
    stack = Stack()
    stack.user.answer = 486
    for number in range(FIRST):
        invite(stack, number)
    stack.receive(request("ACK", branch="z9hG4bKinvite0", call_id="call0"))
    for number in range(FIRST, FIRST + 500):
        invite(stack, number)
    assert len(stack.user.requests) == FIRST + 500


def test_a_request_that_is_refused_for_overload_leaves_nothing_and_its_repeat_is_a_new_one() -> None:
    stack = Stack()
    stack.receive(request("INVITE"))
    [transaction] = stack.user.requests
    transaction.refuse_once(503, retry_after=10)
    assert stack.layer.pending == 0
    stack.advance(64)
    assert [data[8:11] for data, _ in stack.udp.sent] == [b"503"]
    stack.receive(request("INVITE"))
    assert len(stack.user.requests) == 2


def test_names_that_have_shown_themselves_are_remembered_up_to_a_bound() -> None:
    quota = Quota(100, first=1)
    for number in range(MOST_REMEMBERED + 1):
        quota.shows_itself(str(number))
    assert [quota.take("0"), quota.take("0")] == [True, False]
    assert [quota.take("5"), quota.take("5")] == [True, True]
    quota.give("5")
    quota.give("5")
    quota.give("5")
    assert quota.held("5") == 0


@pytest.mark.parametrize("method", ["MESSAGE", "INVITE"])
def test_copies_of_a_request_that_is_refused_for_overload_are_answered_alike(method: str) -> None:
    stack = Stack()
    for number in range(3):
        stack.receive(request(method))
        if number < len(stack.user.requests):
            stack.user.requests[-1].refuse_once(503, retry_after=10)
    [first, *copies] = [data for data, _ in stack.udp.sent if data.startswith(b"SIP/2.0 503")]
    assert copies == [first, first]
    assert len(stack.user.requests) == {"MESSAGE": 1, "INVITE": 3}[method]


def test_who_was_there_before_this_process_is_asked_and_heard_as_one_that_was_heard() -> None:
    ends = FarEnds(most_unanswered=1000, most_unacknowledged=1000)
    asked = sum(ends.ask("192.0.2.1", "INVITE") for _ in range(1000))
    called = sum(ends.may_call("192.0.2.1") for _ in range(1000))
    assert (asked, called) == (256, 256)
    assert not ends.has_room("192.0.2.1")
    ends.has_answered("192.0.2.1")
    assert ends.has_room("192.0.2.1")
    asked += sum(ends.ask("192.0.2.1", "INVITE") for _ in range(1000))
    called += sum(ends.may_call("192.0.2.1") for _ in range(1000))
    assert (asked, called) == (1000, 1000)
