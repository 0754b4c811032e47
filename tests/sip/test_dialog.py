"""Dialogs: RFC 3261 s12."""

from __future__ import annotations

import pytest

from protocols.sip.dialog import Dialog, bare, with_tag, without_tag
from protocols.sip.errors import SipError
from protocols.sip.parser import parse_message
from tests.sip.fakes import answer, outgoing, request

VIA = "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKours"


def read(data: bytes):
    return parse_message(data)


def invite(**kwargs):
    return read(request("INVITE", **kwargs))


def routes(*uris: str) -> str:
    return "".join(f"Record-Route: <{uri}>\r\n" for uri in uris)


def uac(**kwargs) -> Dialog:
    sent = outgoing("INVITE")
    return Dialog.of_uac(sent, read(answer(read(sent.render(VIA)), 200, **kwargs)))


def uas(**kwargs) -> Dialog:
    return Dialog.of_uas(invite(**kwargs), "mine")


def headers(message) -> dict[str, str]:
    return dict(message.headers)


class TestUas:
    """s12.1.1."""

    def test_takes_its_state_from_the_invite(self):
        dialog = uas(cseq=7)
        assert dialog.identity == ("c1", "mine", "1")
        assert (dialog.local, dialog.remote) == ("<sip:bob@example.com>", "<sip:alice@example.com>")
        assert dialog.remote_target == "sip:alice@192.0.2.10"
        assert (dialog.local_cseq, dialog.remote_cseq) == (0, 7)

    def test_keeps_the_order_of_record_route(self):
        dialog = uas(extra=routes("sip:p1;lr", "sip:p2;lr") + "Record-Route: <sip:p3;lr>, <sip:p4;lr>\r\n")
        assert [bare(each) for each in dialog.route_set] == ["sip:p1;lr", "sip:p2;lr", "sip:p3;lr", "sip:p4;lr"]

    def test_a_caller_without_a_tag_is_one_of_rfc_2543(self):
        dialog = uas(tag=None)
        assert dialog.remote_tag == ""
        assert headers(dialog.request("BYE"))["To"] == "<sip:alice@example.com>"

    @pytest.mark.parametrize("contact", ["", "<tel:+155512345>", "<http://example.com>", "*"])
    def test_without_a_sip_contact_there_is_none(self, contact):
        with pytest.raises(SipError) as error:
            uas(contact=contact)
        assert error.value.code == 400

    @pytest.mark.parametrize("route", ["<sip:@@>", "nonsense", "<tel:+1555>;x"])
    def test_nor_with_a_route_that_leads_nowhere(self, route):
        if "tel" in route:
            uas(extra=f"Record-Route: {route}\r\n")  # a URI, if a strange one: the next hop will fail
            return
        with pytest.raises(SipError):
            uas(extra=f"Record-Route: {route}\r\n")


class TestUac:
    """s12.1.2."""

    def test_takes_its_state_from_what_was_sent_and_the_2xx(self):
        dialog = uac(to_tag="theirs")
        assert dialog.identity == ("c1", "1", "theirs")
        assert (dialog.local, dialog.remote) == ("<sip:alice@example.com>", "<sip:bob@example.com>")
        assert dialog.remote_target == "sip:bob@192.0.2.10"
        assert (dialog.local_cseq, dialog.remote_cseq) == (1, None)

    def test_reverses_record_route(self):
        dialog = uac(extra=routes("sip:p1;lr", "sip:p2;lr"))
        assert [bare(each) for each in dialog.route_set] == ["sip:p2;lr", "sip:p1;lr"]

    def test_the_invites_own_route_is_not_the_dialogs(self):
        assert uac().route_set == []

    def test_the_answer_cannot_change_what_is_ours(self):
        sent = outgoing("INVITE")
        data = answer(read(sent.render(VIA)), 200).replace(b"tag=1\r\n", b"tag=evil\r\n").replace(b"c1\r\n", b"c2\r\n")
        assert Dialog.of_uac(sent, read(data)).identity == ("c1", "1", "9")

    def test_a_callee_without_a_tag_is_one_of_rfc_2543(self):
        dialog = uac(to_tag=None)
        assert dialog.remote_tag == ""
        assert headers(dialog.request("BYE"))["To"] == "<sip:bob@example.com>"

    def test_without_a_contact_the_target_is_where_the_invite_went(self):
        assert uac(contact=None).remote_target == "sip:bob@192.0.2.10"

    @pytest.mark.parametrize("contact", ["<broken", "<tel:+1555>", "<sip:@>"])
    def test_a_contact_that_cannot_be_read_makes_no_dialog(self, contact):
        with pytest.raises(SipError):
            uac(contact=contact)

    def test_the_headers_of_a_contact_are_no_part_of_the_target(self):
        """s19.1.1, table 1: a Request-URI has none."""
        assert uac(contact="<sip:bob@192.0.2.10;x?Route=evil>").remote_target == "sip:bob@192.0.2.10;x"


class TestRequests:
    """s12.2.1.1."""

    def test_carry_the_dialog_and_count_up(self):
        dialog = uac()
        first, second = dialog.request("BYE"), dialog.request("OPTIONS", [("Accept", "a/b")], b"x")
        found = headers(second)
        assert (second.method, second.uri, second.body) == ("OPTIONS", "sip:bob@192.0.2.10", b"x")
        assert (headers(first)["CSeq"], found["CSeq"]) == ("2 BYE", "3 OPTIONS")
        assert found["From"] == "<sip:alice@example.com>;tag=1"
        assert found["To"] == "<sip:bob@example.com>;tag=9"
        assert (found["Call-ID"], found["Max-Forwards"], found["Accept"]) == ("c1", "70", "a/b")

    def test_of_the_callee_have_from_and_to_turned_round(self):
        found = headers(uas().request("BYE"))
        assert found["From"] == "<sip:bob@example.com>;tag=mine"
        assert found["To"] == "<sip:alice@example.com>;tag=1"
        assert found["CSeq"] == "1 BYE"

    def test_an_ack_has_its_invites_number(self):
        dialog = uac()
        assert headers(dialog.request("ACK", cseq=dialog.local_cseq))["CSeq"] == "1 ACK"
        assert dialog.local_cseq == 1

    def test_loose_routers_get_the_target_as_request_uri(self):
        dialog = uas(extra=routes("sip:p1;lr", "sip:p2"))
        sent = dialog.request("BYE")
        assert sent.uri == "sip:alice@192.0.2.10"
        assert sent.pick("Route") == [("Route", "<sip:p1;lr>"), ("Route", "<sip:p2>")]
        assert dialog.next_hop() == "sip:p1;lr"

    def test_a_strict_router_becomes_the_request_uri_and_the_target_the_last_route(self):
        dialog = uas(extra=routes("sip:p1", "sip:p2;lr"))
        sent = dialog.request("BYE")
        assert sent.uri == "sip:p1"
        assert sent.pick("Route") == [("Route", "<sip:p2;lr>"), ("Route", "<sip:alice@192.0.2.10>")]
        assert dialog.next_hop() == "sip:p1"

    def test_without_routes_the_next_hop_is_the_target(self):
        assert uas().next_hop() == "sip:alice@192.0.2.10"


class TestAccept:
    """s12.2.2."""

    @pytest.fixture
    def dialog(self) -> Dialog:
        return uas(cseq=5)

    @pytest.mark.parametrize("number", [6, 7, 4_000_000_000])
    def test_the_number_rises_by_any_gap(self, dialog, number):
        dialog.accept(read(request("BYE", cseq=number)))
        assert dialog.remote_cseq == number

    @pytest.mark.parametrize("number", [0, 4, 5])
    def test_else_it_is_500(self, dialog, number):
        with pytest.raises(SipError) as error:
            dialog.accept(read(request("BYE", cseq=number)))
        assert error.value.code == 500
        assert dialog.remote_cseq == 5

    def test_the_first_request_to_the_caller_has_any_number(self):
        dialog = uac()
        dialog.accept(read(request("BYE", cseq=0)))
        assert dialog.remote_cseq == 0

    def test_a_re_invite_moves_the_target(self, dialog):
        dialog.accept(invite(cseq=6, contact="<sip:alice@198.51.100.9:5070>"))
        assert dialog.remote_target == "sip:alice@198.51.100.9:5070"

    def test_a_re_invite_without_contact_does_not(self, dialog):
        dialog.accept(invite(cseq=6, contact=""))
        assert dialog.remote_target == "sip:alice@192.0.2.10"

    def test_nor_does_any_other_request(self, dialog):
        dialog.accept(read(request("MESSAGE", cseq=6, contact="<sip:evil@198.51.100.9>")))
        assert dialog.remote_target == "sip:alice@192.0.2.10"


def test_a_record_is_the_dialog():
    dialog = uas(extra=routes("sip:p1;lr"), cseq=9)
    assert Dialog.of_record(dialog.as_record()) == dialog


@pytest.mark.parametrize(
    ("value", "without"),
    [
        ("<sip:a@b>;tag=1", "<sip:a@b>"),
        ("<sip:a@b>;x=1;tag=2;y", "<sip:a@b>;x=1;y"),
        ("sip:a@b;tag=1", "sip:a@b"),
        ("sip:a@b;x;TAG = 1", "sip:a@b;x"),
        ('"a;tag=b" <sip:a@b;tag=c>;tag=d', '"a;tag=b" <sip:a@b;tag=c>'),
        ('<sip:a@b>;x="y;tag=z>";tag=1', '<sip:a@b>;x="y;tag=z>"'),
        ('"\\"<" <sip:a@b> ; tag=1 ;x', '"\\"<" <sip:a@b>;x'),
        ("<sip:a@b>;tagged=1;tag", "<sip:a@b>;tagged=1"),
        ("<sip:a@b>", "<sip:a@b>"),
        ("<sip:a@b>  ;  x  ;  tag=1", "<sip:a@b>  ;  x"),
        ('"never closed;tag=1', '"never closed;tag=1'),
        ("<never closed;tag=1", "<never closed;tag=1"),
    ],
)
def test_only_the_tag_is_taken_from_an_address(value, without):
    assert without_tag(value) == without


def test_no_tag_is_put_on_for_an_rfc_2543_peer():
    assert with_tag("<sip:a@b>", "") == "<sip:a@b>"
    assert with_tag("<sip:a@b>", "1") == "<sip:a@b>;tag=1"


def test_a_route_is_read_with_its_display_name():
    assert bare('"a <b" <sip:p;lr>;x=1') == "sip:p;lr"
