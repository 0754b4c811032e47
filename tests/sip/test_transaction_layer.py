"""The transaction layer: what belongs together, what is refused, what is dropped, and that nothing brings it down."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.sip.matching import transaction_key
from protocols.sip.parser import parse_message
from tests.sip.fakes import TO_PEER, Outcomes, RecordingFlow, Stack, answer, outgoing, request


@pytest.fixture
def stack() -> Stack:
    return Stack()


def key(**kwargs) -> str:
    return transaction_key(parse_message(request(**kwargs)))  # type: ignore[arg-type]


class TestMatching:
    """s17.2.3."""

    @pytest.mark.parametrize(
        "other",
        [
            {"branch": "z9hG4bK2"},
            {"method": "OPTIONS"},
            {"sent_by": "192.0.2.10:5061"},
            {"sent_by": "192.0.2.11:5060"},
        ],
    )
    def test_branch_sent_by_and_method_tell_transactions_apart(self, other):
        assert key(**other) != key()

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ({"sent_by": "Example.COM"}, {"sent_by": "example.com:5060"}),
            ({"uri": "sip:a@x.example"}, {"uri": "sip:b@x.example"}),
            ({"cseq": 1}, {"cseq": 2}),
            ({"method": "INVITE"}, {"method": "ACK"}),
            ({"rport": True}, {"rport": False}),
        ],
    )
    def test_and_nothing_else_does(self, one, other):
        assert key(**one) == key(**other)

    @pytest.mark.parametrize("branch", [None, "1", "z9hG4bK"])
    @pytest.mark.parametrize(
        ("other", "same"),
        [
            ({"cseq": 2}, False),
            ({"call_id": "c2"}, False),
            ({"tag": "2"}, False),
            ({"uri": "sip:c@192.0.2.1"}, False),
            ({"sent_by": "192.0.2.11:5060"}, False),
            ({"method": "OPTIONS"}, False),
            ({"rport": False}, True),
            ({"body": "x"}, True),
        ],
    )
    def test_without_the_magic_cookie_as_rfc_2543_did(self, branch, other, same):
        assert (key(branch=branch) == key(**{"branch": branch} | other)) is same

    def test_an_rfc_2543_peers_ack_finds_its_invite(self, stack):
        stack.receive(request("INVITE", branch=None))
        stack.user.requests[0].respond(486)
        stack.receive(request("ACK", branch=None, to_tag=stack.user.requests[0].to_tag))
        stack.advance(5.1)
        assert stack.layer.pending == 0


class TestMerged:
    """s8.2.2.2, RULEBOOK M13."""

    def test_a_copy_by_another_way_is_482(self, stack):
        stack.user.answer = 200
        stack.receive(request(branch="z9hG4bKa"))
        stack.receive(request(branch="z9hG4bKb"))
        assert stack.udp.starts() == ["200", "482"]
        assert len(stack.user.requests) == 1

    def test_also_over_tcp_and_while_the_first_is_pending(self, stack):
        flow, other = RecordingFlow("TCP"), RecordingFlow("TCP")
        stack.receive(request("INVITE", branch="z9hG4bKa", transport="TCP"), flow)
        stack.receive(request("INVITE", branch="z9hG4bKb", transport="TCP"), other)
        assert flow.sent == []
        assert other.starts() == ["482"]

    def test_a_repeat_is_none(self, stack):
        stack.user.answer = 200
        stack.receive(request())
        stack.receive(request())
        assert stack.udp.starts() == ["200", "200"]

    def test_nor_is_the_next_request_of_the_same_call(self, stack):
        stack.user.answer = 200
        stack.receive(request(branch="z9hG4bKa", cseq=1))
        stack.receive(request(branch="z9hG4bKb", cseq=2))
        assert stack.udp.starts() == ["200", "200"]

    def test_nor_one_within_a_dialog(self, stack):
        stack.user.answer = 200
        stack.receive(request(branch="z9hG4bKa", to_tag="9"))
        stack.receive(request(branch="z9hG4bKb", to_tag="9"))
        assert stack.udp.starts() == ["200", "200"]


class TestCancel:
    """s9.2."""

    def test_of_a_pending_invite_is_200_and_its_users_matter(self, stack):
        stack.receive(request("INVITE"))
        stack.receive(request("CANCEL"))
        assert stack.user.cancelled == stack.user.requests
        stack.user.requests[0].respond(487)
        ok, terminated = stack.udp.take()
        assert (ok.status, ok.cseq.method) == (200, "CANCEL")
        assert (terminated.status, terminated.cseq.method) == (487, "INVITE")
        assert ok.to.tag == terminated.to.tag

    def test_of_an_answered_invite_is_200_without_effect(self, stack):
        stack.receive(request("INVITE"))
        stack.user.requests[0].respond(200)
        stack.receive(request("CANCEL"))
        assert stack.user.cancelled == []
        assert stack.udp.starts() == ["200", "200"]

    def test_of_nothing_is_481(self, stack):
        stack.receive(request("CANCEL"))
        assert stack.udp.starts() == ["481"]

    @pytest.mark.parametrize("other", [{"branch": "z9hG4bK2"}, {"sent_by": "192.0.2.66:5060"}])
    def test_of_somebody_elses_invite_is_481(self, stack, other):
        stack.receive(request("INVITE"))
        stack.receive(request("CANCEL", **other))
        assert stack.udp.starts() == ["481"]
        assert stack.user.cancelled == []

    @pytest.mark.parametrize("answered", [True, False])
    def test_of_a_message_is_200_without_effect(self, stack, answered):
        stack.receive(request("MESSAGE"))
        if answered:
            stack.user.requests[0].respond(202)
            stack.udp.take()
        stack.receive(request("CANCEL"))
        assert stack.udp.starts() == ["200"]
        assert stack.user.cancelled == []

    def test_repeated_it_is_answered_alike(self, stack):
        stack.receive(request("INVITE"))
        stack.receive(request("CANCEL"))
        stack.receive(request("CANCEL"))
        assert len(stack.user.cancelled) == 1
        first, second = stack.udp.sent
        assert first == second


class TestResponses:
    """s18.1.2, s8.1.3.3."""

    @pytest.fixture
    def outcomes(self, stack) -> Outcomes:
        outcomes = Outcomes()
        stack.layer.request(outgoing(), TO_PEER, outcomes.on_response, outcomes.on_failure)
        return outcomes

    def test_ours_reaches_its_transaction(self, stack, outcomes):
        stack.receive(answer(stack.udp.take()[0], 200))
        assert outcomes.responses == [200]

    def test_also_from_elsewhere_and_on_another_flow(self, stack, outcomes):
        stack.receive(answer(stack.udp.take()[0], 200), RecordingFlow("TCP"), ("198.51.100.1", 9))
        assert outcomes.responses == [200]

    def test_with_a_second_via_is_discarded(self, stack, outcomes):
        (sent,) = stack.udp.take()
        via = sent.headers["via"][0]
        stack.receive(answer(sent, 200, via=f"{via}, SIP/2.0/UDP 192.0.2.99;branch=z9hG4bKx"))
        stack.receive(answer(sent, 200, extra="Via: SIP/2.0/UDP 192.0.2.99;branch=z9hG4bKx\r\n"))
        assert outcomes.responses == []
        assert stack.layer.counts["dropped"] == 2

    @pytest.mark.parametrize("sent_by", ["192.0.2.99:5060", "192.0.2.1:5070", "example.com"])
    def test_with_a_sent_by_that_is_not_ours_is_discarded(self, stack, outcomes, sent_by):
        (sent,) = stack.udp.take()
        stack.receive(answer(sent, 200, via=f"SIP/2.0/UDP {sent_by};branch={sent.via.branch}"))
        assert outcomes.responses == []

    @pytest.mark.parametrize(
        ("ours", "theirs"), [("Gw.Example.com:5060", "gw.example.COM"), ("gw.example.com", "gw.example.com:5060")]
    )
    def test_sent_by_is_compared_as_a_host_and_port(self, stack, ours, theirs):
        stack.udp.sent_by = ours
        outcomes = Outcomes()
        stack.layer.request(outgoing(), TO_PEER, outcomes.on_response, outcomes.on_failure)
        (sent,) = stack.udp.take()
        stack.receive(answer(sent, 200, via=f"SIP/2.0/UDP {theirs};branch={sent.via.branch}"))
        assert outcomes.responses == [200]

    def test_of_another_method_or_to_nothing_is_counted(self, stack, outcomes):
        (sent,) = stack.udp.take()
        stack.receive(answer(sent, 200).replace(b"1 MESSAGE", b"1 OPTIONS"))
        stack.receive(answer(sent, 200).replace(b"z9hG4bK", b"z9hG4bKx"))
        assert outcomes.responses == []
        assert stack.layer.counts["stray_responses"] == 2

    def test_before_the_request_left_is_nobodys(self, stack):
        outcomes = Outcomes()
        invite = stack.layer.request(
            outgoing("INVITE"), TO_PEER._replace(transport="TCP"), outcomes.on_response, outcomes.on_failure
        )
        via = f"SIP/2.0/TCP 192.0.2.1:5060;branch={invite.branch}"
        stack.receive(answer(parse_message(outgoing("INVITE").render(via)), 486))  # type: ignore[arg-type]
        assert outcomes.responses == []


class TestRefused:
    @pytest.mark.parametrize(
        ("data", "code"),
        [
            (request(uri="http://example.com"), "416"),
            (request(extra="Require: gruu\r\n"), "420"),
            (request().replace(b"CSeq: 1 MESSAGE", b"CSeq: 1 OPTIONS"), "400"),
            (request().replace(b"<sip:alice@example.com>", b"<sip:alice@"), "400"),
            (request().replace(b"SIP/2.0\r\nVia", b"SIP/7.0\r\nVia"), "505"),
            (request().replace(b"Call-ID: c1\r\n", b""), "400"),
            (request(branch=None).replace(b"<sip:alice@example.com>;tag=1", b"<broken"), "400"),
        ],
    )
    def test_what_is_malformed_is_answered_with_its_code_and_reaches_no_user(self, stack, data, code):
        stack.receive(data)
        assert stack.udp.starts() == [code]
        assert stack.user.requests == []

    def test_a_refused_invite_waits_for_its_ack_as_any_other(self, stack):
        stack.receive(request("INVITE", extra="Require: gruu\r\n"))
        stack.receive(request("ACK"))
        stack.advance(4)
        assert stack.udp.starts() == ["420"]

    @pytest.mark.parametrize("data", [b"", b"\r\n", b"garbage", request("ACK")[:40], b"SIP/2.0 200 OK\r\n\r\n"])
    def test_what_cannot_be_answered_is_counted_and_dropped(self, stack, data):
        stack.receive(data)
        assert stack.udp.sent == []
        assert stack.layer.counts["dropped"] == 1

    def test_a_user_that_fails_costs_a_500_and_no_transaction_for_ever(self, stack):
        def fail(_):
            raise RuntimeError("a bug")

        stack.user.on_request = fail
        for method in ("MESSAGE", "INVITE"):
            with pytest.raises(RuntimeError):
                stack.receive(request(method))
        stack.advance(33)
        assert set(stack.udp.starts()) == {"500"}
        assert stack.layer.pending == 0


class TestOverload:
    def test_above_the_limit_new_requests_are_503_with_retry_after(self):
        stack = Stack(limit=3)
        for number in range(3):
            stack.receive(request(branch=f"z9hG4bK{number}", call_id=str(number)))
        stack.receive(request(branch="z9hG4bKx", call_id="x"))
        (refusal,) = stack.udp.take()
        assert refusal.status == 503
        assert refusal.retry_after == 5
        assert len(stack.user.requests) == 3

    def test_repeats_of_known_ones_are_still_answered(self):
        stack = Stack(limit=1)
        stack.user.answer = 200
        stack.receive(request())
        stack.receive(request())
        assert stack.udp.starts() == ["200", "200"]

    def test_it_recovers(self):
        stack = Stack(limit=1)
        stack.user.answer = 200
        stack.receive(request())
        for _ in range(60):
            stack.advance(1)
        stack.receive(request(branch="z9hG4bK2", call_id="c2"))
        assert stack.udp.starts() == ["200", "200"]

    def test_ignored_requests_use_up_nothing(self):
        stack = Stack(limit=2)
        for number in range(20):
            stack.receive(request(branch=f"z9hG4bK{number}", call_id=str(number)))
            stack.user.requests[-1].ignore()
        assert len(stack.user.requests) == 20
        assert stack.udp.sent == []

    def test_invites_whose_transactions_are_long_over_count_as_well(self):
        stack = Stack(limit=2)
        flow = RecordingFlow("TCP")
        for number in range(3):
            stack.receive(request("INVITE", branch=f"z9hG4bK{number}", call_id=str(number)), flow)
            if number < 2:
                stack.user.requests[-1].respond(403)
                stack.receive(request("ACK", branch=f"z9hG4bK{number}", call_id=str(number)), flow)
        assert stack.layer.pending == 0
        assert flow.starts() == ["403", "403", "503"]


METHODS = ["MESSAGE", "INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "REGISTER", "NOVEL"]

peers = st.one_of(
    st.builds(
        request,
        st.sampled_from(METHODS),
        branch=st.sampled_from(["z9hG4bK1", "z9hG4bK2", "old", None]),
        sent_by=st.sampled_from(["192.0.2.10:5060", "example.com"]),
        tag=st.sampled_from(["1", None]),
        to_tag=st.sampled_from([None, "9"]),
        cseq=st.integers(1, 3),
        extra=st.sampled_from(["", "Require: x\r\n", "From: <sip:x@y>\r\n", "Content-Length: 99\r\n"]),
    ),
    st.binary(max_size=40),
    st.builds(
        "SIP/2.0 {} X\r\nVia: SIP/2.0/UDP {};branch={}\r\nFrom: <\r\nTo: {}\r\nCall-ID: c\r\nCSeq: 1 {}\r\n\r\n".format,
        st.integers(100, 699),
        st.sampled_from(["192.0.2.1:5060", "elsewhere"]),
        st.sampled_from(["z9hG4bKours1", "z9hG4bKours2", "z9hG4bK1"]),
        st.sampled_from(["<sip:a@b>;tag=1", "<sip:a@b>", "broken"]),
        st.sampled_from(METHODS),
    ).map(str.encode),
)
steps = st.one_of(
    peers,
    st.floats(0, 40),
    st.sampled_from([100, 180, 200, 302, 486, 500]),
    st.sampled_from(["MESSAGE", "INVITE", "cancel", "lost", "ignore"]),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(steps, max_size=40))
def test_no_sequence_of_messages_raises_or_outgrows_the_bounds(sequence):
    stack = Stack(limit=5)
    outcomes = Outcomes()
    tcp = RecordingFlow("TCP")
    sent = []
    for number, step in enumerate(sequence):
        flow = tcp if number % 3 else stack.udp
        match step:
            case bytes():
                stack.receive(step, flow)
            case float():
                stack.advance(step)
            case int():
                for transaction in stack.user.requests:
                    if transaction.request.method == "INVITE" or not 100 < step < 200:
                        transaction.respond(step)
            case "cancel":
                for transaction in sent:
                    if transaction.request.method == "INVITE":
                        transaction.cancel()
            case "lost":
                tcp.alive = False
                stack.layer.flow_lost(tcp)
                tcp = RecordingFlow("TCP")
            case "ignore":
                for transaction in stack.user.requests:
                    if transaction.state.value in ("Trying", "Proceeding"):
                        transaction.ignore()
            case method:
                branch = f"z9hG4bKours{number % 3}"
                sent.append(
                    stack.layer.request(
                        outgoing(method), TO_PEER, outcomes.on_response, outcomes.on_failure, branch=branch, flow=flow
                    )
                )
        layer = stack.layer
        assert len(layer._servers) + len(layer._finished) <= 5 + 1
        assert len(layer._seen) <= 5
    for transaction in stack.user.requests:
        transaction.respond(500)
    for _ in range(4):
        stack.advance(33)
    waiting = [each for each in stack.layer._clients.values() if each.state.value != "Proceeding"]
    assert waiting == []
    assert stack.layer._servers == {}
    for _ in range(60):
        stack.advance(1)
    assert len(stack.layer._finished) == len(stack.layer._seen) == 0
