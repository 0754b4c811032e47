"""Failures in words: by the layer that says so, or by the code that the other side answered."""

import pytest

from sessions_app.cause import NO_CAUSE, Cause, LostWith, Side, over, remark
from sessions_app.causes import tell
from sessions_app.models import MessageRecord
from tests.rows import make_failure, make_message, make_session


@pytest.mark.parametrize(
    ("layer", "text", "words", "setting"),
    [
        ("loop", "sip:127.0.0.1:5060 is this gateway itself", "come back to this gateway", "next hop"),
        ("destination", "tcp:169.254.1.1:486 is a link-local address", "does not send there", "GATEWAY_DESTINATIONS"),
        ("overload", "192.0.2.1 leaves too many requests unanswered", "Nothing more is sent", "GATEWAY_MAX_UNANSWERED"),
    ],
)
def test_what_the_gateway_itself_does_not_do_says_why_and_where_to_change_it(layer, text, words, setting):
    told = tell(Cause(Side.MSRP, layer, text))
    assert words in told.what
    assert text in told.what
    assert any(setting in each for each in told.tries)


WRITTEN = [
    (Cause(Side.MESSAGE, "sip", "404 Not Found", 404), "message side, sip: 404 Not Found", "address (404)"),
    (
        Cause(Side.MSRP, "sip", "486 Busy Here", 486, LostWith.SETUP),
        "set-up failed: msrp side, sip: 486 Busy Here",
        "The MSRP side is busy (486)",
    ),
    (Cause(Side.MSRP, "response", "481", 481), "msrp side, response: 481", "forgotten the session (481)"),
    (
        Cause(Side.MESSAGE, "destination", "udp:192.0.2.1:486 is not among the permitted destinations"),
        "message side, destination: udp:192.0.2.1:486 is not among the permitted destinations",
        "does not send there",
    ),
    (
        Cause(Side.MSRP, "tcp", "192.0.2.1:404: connection refused", None, LostWith.SETUP),
        "set-up failed: msrp side, tcp: 192.0.2.1:404: connection refused",
        "Nobody listens at the address of the MSRP side",
    ),
    (
        Cause(Side.MSRP, "tcp", "no route to host", None, LostWith.SESSION),
        "gateway, session: msrp side, tcp: no route to host",
        "No connection to the MSRP side",
    ),
    (
        over("BYE from the MSRP side").taking_along(LostWith.SESSION),
        "gateway, session: BYE from the MSRP side",
        "BYE from the MSRP side",
    ),
    (Cause(Side.MESSAGE, "timer", "no answer in 300 s"), "message side, timer: no answer in 300 s", "in time"),
    (Cause(Side.GATEWAY, "queue", "full"), "gateway, queue: full", "Too many messages"),
    (Cause(Side.GATEWAY, "expiry", "expired"), "gateway, queue: expired", "a time after which"),
    (Cause(Side.MESSAGE, "expiry", "expired"), "message side, queue: expired", "a time after which"),
]


@pytest.mark.parametrize(("cause", "detail", "words"), WRITTEN)
def test_a_cause_is_written_out_for_records_and_told_in_words(cause, detail, words):
    assert str(cause) == detail
    assert words in tell(cause).what


@pytest.mark.django_db
@pytest.mark.parametrize("cause", [cause for cause, *_ in WRITTEN])
def test_a_message_has_it_in_columns(cause):
    message = make_message(make_session(), cause, state="failed")
    assert MessageRecord.objects.get(pk=message.pk).cause == cause


@pytest.mark.django_db
def test_so_has_a_failed_set_up():
    assert make_failure().cause == Cause(Side.MSRP, "sip", "486 Busy Here", 486)


def test_what_did_not_fail_has_none_but_there_may_be_something_to_say():
    assert not NO_CAUSE
    assert str(NO_CAUSE) == ""
    assert str(remark("a relay took it, no REPORT in 30 s")) == "a relay took it, no REPORT in 30 s"
    assert remark("a relay took it")


def test_a_session_that_ends_says_whose_failure_it_was_only_where_it_was_one():
    assert over("ended by otto").end_reason == "ended by otto"
    assert Cause(Side.MSRP, "report", "REPORT 481", 481).end_reason == "msrp side, report: REPORT 481"
