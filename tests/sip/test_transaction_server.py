"""Server transactions: figures 7 and 8 of RFC 3261, RFC 4320 and RFC 6026 (RULEBOOK M13, M14)."""

from __future__ import annotations

import pytest

from protocols.sip.transaction_server import ServerTransaction
from tests.sip.fakes import PEER, RecordingFlow, Stack, request


@pytest.fixture
def stack() -> Stack:
    return Stack()


def arrived(stack: Stack, *args, flow=None, **kwargs):
    """The transaction of a request that just came."""
    stack.receive(request(*args, **kwargs), flow)
    return stack.user.requests[-1]


class TestNonInvite:
    """s17.2.2, figure 8."""

    def test_a_repeat_before_the_answer_is_absorbed(self, stack):
        arrived(stack)
        stack.receive(request())
        assert len(stack.user.requests) == 1
        assert stack.udp.sent == []

    def test_a_repeat_is_answered_alike_for_64_t1_timer_j(self, stack):
        arrived(stack).respond(200)
        first = stack.udp.sent.pop()
        stack.advance(31.9)
        stack.receive(request())
        assert stack.udp.sent == [first]
        assert len(stack.user.requests) == 1

    def test_is_forgotten_some_time_after_timer_j(self, stack):
        arrived(stack).respond(200)
        for _ in range(60):
            stack.advance(1)
        stack.receive(request())
        assert len(stack.user.requests) == 2

    def test_a_second_final_answer_is_discarded(self, stack):
        transaction = arrived(stack)
        transaction.respond(404)
        transaction.respond(200)
        transaction.try_100()
        assert stack.udp.starts() == ["404"]

    def test_a_provisional_answer_is_repeated_then_the_final_one(self, stack):
        transaction = arrived(stack)
        transaction.try_100()
        stack.receive(request())
        transaction.respond(200)
        stack.receive(request())
        assert stack.udp.starts() == ["100", "100", "200", "200"]

    @pytest.mark.parametrize("transport", ["UDP", "TCP"])
    def test_100_is_said_once_and_only_if_nothing_else_was(self, stack, transport):
        """RFC 4320 s4.1: without regard to transport."""
        flow = RecordingFlow(transport)
        transaction = arrived(stack, flow=flow)
        transaction.try_100()
        transaction.try_100()
        assert flow.starts() == ["100"]

    def test_nobody_else_says_100(self, stack):
        arrived(stack)
        stack.advance(60)
        assert stack.udp.sent == []

    @pytest.mark.parametrize("status", [101, 180, 183, 199, 408])
    def test_rfc4320_what_must_never_be_said(self, stack, status):
        transaction = arrived(stack)
        with pytest.raises(ValueError, match=str(status)):
            transaction.respond(status)
        assert stack.udp.sent == []
        transaction.respond(480)
        assert stack.udp.starts() == ["480"]

    def test_100_has_no_to_tag_all_else_has_the_same(self, stack):
        transaction = arrived(stack)
        transaction.respond(100)
        transaction.respond(200)
        stack.receive(request())
        trying, ok, again = stack.udp.take()
        assert trying.to.tag is None
        assert ok.to.tag == again.to.tag == transaction.to_tag is not None

    def test_ignored_it_leaves_nothing(self, stack):
        arrived(stack).ignore()
        assert stack.layer.pending == len(stack.layer._seen) == 0
        stack.receive(request())
        assert len(stack.user.requests) == 2
        assert stack.udp.sent == []

    def test_answered_it_needs_no_garbage_collector(self, stack, no_collector):
        arrived(stack).respond(200)
        stack.user.requests.clear()
        assert no_collector(ServerTransaction) == 0


class TestInvite:
    """s17.2.1, figure 7, and RFC 6026 s7.1."""

    def invite(self, stack, **kwargs):
        return arrived(stack, "INVITE", **kwargs)

    def ack(self, stack, **kwargs):
        stack.receive(request("ACK", **kwargs))

    def test_100_comes_after_200_ms_without_an_answer(self, stack):
        self.invite(stack)
        assert stack.times(2, "100") == [0.2]

    def test_100_does_not_come_after_an_answer(self, stack):
        self.invite(stack).respond(180)
        stack.advance(2)
        assert stack.udp.starts() == ["180"]

    def test_100_does_not_come_where_it_is_ignored(self, stack):
        self.invite(stack).ignore()
        stack.advance(2)
        assert stack.udp.sent == []
        assert len(stack.wheel) == 0

    def test_a_repeat_gets_the_last_provisional_answer(self, stack):
        transaction = self.invite(stack)
        transaction.respond(180)
        transaction.respond(183)
        stack.receive(request("INVITE"))
        assert stack.udp.starts() == ["180", "183", "183"]
        assert len(stack.user.requests) == 1

    def test_a_refusal_is_repeated_by_timer_g_until_timer_h(self, stack):
        self.invite(stack).respond(486)
        stack.udp.take()
        assert stack.times(40, "486") == pytest.approx(
            [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5], abs=0.2
        )
        assert stack.layer.pending == 0

    def test_an_ack_ends_the_repeats_and_timer_i_absorbs_more_acks(self, stack):
        self.invite(stack).respond(486)
        self.ack(stack)
        self.ack(stack)
        stack.receive(request("INVITE"))
        stack.advance(4.9)
        assert stack.udp.starts() == ["486"]
        assert stack.layer.pending == 1
        stack.advance(0.2)
        assert stack.layer.pending == 0
        assert stack.user.acks == []

    def test_over_tcp_a_refusal_is_sent_once_and_over_with_its_ack(self, stack):
        flow = RecordingFlow("TCP")
        self.invite(stack, flow=flow).respond(486)
        stack.advance(10)
        assert flow.starts() == ["486"]
        self.ack(stack)
        assert stack.layer.pending == 0
        assert len(stack.wheel) == 0

    def test_a_repeat_gets_the_refusal_again(self, stack):
        self.invite(stack).respond(486)
        stack.receive(request("INVITE"))
        assert stack.udp.starts() == ["486", "486"]

    def test_rfc6026_accepted_absorbs_repeats_and_sends_nothing_by_itself(self, stack):
        self.invite(stack).respond(200)
        stack.receive(request("INVITE"))
        stack.advance(31)
        assert stack.udp.starts() == ["200"]
        assert len(stack.user.requests) == 1

    def test_rfc6026_accepted_lasts_until_timer_l(self, stack):
        transaction = self.invite(stack)
        transaction.respond(200)
        stack.advance(31.9)
        transaction.repeat_2xx()
        stack.advance(0.2)
        transaction.repeat_2xx()
        assert stack.udp.starts() == ["200", "200"]
        assert stack.layer.pending == 0

    def test_after_a_final_answer_no_other_is_sent(self, stack):
        transaction = self.invite(stack)
        transaction.respond(200)
        transaction.respond(486)
        transaction.respond(180)
        assert stack.udp.starts() == ["200"]

    def test_the_ack_of_a_2xx_belongs_to_the_user_with_a_branch_of_its_own_or_without(self, stack):
        """s13.3.1.4; an RFC 2543 peer, or a careless one, uses the INVITE's branch (s17.2.3)."""
        self.invite(stack).respond(200)
        self.ack(stack, branch="z9hG4bKother")
        self.ack(stack)
        assert len(stack.user.acks) == 2

    def test_an_ack_before_any_answer_is_nobodys(self, stack):
        self.invite(stack)
        self.ack(stack)
        assert stack.user.acks == []
        assert stack.layer.pending == 1

    def test_over_a_dead_connection_the_answer_takes_a_new_one_to_sent_by(self, stack):
        """s18.2.2: to the port that the peer listens on, not to the one its connection came from."""
        flow = RecordingFlow("TCP")
        stack.receive(request(sent_by="192.0.2.10:5070", transport="TCP"), flow, ("192.0.2.10", 40_001))
        flow.alive = False
        stack.user.requests[-1].respond(200)
        assert flow.sent == []
        assert [str(each) for each in stack.dialled] == ["tcp:192.0.2.10:5070"]
        back = RecordingFlow("TCP")
        stack.transports.connected(stack.dialled[0], back)
        assert back.starts() == ["200"]

    def test_over_a_dead_connection_to_nobody_the_answer_is_lost(self, stack):
        flow = RecordingFlow("TCP")
        stack.receive(request(transport="TCP"), flow)
        flow.alive = False
        stack.user.requests[-1].respond(200)
        stack.transports.dial_failed(stack.dialled[0], "connection refused")
        assert stack.layer.pending == 0

    def test_a_udp_socket_that_is_closed_dials_nobody(self, stack):
        transaction = arrived(stack)
        stack.udp.alive = False
        transaction.respond(200)
        assert stack.dialled == []


class TestWhereAnswersGo:
    """s18.2.2 and RFC 3581 s4."""

    def test_to_the_source_with_rport(self, stack):
        stack.receive(request(sent_by="10.0.0.1:5060"), source=("192.0.2.77", 1234))
        stack.user.requests[-1].respond(200)
        data, to = stack.udp.sent[-1]
        assert to == ("192.0.2.77", 1234)
        assert b";rport=1234;received=192.0.2.77" in data

    @pytest.mark.parametrize(("sent_by", "port"), [("10.0.0.1:5070", 5070), ("10.0.0.1", 5060)])
    def test_to_the_sources_address_and_the_port_of_sent_by_without(self, stack, sent_by, port):
        stack.receive(request(sent_by=sent_by, rport=False), source=("192.0.2.77", 1234))
        stack.user.requests[-1].respond(200)
        assert stack.udp.sent[-1][1] == ("192.0.2.77", port)

    def test_a_repeat_is_answered_where_it_came_from(self, stack):
        arrived(stack).respond(200)
        stack.receive(request(), source=(PEER[0], 4711))
        assert [to for _, to in stack.udp.sent] == [PEER, (PEER[0], 4711)]
