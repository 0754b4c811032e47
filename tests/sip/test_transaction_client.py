"""Client transactions: figures 5 and 6 of RFC 3261, and RFC 6026 s7.2."""

from __future__ import annotations

import pytest

from protocols.sip.flow import Target
from protocols.sip.transaction_client import ClientTransaction, State
from tests.sip.fakes import TO_PEER, Outcomes, RecordingFlow, Stack, answer, outgoing

TCP_PEER = Target("TCP", "192.0.2.10", 5060)


@pytest.fixture
def stack() -> Stack:
    return Stack()


@pytest.fixture
def outcomes() -> Outcomes:
    return Outcomes()


def send(stack: Stack, outcomes: Outcomes, method: str = "MESSAGE", target: Target = TO_PEER, body: bytes = b""):
    return stack.layer.request(outgoing(method, body), target, outcomes.on_response, outcomes.on_failure)


def connected(stack: Stack) -> RecordingFlow:
    """The connection that was dialled last is there."""
    flow = RecordingFlow("TCP")
    stack.transports.connected(stack.dialled[-1], flow)
    return flow


class TestNonInvite:
    """s17.1.2, figure 6."""

    def test_timer_e_doubles_up_to_t2_until_timer_f(self, stack, outcomes):
        send(stack, outcomes)
        assert stack.udp.starts() == ["MESSAGE"]
        repeats = stack.times(40, "MESSAGE")
        assert repeats == pytest.approx([0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5], abs=0.2)
        assert [failure.layer for failure in outcomes.failures] == ["timer"]
        assert "32 s" in outcomes.failures[0].detail
        assert stack.layer.pending == len(stack.wheel) == 0

    def test_timer_f_is_never_early(self, stack, outcomes):
        send(stack, outcomes)
        stack.advance(32 - 0.001)
        assert outcomes.failures == []
        stack.advance(0.1)
        assert len(outcomes.failures) == 1

    def test_proceeding_repeats_every_t2(self, stack, outcomes):
        send(stack, outcomes)
        (sent,) = stack.udp.take()
        stack.receive(answer(sent, 100))
        assert stack.times(20, "MESSAGE") == pytest.approx([0.5, 4.5, 8.5, 12.5, 16.5], abs=0.2)
        assert outcomes.responses == []  # 100 is no answer

    def test_the_final_answer_ends_it_and_comes_once(self, stack, outcomes):
        send(stack, outcomes)
        (sent,) = stack.udp.take()
        stack.receive(answer(sent, 200))
        stack.receive(answer(sent, 200))
        stack.advance(40)
        assert outcomes.responses == [200]
        assert outcomes.failures == []
        assert stack.udp.sent == []
        assert stack.layer.pending == len(stack.wheel) == 0

    def test_repeats_are_the_same_octets(self, stack, outcomes):
        send(stack, outcomes)
        stack.advance(4)
        assert len({data for data, _ in stack.udp.sent}) == 1

    @pytest.mark.parametrize("status", [200, None])
    def test_over_it_needs_no_garbage_collector(self, stack, outcomes, no_collector, status):
        send(stack, outcomes)
        if status:
            stack.receive(answer(stack.udp.take()[0], status))
        else:
            stack.advance(33)
        assert no_collector(ClientTransaction) == 0


class TestReliable:
    def test_nothing_is_repeated_and_timer_f_still_ends_it(self, stack, outcomes):
        send(stack, outcomes, target=TCP_PEER)
        flow = connected(stack)
        stack.advance(31)
        assert flow.starts() == ["MESSAGE"]
        stack.advance(1.1)
        assert [failure.layer for failure in outcomes.failures] == ["timer"]

    def test_a_refused_connection_is_a_failure(self, stack, outcomes):
        send(stack, outcomes, target=TCP_PEER)
        stack.transports.dial_failed(TCP_PEER, "connection refused")
        assert outcomes.failures == [("tcp", "connection refused")]
        assert stack.udp.sent == []
        assert stack.layer.pending == 0

    def test_a_connection_lost_before_the_answer_is_a_failure(self, stack, outcomes):
        """s17.1.4."""
        send(stack, outcomes, target=TCP_PEER)
        flow = connected(stack)
        flow.alive = False
        stack.layer.flow_lost(flow)
        stack.layer.flow_lost(flow)
        assert [failure.layer for failure in outcomes.failures] == ["tcp"]
        assert stack.layer.pending == len(stack.wheel) == len(stack.layer._by_flow) == 0

    def test_a_connection_lost_after_the_answer_is_none(self, stack, outcomes):
        send(stack, outcomes, target=TCP_PEER)
        flow = connected(stack)
        stack.receive(answer(flow.take()[0], 200), flow)
        stack.layer.flow_lost(flow)
        assert outcomes.failures == []
        assert stack.layer._by_flow == {}

    def test_connections_that_nobody_waits_on_cost_nothing_when_lost(self, stack, outcomes):
        """A peer that opens and closes them must not make us walk over everything."""
        for _ in range(100):
            send(stack, outcomes)
        stack.layer._clients = None  # type: ignore[assignment]
        stack.layer.flow_lost(RecordingFlow("TCP"))


class TestSize:
    """s18.1.1, RFC 3428 s8 (RULEBOOK M5)."""

    def body_for(self, size: int) -> bytes:
        """One that makes the whole request ``size`` octets."""
        stack = Stack()
        send(stack, Outcomes(), body=b"x" * 100)
        return b"x" * (100 + size - len(stack.udp.sent[0][0]))

    def test_1300_octets_go_by_udp(self, stack, outcomes):
        send(stack, outcomes, body=self.body_for(1300))
        assert [len(data) for data, _ in stack.udp.sent] == [1300]

    def test_more_go_by_tcp_with_its_via(self, stack, outcomes):
        send(stack, outcomes, body=self.body_for(1301))
        assert stack.udp.sent == []
        assert stack.dialled == [TCP_PEER]
        (sent,) = connected(stack).take()
        assert sent.via.transport == "TCP"

    def test_and_fail_where_tcp_is_refused(self, stack, outcomes):
        send(stack, outcomes, body=b"x" * 2000)
        stack.transports.dial_failed(TCP_PEER, "connection refused")
        assert stack.udp.sent == []
        assert [failure.layer for failure in outcomes.failures] == ["tcp"]

    def test_but_go_back_to_udp_where_the_mtu_is_known(self, stack, outcomes):
        loopback = Target("UDP", "127.0.0.1", 5060)
        send(stack, outcomes, target=loopback, body=b"x" * 2000)
        stack.transports.dial_failed(loopback._replace(transport="TCP"), "connection refused")
        (sent,) = stack.udp.take()
        assert sent.via.transport == "UDP"
        stack.receive(answer(sent, 200))
        assert outcomes.responses == [200]

    def test_not_where_even_that_is_too_small(self, stack, outcomes):
        loopback = Target("UDP", "127.0.0.1", 5060)
        send(stack, outcomes, target=loopback, body=b"x" * 65_000)
        stack.transports.dial_failed(loopback._replace(transport="TCP"), "connection refused")
        assert stack.udp.sent == []
        assert len(outcomes.failures) == 1


class TestInvite:
    """s17.1.1, figure 5, and RFC 6026 s7.2."""

    def invite(self, stack, outcomes, target=TO_PEER):
        transaction = send(stack, outcomes, "INVITE", target)
        return transaction, stack.udp.take()[0] if target is TO_PEER else None

    def test_timer_a_doubles_without_end_until_timer_b(self, stack, outcomes):
        self.invite(stack, outcomes)
        assert stack.times(40, "INVITE") == pytest.approx([0.5, 1.5, 3.5, 7.5, 15.5, 31.5], abs=0.2)
        assert [failure.layer for failure in outcomes.failures] == ["timer"]
        assert stack.layer.pending == len(stack.wheel) == 0

    def test_a_provisional_answer_ends_timers_a_and_b(self, stack, outcomes):
        _, sent = self.invite(stack, outcomes)
        stack.receive(answer(sent, 100))
        stack.receive(answer(sent, 180))
        stack.advance(120)
        assert stack.udp.sent == []
        assert outcomes.responses == [100, 180]
        assert stack.layer.pending == 1

    def test_a_refusal_is_acknowledged_each_time_until_timer_d(self, stack, outcomes):
        _, sent = self.invite(stack, outcomes)
        stack.receive(answer(sent, 486))
        stack.advance(20)
        stack.receive(answer(sent, 486))
        assert stack.udp.starts() == ["ACK", "ACK"]
        stack.advance(12.1)
        stack.receive(answer(sent, 486))
        assert stack.udp.sent == []
        assert outcomes.responses == [486]
        assert stack.layer.pending == 0

    def test_the_ack_of_a_refusal_is_the_invites_sibling(self, stack, outcomes):
        """s17.1.1.3: its branch, Request-URI, Route, From, Call-ID and number; To from the answer."""
        _, sent = self.invite(stack, outcomes)
        stack.receive(answer(sent, 486, to_tag="theirs"))
        (ack,) = stack.udp.take()
        assert (ack.method, ack.uri, ack.cseq) == ("ACK", sent.uri, (1, "ACK"))
        assert ack.headers["via"] == sent.headers["via"]
        for name in ("route", "from", "call-id"):
            assert ack.headers[name] == sent.headers[name]
        assert ack.to.tag == "theirs"

    def test_over_tcp_a_refusal_ends_it_at_once(self, stack, outcomes):
        self.invite(stack, outcomes, TCP_PEER)
        flow = connected(stack)
        stack.receive(answer(flow.take()[0], 404), flow)
        assert flow.starts() == ["ACK"]
        assert outcomes.responses == [404]
        assert stack.layer.pending == len(stack.wheel) == len(stack.layer._by_flow) == 0

    def test_rfc6026_every_2xx_reaches_the_user_until_timer_m_and_no_refusal_does(self, stack, outcomes):
        _, sent = self.invite(stack, outcomes)
        stack.receive(answer(sent, 200, to_tag="a"))
        stack.receive(answer(sent, 200, to_tag="b"))
        stack.receive(answer(sent, 486, to_tag="c"))
        stack.receive(answer(sent, 180, to_tag="c"))
        stack.advance(31.9)
        stack.receive(answer(sent, 200, to_tag="a"))
        assert outcomes.responses == [200, 200, 200]
        stack.advance(0.2)
        stack.receive(answer(sent, 200, to_tag="a"))
        assert outcomes.responses == [200, 200, 200]
        assert stack.layer.pending == len(stack.wheel) == 0
        assert stack.udp.sent == []  # the ACK of a 2xx is the user's

    def test_a_lost_connection_matters_before_the_final_answer_only(self, stack, outcomes):
        self.invite(stack, outcomes, TCP_PEER)
        flow = connected(stack)
        stack.receive(answer(flow.take()[0], 200), flow)
        stack.layer.flow_lost(flow)
        assert outcomes.failures == []
        stack.advance(33)
        assert stack.layer._by_flow == {}


class TestCancel:
    """s9.1."""

    def invite(self, stack, outcomes, target=TO_PEER):
        return send(stack, outcomes, "INVITE", target)

    def test_waits_for_a_provisional_answer_and_is_sent_once(self, stack, outcomes):
        transaction = self.invite(stack, outcomes)
        (sent,) = stack.udp.take()
        transaction.cancel()
        assert stack.udp.sent == []
        for status in (100, 180, 183):
            stack.receive(answer(sent, status))
        transaction.cancel()
        assert stack.udp.starts() == ["CANCEL"]

    def test_is_the_invites_sibling(self, stack, outcomes):
        transaction = self.invite(stack, outcomes)
        (sent,) = stack.udp.take()
        stack.receive(answer(sent, 180))
        transaction.cancel()
        (cancel,) = stack.udp.take()
        assert (cancel.method, cancel.uri, cancel.cseq) == ("CANCEL", sent.uri, (1, "CANCEL"))
        for name in ("via", "route", "from", "to", "call-id"):
            assert cancel.headers[name] == sent.headers[name]

    def test_obeyed_the_invite_gets_its_487(self, stack, outcomes):
        transaction = self.invite(stack, outcomes)
        (sent,) = stack.udp.take()
        stack.receive(answer(sent, 180))
        transaction.cancel()
        (cancel,) = stack.udp.take()
        stack.receive(answer(cancel, 200))
        stack.receive(answer(sent, 487))
        assert stack.udp.starts() == ["ACK"]
        assert outcomes.responses == [180, 487]
        stack.advance(33)
        assert stack.layer.pending == len(stack.wheel) == 0

    def test_not_obeyed_in_64_t1_the_invite_is_over_also_with_late_provisional_answers(self, stack, outcomes):
        transaction = self.invite(stack, outcomes)
        (sent,) = stack.udp.take()
        stack.receive(answer(sent, 180))
        transaction.cancel()
        stack.receive(answer(stack.udp.take()[0], 200))
        stack.advance(20)
        stack.receive(answer(sent, 180))
        stack.advance(11.9)
        assert transaction.state is State.PROCEEDING
        stack.advance(0.2)
        assert transaction.state is State.TERMINATED
        assert stack.layer.pending == len(stack.wheel) == 0
        assert stack.udp.sent == []

    def test_after_the_final_answer_it_does_nothing(self, stack, outcomes):
        transaction = self.invite(stack, outcomes)
        stack.receive(answer(stack.udp.take()[0], 486))
        stack.udp.take()
        transaction.cancel()
        assert stack.udp.sent == []

    def test_an_invite_that_waits_for_a_connection_never_leaves(self, stack, outcomes):
        transaction = self.invite(stack, outcomes, TCP_PEER)
        transaction.cancel()
        flow = connected(stack)
        assert flow.sent == []
        assert stack.layer.pending == 0
        assert outcomes.failures == []

    def test_unanswered_it_ends_by_timer_b(self, stack, outcomes):
        transaction = self.invite(stack, outcomes)
        transaction.cancel()
        stack.advance(33)
        assert stack.layer.pending == 0
        assert "CANCEL" not in stack.udp.starts()
