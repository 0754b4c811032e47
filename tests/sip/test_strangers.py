"""Those who are no peers: refused without state, without amplification, and unheard in the affairs of others."""

from __future__ import annotations

import pytest

from protocols.sip.dialog import Dialog
from protocols.sip.far_ends import FarEnds
from protocols.sip.flow import Target
from protocols.sip.locate import Locator
from protocols.sip.parser import parse_message
from protocols.sip.strangers import LIMITS, Strangers, is_head
from protocols.sip.transaction_client import OutgoingRequest
from protocols.sip.user_agent import UserAgent
from tests.sip.fakes import Outcomes, RecordingFlow, Stack, request

PEER = ("192.0.2.10", 5060)
STRANGER = ("203.0.113.66", 40_000)
CALLED = ("198.51.100.7", 5060)
"""No peer, but we have called it."""
METHODS = ["MESSAGE", "INVITE", "OPTIONS", "BYE", "REGISTER", "CANCEL", "NOVEL"]


@pytest.fixture
def stack() -> Stack:
    return Stack(far_ends=FarEnds(lambda host: host == PEER[0]))


def padded(method: str, **parts: str) -> bytes:
    """A request with room for an answer of the same size."""
    return request(method, **parts).replace(b"\r\n\r\n", b"\r\nSubject: " + b"x" * 120 + b"\r\n\r\n")


@pytest.mark.parametrize("method", METHODS)
def test_a_request_is_refused_and_nothing_is_kept_of_it(stack: Stack, method: str) -> None:
    stack.receive(padded(method), source=STRANGER)
    [answer] = stack.udp.take()
    assert answer.status == 403
    assert stack.user.requests == []
    assert stack.layer.pending == 0
    assert len(stack.layer._finished) == len(stack.layer._seen) == 0
    assert stack.wheel.next_deadline() is None


@pytest.mark.parametrize("method", METHODS)
def test_for_each_octet_at_most_one_comes_back_however_long_one_waits(stack: Stack, method: str) -> None:
    sent = padded(method)
    stack.receive(sent, source=STRANGER)
    stack.advance(64)
    assert sum(len(data) for data, _ in stack.udp.sent) <= len(sent)


@pytest.mark.parametrize(
    "via", [b"v: SIP/2.0/UDP a\r\n", b"v: SIP/2.0/UDP a;rport\r\n", b"v:SIP/2.0/UDP a,SIP/2.0/UDP b\r\n"]
)
def test_a_request_too_short_for_its_answer_gets_none(stack: Stack, via: bytes) -> None:
    for rest in (b"", b"f:<sip:a@b>\r\n", b"f:<sip:a@b>\r\nt:<sip:a@b>\r\ni:1\r\nCSeq:1 X\r\n"):
        sent = b"X sip:a SIP/2.0\r\n" + via + rest + b"\r\n"
        stack.receive(sent, source=STRANGER)
        assert sum(len(data) for data, _ in stack.udp.sent) <= len(sent)
        stack.udp.sent.clear()


def test_an_answer_that_would_be_a_little_longer_is_written_shorter(stack: Stack) -> None:
    sent = request("OPTIONS")
    stack.receive(sent, source=STRANGER)
    [(answer, _)] = stack.udp.sent
    assert answer.startswith(b"SIP/2.0 403 \r\nv:SIP/2.0/UDP ")
    assert len(answer) <= len(sent)
    [read] = stack.udp.take()
    assert (read.status, read.call_id) == (403, parse_message(sent).call_id)


def test_the_same_request_gets_the_same_answer_and_another_one_another(stack: Stack) -> None:
    for each in (padded("MESSAGE"), padded("MESSAGE"), padded("MESSAGE", branch="z9hG4bK2")):
        stack.receive(each, source=STRANGER)
    first, again, other = (data for data, _ in stack.udp.sent)
    assert first == again
    assert first.partition(b"To: ")[2] != other.partition(b"To: ")[2]


def test_it_goes_back_to_where_the_request_came_from(stack: Stack) -> None:
    stack.receive(padded("OPTIONS", sent_by="192.0.2.99:53"), source=STRANGER)
    stack.receive(padded("OPTIONS", sent_by="192.0.2.99:5099", rport=False), source=STRANGER)
    assert [to for _, to in stack.udp.sent] == [STRANGER, (STRANGER[0], 5099)]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n",
        b"\0" * 100,
        b"INVITE",
        b"INVITE sip:a@b SIP/2.0\r\n\r\n",
        b"INVITE sip:a@b SIP/2.0\r\nVia: nonsense\r\n\r\n",
        b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\r\nCSeq: 1 INVITE\r\n\r\n",
        b'INVITE sip:a@b SIP/2.0\r\nSubject: \0"' + b'\\"' * 30_000 + b"\r\n\r\n",
        request("ACK"),
    ],
)
def test_what_cannot_be_answered_or_must_not_is_dropped(stack: Stack, data: bytes) -> None:
    stack.receive(data, source=STRANGER)
    assert stack.udp.sent == []
    assert stack.layer.strangers.unanswered == 1


def test_where_the_operator_wants_silence_there_is_silence() -> None:
    stack = Stack(far_ends=FarEnds(lambda host: False), strangers=Strangers(silent=True))
    for method in METHODS:
        stack.receive(padded(method), source=STRANGER)
    assert stack.udp.sent == []
    assert stack.layer.strangers.unanswered == len(METHODS)


def test_on_a_connection_the_answer_may_be_longer_as_nobody_else_gets_it(stack: Stack) -> None:
    flow = RecordingFlow("TCP")
    stack.receive(b"X sip:a SIP/2.0\r\nv: SIP/2.0/TCP a\r\n\r\n", flow, STRANGER)
    assert flow.sent[0][0].startswith(b"SIP/2.0 403 Forbidden\r\n")


def test_a_head_is_enough_and_so_is_too_much() -> None:
    head = padded("MESSAGE").partition(b"\r\n\r\n")[0]
    assert not is_head(head)
    assert not is_head(b"\r\n\r\n\r\n" + head + b"\r\n")
    assert is_head(b"\r\n\r\n" + head + b"\r\n\r\n")
    assert is_head(b"x" * (LIMITS.max_head + 1))


# ------------------------------------------------------------------------------ in the affairs of others


def ask(stack: Stack, to: tuple[str, int]) -> Outcomes:
    """A MESSAGE of ours that waits for its answer."""
    outcomes = Outcomes()
    message = OutgoingRequest(
        "MESSAGE",
        "sip:a@b",
        [("From", "<sip:c@d>;tag=1"), ("To", "<sip:a@b>"), ("Call-ID", "1"), ("CSeq", "1 MESSAGE")],
    )
    stack.layer.request(message, Target("UDP", *to), outcomes.on_response, outcomes.on_failure)
    return outcomes


def answer_to(stack: Stack, status: int = 200) -> bytes:
    [ours] = stack.udp.take()
    head = "".join(f"{name}: {ours.headers[name.lower()][0]}\r\n" for name in ("Via", "From", "To", "Call-ID", "CSeq"))
    return f"SIP/2.0 {status} OK\r\n{head}\r\n".encode()


def test_an_answer_counts_from_its_target_and_from_a_peer_and_from_nobody_else(stack: Stack) -> None:
    for sender, counts in ((STRANGER, False), (("203.0.113.66", 5060), False), (CALLED, True), (PEER, True)):
        outcomes = ask(stack, CALLED)
        stack.receive(answer_to(stack), source=sender)
        assert outcomes.responses == ([200] if counts else [])


def test_somebody_whom_we_have_called_is_not_heard_in_another_matter(stack: Stack) -> None:
    ours = ask(stack, PEER)
    to_peer = answer_to(stack)
    ask(stack, CALLED)
    stack.udp.sent.clear()
    stack.receive(to_peer, source=CALLED)
    stack.receive(padded("MESSAGE"), source=CALLED)
    assert ours.responses == []
    assert [answer.status for answer in stack.udp.take()] == [403]
    assert stack.user.requests == []


def test_when_the_matter_is_over_it_is_a_stranger_again(stack: Stack) -> None:
    ask(stack, CALLED)
    stack.receive(answer_to(stack), source=CALLED)
    assert stack.layer.far_ends.called == {}


class Usage:
    """A dialog with somebody whom we had called."""

    def __init__(self, dialog) -> None:
        self.dialog = dialog
        self.heard: list[str] = []

    def on_bye(self, transaction) -> None:
        self.heard.append("BYE")

    def on_ack(self, request) -> None:
        self.heard.append("ACK")


def test_requests_within_a_dialog_are_taken_from_its_other_end_and_from_peers_only(stack: Stack) -> None:
    agent = UserAgent(stack.layer, Locator(lambda: stack.now), application=None)  # type: ignore[arg-type]
    dialog = Dialog("call", "<sip:us@d>", "ours", "<sip:a@b>", "theirs", "sip:a@198.51.100.7", 1, far_end=CALLED[0])
    usage = Usage(dialog)
    agent.add_dialog(usage)  # type: ignore[arg-type]

    def bye(number: int) -> bytes:
        return (
            f"BYE sip:us@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKb{number};rport\r\nMax-Forwards: 70\r\n"
            f"From: <sip:a@b>;tag=theirs\r\nTo: <sip:us@d>;tag=ours\r\nCall-ID: call\r\nCSeq: {number} BYE\r\n"
            f"Subject: {'x' * 80}\r\n\r\n"
        ).encode()

    for number, (source, status) in enumerate(((STRANGER, 403), (CALLED, 200), (PEER, 200)), 1):
        stack.receive(bye(number), source=source)
        assert [answer.status for answer in stack.udp.take()] == [status]
    assert usage.heard == ["BYE", "BYE"]
    agent.remove_dialog(usage)  # type: ignore[arg-type]
    assert stack.layer.far_ends.called == {}
    stack.receive(bye(9), source=CALLED)
    assert [answer.status for answer in stack.udp.take()] == [403]
