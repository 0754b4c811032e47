"""The user agent core: which request goes where, and what the others are answered (RFC 3261 s8.2, s11, s12.2.2)."""

from __future__ import annotations

import pytest

from protocols.sip.dialog import Dialog
from protocols.sip.invite_server import uas_dialog
from protocols.sip.locate import Locator
from protocols.sip.user_agent import ALLOW, UserAgent
from tests.sip.fakes import Outcomes, Stack, answer, request


class Application:
    """Takes conversations; what they are about is the test's matter."""

    accept = "text/plain"

    def __init__(self) -> None:
        self.messages: list = []
        self.invites: list = []
        self.cancelled: list = []

    def on_message(self, transaction) -> None:
        self.messages.append(transaction)

    def on_invite(self, transaction) -> None:
        self.invites.append(transaction)

    def on_cancelled(self, transaction) -> None:
        self.cancelled.append(transaction)


class Usage:
    """A session of the application's."""

    def __init__(self, dialog: Dialog) -> None:
        self.dialog = dialog
        self.got: list[str] = []

    def on_bye(self, transaction) -> None:
        self.got.append("BYE")

    def on_reinvite(self, transaction) -> None:
        self.got.append("INVITE")
        transaction.respond(200)

    def on_dialog_message(self, transaction) -> None:
        self.got.append("MESSAGE")
        transaction.respond(200)

    def on_ack(self, ack) -> None:
        self.got.append("ACK")


class Agent:
    """A user agent on a stack."""

    def __init__(self) -> None:
        self.stack = Stack()
        self.application = Application()
        self.agent = UserAgent(self.stack.layer, Locator(lambda: self.stack.now), self.application)
        self.number = 0

    def ask(self, method: str, **kwargs) -> list:
        """What a request, of a transaction of its own, is answered."""
        self.number += 1
        kwargs.setdefault("branch", f"z9hG4bK{method}{self.number}")
        self.stack.receive(request(method, **kwargs))
        return self.stack.udp.take()

    def session(self, **kwargs) -> Usage:
        """An answered INVITE of the peer."""
        self.ask("INVITE", **kwargs)
        transaction = self.application.invites[-1]
        usage = Usage(uas_dialog(transaction))
        self.agent.add_dialog(usage)
        transaction.respond(200)
        self.stack.udp.take()
        return usage


@pytest.fixture
def ua() -> Agent:
    return Agent()


class TestOutOfDialog:
    def test_message_and_invite_begin_conversations(self, ua):
        assert ua.ask("MESSAGE", call_id="a") == []
        assert ua.ask("INVITE", call_id="b") == []
        assert [len(ua.application.messages), len(ua.application.invites)] == [1, 1]

    def test_options_tells_what_is_served(self, ua):
        """s11.2."""
        (ok,) = ua.ask("OPTIONS")
        assert ok.status == 200
        assert ok.first("allow") == ALLOW
        assert ok.values("accept") == ["application/sdp", "text/plain"]

    @pytest.mark.parametrize(
        "method", ["REGISTER", "SUBSCRIBE", "NOTIFY", "INFO", "UPDATE", "PRACK", "REFER", "PUBLISH"]
    )
    def test_what_is_known_and_not_served_is_405_with_allow(self, ua, method):
        (refusal,) = ua.ask(method)
        assert (refusal.status, refusal.first("allow")) == (405, ALLOW)

    def test_what_is_unknown_is_501(self, ua):
        assert [each.status for each in ua.ask("NOVEL")] == [501]

    def test_a_bye_is_481(self, ua):
        assert [each.status for each in ua.ask("BYE")] == [481]

    def test_an_ack_is_nobodys(self, ua):
        assert ua.ask("ACK") == []
        ua.stack.receive(request("ACK").replace(b"<sip:bob@example.com>", b"<<"))
        assert ua.stack.udp.sent == []

    def test_a_cancelled_invite_is_487(self, ua):
        ua.ask("INVITE", branch="z9hG4bKx")
        assert [each.status for each in ua.ask("CANCEL", branch="z9hG4bKx")] == [200, 487]
        assert len(ua.application.cancelled) == 1


class TestInDialog:
    def test_requests_reach_their_session(self, ua):
        usage = ua.session()
        to_tag = usage.dialog.local_tag
        ua.ask("ACK", to_tag=to_tag)
        assert [each.status for each in ua.ask("MESSAGE", to_tag=to_tag, cseq=2)] == [200]
        assert [each.status for each in ua.ask("INVITE", to_tag=to_tag, cseq=3)] == [200]
        assert [each.status for each in ua.ask("BYE", to_tag=to_tag, cseq=4)] == [200]
        assert usage.got == ["ACK", "MESSAGE", "INVITE", "BYE"]
        assert ua.application.messages == []

    def test_those_of_a_peer_without_tag_too(self, ua):
        usage = ua.session(tag=None)
        assert [each.status for each in ua.ask("BYE", tag=None, to_tag=usage.dialog.local_tag, cseq=2)] == [200]
        assert usage.got == ["BYE"]

    @pytest.mark.parametrize("other", [{"call_id": "c2"}, {"tag": "2"}, {"to_tag": "wrong"}])
    @pytest.mark.parametrize("method", ["MESSAGE", "INVITE", "BYE", "OPTIONS", "NOVEL"])
    def test_those_of_no_dialog_are_481(self, ua, method, other):
        usage = ua.session()
        (refusal,) = ua.ask(method, **{"to_tag": usage.dialog.local_tag, "cseq": 9} | other)
        assert refusal.status == 481
        assert usage.got == []

    def test_a_number_that_does_not_rise_is_500(self, ua):
        usage = ua.session(cseq=5)
        assert [each.status for each in ua.ask("BYE", to_tag=usage.dialog.local_tag, cseq=4)] == [500]
        assert usage.got == []

    def test_a_repeat_is_answered_by_its_transaction(self, ua):
        usage = ua.session()
        for _ in range(2):
            (ok,) = ua.ask("BYE", branch="z9hG4bKsame", to_tag=usage.dialog.local_tag, cseq=2)
            assert ok.status == 200
        assert usage.got == ["BYE"]

    def test_options_is_served_and_others_refused(self, ua):
        to_tag = ua.session().dialog.local_tag
        assert ua.ask("OPTIONS", to_tag=to_tag, cseq=2)[0].first("accept") == "application/sdp, text/plain"
        assert [each.status for each in ua.ask("INFO", to_tag=to_tag, cseq=3)] == [405]
        assert [each.status for each in ua.ask("NOVEL", to_tag=to_tag, cseq=4)] == [501]

    def test_a_bye_that_crosses_ours_is_481(self, ua):
        """s15.1.2; both sides then know that it is over."""
        usage = ua.session()
        ua.agent.remove_dialog(usage)
        ua.agent.request_in_dialog(usage.dialog, usage.dialog.request("BYE"))
        (bye,) = ua.stack.udp.take()
        assert [each.status for each in ua.ask("BYE", to_tag=usage.dialog.local_tag, cseq=2)] == [481]
        ua.stack.receive(answer(bye, 481))
        ua.stack.advance(33)
        assert ua.stack.udp.sent == []
        assert usage.got == []


class TestRequestsOut:
    def test_go_to_the_dialogs_next_hop(self, ua):
        usage = ua.session(extra="Record-Route: <sip:192.0.2.20:5070;lr>\r\n")
        ua.agent.request_in_dialog(usage.dialog, usage.dialog.request("BYE"))
        assert ua.stack.udp.sent[0][1] == ("192.0.2.20", 5070)

    def test_that_cannot_be_located_fail(self, ua):
        usage = ua.session(contact="<sip:alice@nowhere.example>")
        outcomes = Outcomes()
        bye = usage.dialog.request("BYE")
        ua.agent.request_in_dialog(usage.dialog, bye, outcomes.on_response, outcomes.on_failure)
        assert [failure.layer for failure in outcomes.failures] == ["dns"]
        ua.agent.request_in_dialog(usage.dialog, bye)
        assert ua.stack.layer._clients == {}

    def test_names_resolve_to_what_a_socket_of_ours_reaches(self, ua):
        usage = ua.session(contact="<sip:alice@localhost>")
        ua.agent.locator.lookup = lambda name, then: then(["::1", "127.0.0.1"])
        ua.agent.request_in_dialog(usage.dialog, usage.dialog.request("BYE"))
        assert ua.stack.udp.sent[0][1] == ("127.0.0.1", 5060)
